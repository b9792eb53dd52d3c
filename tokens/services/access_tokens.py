import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from threading import Lock
from typing import Any
from uuid import UUID

import jwt
from cachetools import LRUCache
from django.conf import settings
from jwt.types import Options

from tokens.services import signing_keys

TYPE = "at+jwt"
_REQUIRED = ["iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope", "sid", "gen"]


@dataclass(frozen=True)
class Claims:
    """What a verified access token says (RFC 9068 §2.2), and which session and generation it belongs to."""

    session_id: UUID
    user_id: UUID
    client_id: str
    scope: str
    generation: int
    expires_at: int
    issued_at: int
    token_id: str


def mint_access_token(
    *,
    session_id: UUID,
    user_id: UUID,
    client_id: str,
    scope: str,
    generation: int,
    now: datetime,
    ends_at: datetime,
    is_only_one: bool = False,
) -> tuple[str, int]:
    """An access token (RFC 9068, ES256) and its lifetime in seconds, which never passes the session's end.

    With `is_only_one` no other follows it: it lives until that end.
    """
    left = int((ends_at - now).total_seconds())
    lifetime = max(1, left if is_only_one else min(int(settings.ACCESS_TOKEN_SECONDS), left))
    issued_at = int(now.timestamp())
    claims = {
        "iss": settings.BACKEND_URL,
        "aud": settings.BACKEND_URL,
        "sub": str(user_id),
        "iat": issued_at,
        "exp": issued_at + lifetime,
        "jti": secrets.token_hex(16),
        "client_id": client_id,
        "scope": scope,
        "sid": str(session_id),
        "gen": generation,
    }
    return signing_keys.sign(claims=claims, typ=TYPE, now=now), lifetime


# Signatures that this process has checked, by the token's digest: key id and claims, never the session's state.
_verified: LRUCache[bytes, tuple[str, Claims]] = LRUCache(maxsize=10_000)
_verified_lock = Lock()


def find_claims(token: str, *, now: datetime, allow_expired: bool = False) -> Claims | None:
    """The claims of an access token of ours; None if it is forged, foreign, malformed, or (unless allowed) expired.

    The signature is checked once in a process; the key must still be published each time.
    """
    digest = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
    with _verified_lock:
        known = _verified.get(digest)
    if known is None:
        known = _verify(token, now=now)
        if known is None:
            return None
        with _verified_lock:
            _verified[digest] = known
    kid, claims = known
    if signing_keys.find_public_key(kid, now=now) is None:
        return None
    return claims if allow_expired or now.timestamp() < claims.expires_at else None


def _verify(token: str, *, now: datetime) -> tuple[str, Claims] | None:
    try:
        header = _read_header(token.partition(".")[0])
        kid = header.get("kid")
        if header.get("typ") != TYPE or not isinstance(kid, str):
            return None
        key = signing_keys.find_public_key(kid, now=now)
        if key is None:
            return None
        return kid, _claims(_decode(token, key))
    except (jwt.PyJWTError, ValueError, TypeError):
        return None


@lru_cache(maxsize=16)
def _read_header(segment: str) -> dict[str, Any]:
    """The same for all tokens of one key. Raises PyJWTError."""
    return jwt.get_unverified_header(f"{segment}..")


def _decode(token: str, key: Any) -> dict[str, Any]:
    # Expiry is judged by the caller's clock at every use, not once here.
    options: Options = {"require": _REQUIRED, "verify_exp": False, "verify_iat": False}
    issuer = settings.BACKEND_URL
    algorithms = [signing_keys.ALGORITHM]
    claims: dict[str, Any] = jwt.decode(
        token, key, algorithms=algorithms, audience=issuer, issuer=issuer, options=options
    )
    return claims


def _claims(claims: dict[str, Any]) -> Claims:
    return Claims(
        session_id=UUID(claims["sid"]),
        user_id=UUID(claims["sub"]),
        client_id=str(claims["client_id"]),
        scope=str(claims["scope"]),
        generation=int(claims["gen"]),
        expires_at=int(claims["exp"]),
        issued_at=int(claims["iat"]),
        token_id=str(claims["jti"]),
    )
