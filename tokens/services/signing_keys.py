import base64
import hashlib
import json
import logging
import secrets
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.asymmetric import ec, rsa
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
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.utils import base64url_encode

from tokens.repositories import signing_keys

if TYPE_CHECKING:
    from tokens.models import SigningKey

logger = logging.getLogger(__name__)

ES256, RS256 = "ES256", "RS256"
_SIGNERS: dict[str, Any] = {ES256: ECAlgorithm(ECAlgorithm.SHA256), RS256: RSAAlgorithm(RSAAlgorithm.SHA256)}
_JSON = json.JSONEncoder(separators=(",", ":"))
# Access tokens are always signed with it.
ALGORITHM = ES256
_RSA_BITS = 2048
# A process looks for new keys this often; an unknown `kid` makes it look at most once in the shorter time.
_FRESH_SECONDS, _UNKNOWN_KID_SECONDS = 60.0, 5.0


@dataclass(frozen=True)
class PublishedKey:
    """A key as this process verifies with it, whether or not a SECRET_KEY opens its private half."""

    kid: str
    algorithm: str
    public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey
    activates_at: datetime


@dataclass(frozen=True)
class LoadedKey(PublishedKey):
    """A key that this process can sign with."""

    private_key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = field(repr=False)


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


def sign(*, claims: dict[str, Any], typ: str, now: datetime, algorithm: str = ES256) -> str:
    """A JWT (RFC 7515 §7.1), signed with the key of this algorithm that is active at `now`.

    PyJWT's `encode` puts the header together and checks the key each time; both are as they were for the token before.
    """
    key = active_key(now=now, algorithm=algorithm)
    signed = _encode_header(typ, algorithm, key.kid) + b"." + _encode_part(claims)
    signature = _SIGNERS[algorithm].sign(signed, key.private_key)
    return (signed + b"." + base64url_encode(signature)).decode()


@lru_cache(maxsize=16)
def _encode_header(typ: str, algorithm: str, kid: str) -> bytes:
    return _encode_part({"alg": algorithm, "kid": kid, "typ": typ})


def _encode_part(members: dict[str, Any]) -> bytes:
    return base64url_encode(_JSON.encode(members).encode())


def active_key(*, now: datetime, algorithm: str = ES256) -> LoadedKey:
    """The key that signs at `now`, with its private half; the first one is made here. Raises RuntimeError for none."""
    key = _find_signer(_ring.load(now=now).values(), now=now, algorithm=algorithm)
    if key is None:
        ensure_signing_key(now=now, algorithm=algorithm)
        key = _find_signer(_ring.load(now=now).values(), now=now, algorithm=algorithm)
    if key is None:
        raise RuntimeError("A signing key was made, but it cannot be read back.")
    return key


def find_public_key(kid: str, *, now: datetime) -> ec.EllipticCurvePublicKey | None:
    """The public half of a published key of access tokens. An unknown `kid` costs at most one query in five seconds."""
    key = _find_published(kid, now=now)
    return key.public_key if key and isinstance(key.public_key, ec.EllipticCurvePublicKey) else None


def find_key_of_hint(kid: str, *, now: datetime) -> PublishedKey | None:
    """A published key, or the public half of a retired one that may still verify hints, which costs a query."""
    published = _find_published(kid, now=now)
    if published is not None:
        return published
    row = signing_keys.find_retired_key(kid, now=now)
    return _publish(row) if row else None


def _find_published(kid: str, *, now: datetime) -> PublishedKey | None:
    return _ring.load(now=now).get(kid) or _ring.load(now=now, at_most_every=_UNKNOWN_KID_SECONDS).get(kid)


def key_set(*, now: datetime) -> dict[str, list[dict[str, Any]]]:
    """RFC 7517 §5: the public halves of current, coming and retiring keys; the first key is made here.

    They are read for each request: another process may have made the first key of an algorithm a moment ago, and have
    signed with it.
    """
    active_key(now=now)
    return {"keys": [row.public_jwk for row in signing_keys.list_keys(now=now)]}


def ensure_signing_key(*, now: datetime, algorithm: str = ES256) -> None:
    """Make a signing key of this algorithm unless there is one that SECRET_KEY opens."""
    with transaction.atomic():
        signing_keys.lock_keys()
        if _find_signer(map(_unseal, signing_keys.list_keys(now=now)), now=now, algorithm=algorithm) is None:
            signing_keys.insert_key(_generate(activates_at=now, algorithm=algorithm))
        transaction.on_commit(_ring.forget)
    _ring.forget()


def _find_signer(keys: Iterable[PublishedKey], *, now: datetime, algorithm: str) -> LoadedKey | None:
    able = [
        key for key in keys if isinstance(key, LoadedKey) and key.algorithm == algorithm and key.activates_at <= now
    ]
    return max(able, key=lambda key: key.activates_at, default=None)


@transaction.atomic(durable=True)
def rotate_signing_keys(*, now: datetime, activates_in: timedelta, retire_now: bool = False) -> str:
    """Add a key that signs `activates_in` from now; the earlier ones stay published until their tokens have expired.

    Where applications have ID tokens with RS256, a key for those, too. `activates_in` is at least the minute within
    which every process has read the new key. `retire_now` withdraws the earlier ones for a key that leaked: within that
    minute every access token signed with them is dead, and every client gets a new one by its next refresh. Returns the
    new `kid` of access tokens.
    """
    signing_keys.lock_keys()
    activates_at = now if retire_now else now + max(activates_in, timedelta(seconds=_FRESH_SECONDS))
    used = {key.algorithm for key in signing_keys.list_keys(now=now)} | {ES256}
    keys = [_generate(activates_at=activates_at, algorithm=algorithm) for algorithm in sorted(used)]
    for key in keys:
        signing_keys.insert_key(key)
    if retire_now:
        signing_keys.retire_other_keys([key.kid for key in keys], retires_at=now)
    else:
        retires_at = activates_at + timedelta(seconds=settings.ACCESS_TOKEN_SECONDS + 2 * _FRESH_SECONDS)
        hints_until = retires_at + settings.SESSION_LIFETIME
        signing_keys.retire_keys_before(activates_at, retires_at=retires_at, hints_until=hints_until)
    transaction.on_commit(_ring.forget)
    return keys[0].kid


def forget_keys() -> None:
    """Make this process read the keys again."""
    _ring.forget()


def _generate(*, activates_at: datetime, algorithm: str) -> "SigningKey":
    private_key = make_rsa_key() if algorithm == RS256 else ec.generate_private_key(ec.SECP256R1())
    kid = secrets.token_urlsafe(12)
    sealed = _cipher().encrypt(private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    return signing_keys.build_key(
        kid=kid,
        algorithm=algorithm,
        private_key=sealed,
        public_jwk={**_jwk_of(private_key), "kid": kid, "use": "sig", "alg": algorithm},
        activates_at=activates_at,
    )


def make_rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=_RSA_BITS)


def _jwk_of(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> dict[str, Any]:
    if isinstance(key, rsa.RSAPrivateKey):
        found = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        return {name: found[name] for name in ("kty", "n", "e")}
    return ECAlgorithm.to_jwk(key.public_key(), as_dict=True)


def _publish(row: "SigningKey") -> PublishedKey:
    read = RSAAlgorithm.from_jwk if row.algorithm == RS256 else ECAlgorithm.from_jwk
    public_key = cast("ec.EllipticCurvePublicKey | rsa.RSAPublicKey", read(row.public_jwk))
    return PublishedKey(row.kid, row.algorithm, public_key, row.activates_at)


def _unseal(row: "SigningKey") -> PublishedKey:
    published = _publish(row)
    try:
        opened = load_der_private_key(_cipher().decrypt(bytes(row.private_key)), password=None)
    except InvalidToken:
        logger.warning("no SECRET_KEY opens signing key %s: it verifies, but does not sign", row.kid)
        return published
    private_key = cast("ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey", opened)
    return LoadedKey(**vars(published), private_key=private_key)


def _cipher() -> MultiFernet:
    """Encrypts with the first SECRET_KEY and decrypts with any accepted one."""
    return MultiFernet([_fernet(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _fernet(secret: str) -> Fernet:
    kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"insighta signing keys")
    return Fernet(base64.urlsafe_b64encode(kdf.derive(hashlib.sha256(secret.encode()).digest())))
