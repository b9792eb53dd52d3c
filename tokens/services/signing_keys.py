import base64
import hashlib
import logging
import secrets
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import jwt
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from django.conf import settings
from django.db import transaction
from jwt.algorithms import ECAlgorithm

from tokens.repositories import signing_keys

if TYPE_CHECKING:
    from tokens.models import SigningKey

logger = logging.getLogger(__name__)

ALGORITHM = "ES256"
# A process looks for new keys this often; an unknown `kid` makes it look at most once in the shorter time.
_FRESH_SECONDS, _UNKNOWN_KID_SECONDS = 60.0, 5.0


@dataclass(frozen=True)
class PublishedKey:
    """A key as this process verifies with it, whether or not a SECRET_KEY opens its private half."""

    kid: str
    public_key: ec.EllipticCurvePublicKey
    public_jwk: dict[str, Any]
    activates_at: datetime


@dataclass(frozen=True)
class LoadedKey(PublishedKey):
    """A key that this process can sign with."""

    private_key: ec.EllipticCurvePrivateKey = field(repr=False)


class KeyRing:
    """The unretired keys, kept in the process so that signing and verifying cost no query."""

    def __init__(self) -> None:
        self._keys: dict[str, PublishedKey] = {}
        self._loaded_at = float("-inf")
        self._lock = threading.Lock()

    def load(self, *, now: datetime, at_most_every: float = _FRESH_SECONDS) -> dict[str, PublishedKey]:
        """The keys by `kid`, read again when they are older than `at_most_every` seconds."""
        if time.monotonic() - self._loaded_at < at_most_every:
            return self._keys
        with self._lock:
            if time.monotonic() - self._loaded_at >= at_most_every:
                self._keys = {row.kid: _unseal(row) for row in signing_keys.list_keys(now=now)}
                self._loaded_at = time.monotonic()
        return self._keys

    def forget(self) -> None:
        """Read the keys again at the next use."""
        self._loaded_at = float("-inf")


_ring = KeyRing()


def sign(*, claims: dict[str, Any], headers: dict[str, str], now: datetime) -> str:
    """A JWT, signed with the key that is active at `now`."""
    key = active_key(now=now)
    return jwt.encode(claims, key.private_key, algorithm=ALGORITHM, headers={**headers, "kid": key.kid})


def active_key(*, now: datetime) -> LoadedKey:
    """The key that signs at `now`, with its private half; the first one is made here if there is none yet."""
    key = _find_signer(_ring.load(now=now).values(), now=now)
    if key is None:
        ensure_signing_key(now=now)
        key = _find_signer(_ring.load(now=now).values(), now=now)
    if key is None:
        raise RuntimeError("A signing key was made, but it cannot be read back.")
    return key


def find_public_key(kid: str, *, now: datetime) -> ec.EllipticCurvePublicKey | None:
    """The public half of a published key. An unknown `kid` costs at most one query in five seconds."""
    key = _ring.load(now=now).get(kid) or _ring.load(now=now, at_most_every=_UNKNOWN_KID_SECONDS).get(kid)
    return key.public_key if key else None


def key_set(*, now: datetime) -> dict[str, list[dict[str, Any]]]:
    """RFC 7517: the public halves of current, coming and retiring keys."""
    return {"keys": [key.public_jwk for key in _ring.load(now=now).values()]}


def has_signing_key(*, now: datetime) -> bool:
    """Whether this process can sign: there is a key, and SECRET_KEY opens it. The first key is made here."""
    return active_key(now=now) is not None


def ensure_signing_key(*, now: datetime) -> None:
    """Make a signing key unless there is one that SECRET_KEY opens."""
    with transaction.atomic():
        signing_keys.lock_keys()
        if _find_signer(map(_unseal, signing_keys.list_keys(now=now)), now=now) is None:
            signing_keys.insert_key(_generate(activates_at=now))
    _ring.forget()


def _find_signer(keys: Iterable[PublishedKey], *, now: datetime) -> LoadedKey | None:
    able = [key for key in keys if isinstance(key, LoadedKey) and key.activates_at <= now]
    return max(able, key=lambda key: key.activates_at, default=None)


@transaction.atomic(durable=True)
def rotate_signing_keys(*, now: datetime, activates_in: timedelta, retire_now: bool = False) -> str:
    """Add a key that signs `activates_in` from now; the earlier ones stay published until their tokens have expired.

    `activates_in` is at least the minute within which every process has read the new key. `retire_now` withdraws
    the earlier ones for a key that leaked: within that minute every access token signed with them is dead, and
    every client gets a new one by its next refresh. Returns the new `kid`.
    """
    signing_keys.lock_keys()
    delay = max(activates_in, timedelta(seconds=_FRESH_SECONDS))
    key = _generate(activates_at=now if retire_now else now + delay)
    signing_keys.insert_key(key)
    if retire_now:
        signing_keys.retire_other_keys(key.kid, retires_at=now)
    else:
        grace = timedelta(seconds=settings.ACCESS_TOKEN_SECONDS + 2 * _FRESH_SECONDS)
        signing_keys.retire_keys_before(key.activates_at, retires_at=key.activates_at + grace)
    transaction.on_commit(_ring.forget)
    return key.kid


def forget_keys() -> None:
    """Make this process read the keys again."""
    _ring.forget()


def _generate(*, activates_at: datetime) -> "SigningKey":
    private_key = ec.generate_private_key(ec.SECP256R1())
    kid = secrets.token_urlsafe(12)
    jwk = ECAlgorithm.to_jwk(private_key.public_key(), as_dict=True)
    sealed = _cipher().encrypt(private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    return signing_keys.build_key(
        kid=kid,
        private_key=sealed,
        public_jwk={**jwk, "kid": kid, "use": "sig", "alg": ALGORITHM},
        activates_at=activates_at,
    )


def _unseal(row: "SigningKey") -> PublishedKey:
    public_key = cast(ec.EllipticCurvePublicKey, ECAlgorithm.from_jwk(row.public_jwk))
    published = PublishedKey(row.kid, public_key, row.public_jwk, row.activates_at)
    try:
        opened = load_der_private_key(_cipher().decrypt(bytes(row.private_key)), password=None)
    except InvalidToken:
        logger.warning("no SECRET_KEY opens signing key %s: it verifies, but does not sign", row.kid)
        return published
    return LoadedKey(**vars(published), private_key=cast(ec.EllipticCurvePrivateKey, opened))


def _cipher() -> MultiFernet:
    """Encrypts with the first SECRET_KEY and decrypts with any accepted one."""
    return MultiFernet([_fernet(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _fernet(secret: str) -> Fernet:
    kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"insighta signing keys")
    return Fernet(base64.urlsafe_b64encode(kdf.derive(hashlib.sha256(secret.encode()).digest())))
