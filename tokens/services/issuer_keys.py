"""Keys of the CI issuers that are believed, by each one's discovery document (OpenID Connect Discovery 1.0 §4)."""

import json
import logging
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import jwt

from tokens.services.outgoing import Unreachable, send_request

logger = logging.getLogger(__name__)

ALGORITHM = "RS256"
# Keys are read again when they are this old; an unknown `kid` reads them again at most once in the shorter time.
FRESH_SECONDS, SOON_SECONDS = 3600.0, 60.0
LARGEST_DOCUMENT = 256 * 1024
MOST_KEYS = 50


class IssuerKeys:
    """One issuer's keys in this process. What cannot be read again stays as it was."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._keys: dict[str, Any] = {}
        self._tried_at = float("-inf")
        self._lock = threading.Lock()

    def find(self, kid: str) -> Any | None:
        """The public key with this id; None where the issuer does not publish it, or has never been reached."""
        if kid not in self._keys or time.monotonic() - self._tried_at >= FRESH_SECONDS:
            self._read_again()
        return self._keys.get(kid)

    def _read_again(self) -> None:
        # With keys at hand nobody waits for the one who reads.
        if not self._lock.acquire(blocking=not self._keys):
            return
        try:
            if time.monotonic() - self._tried_at < SOON_SECONDS:
                return
            self._tried_at = time.monotonic()
            self._keys = _read_keys(self._issuer)
        except (Unreachable, ValueError, TypeError, AttributeError, jwt.PyJWTError) as error:
            logger.warning("the keys of %s cannot be read: %s", self._issuer, type(error).__name__)
        finally:
            self._lock.release()


_issuers: dict[str, IssuerKeys] = {}


def find_key(*, issuer: str, kid: str) -> Any | None:
    """A public key of an issuer that `CI_ISSUERS` names."""
    return _issuers.setdefault(issuer, IssuerKeys(issuer)).find(kid)


def forget_keys() -> None:
    """Make this process read them again."""
    _issuers.clear()


def _read_keys(issuer: str) -> dict[str, Any]:
    discovered = _read_document(f"{issuer}/.well-known/openid-configuration")
    jwks_uri = str(discovered["jwks_uri"]) if discovered.get("issuer") == issuer else ""
    # An issuer over http is one of development: the settings refuse it elsewhere.
    if urlsplit(jwks_uri).scheme not in {"https", urlsplit(issuer).scheme}:
        raise ValueError("no jwks_uri")
    found = _read_document(jwks_uri)["keys"]
    if len(found) > MOST_KEYS:
        raise ValueError("too many keys")
    keys = {}
    for key in found:
        if key.get("kty") == "RSA" and key.get("use", "sig") == "sig" and isinstance(key.get("kid"), str):
            keys[key["kid"]] = jwt.PyJWK(key, algorithm=ALGORITHM).key
    if not keys:
        raise ValueError("no keys")
    return keys


def _read_document(url: str) -> dict[str, Any]:
    if not urlsplit(url).hostname:
        raise ValueError("no host")
    # The operator has named the issuer, which may be on a network of their own.
    answer = send_request(url=url, limit=LARGEST_DOCUMENT, networks=None, headers={"Accept": "application/json"})
    if answer.status != 200 or len(answer.body) > LARGEST_DOCUMENT:
        raise ValueError("no document")
    document: dict[str, Any] = json.loads(answer.body)
    return document
