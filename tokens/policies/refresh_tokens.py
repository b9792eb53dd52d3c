"""The form of a refresh token, and the honest retry's successor. Pure: randomness and keys are arguments."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

PREFIX = "insr_"
SECRET_BYTES = 32
TAG_BYTES = 16
# 68 bytes: their base64url form needs one padding character.
_LENGTH = 16 + 4 + SECRET_BYTES + TAG_BYTES


@dataclass(frozen=True)
class RefreshToken:
    """`insr_` + base64url(session id, generation, secret, tag). `str()` hides it; `text` is the token itself."""

    session_id: UUID
    generation: int
    text: str

    def __str__(self) -> str:
        return f"refresh token of session {self.session_id}, generation {self.generation}"

    __repr__ = __str__

    @property
    def digest(self) -> bytes:
        """What is stored: SHA-256 of the whole token."""
        return hashlib.sha256(self.text.encode()).digest()


def make_token(*, session_id: UUID, generation: int, secret: bytes, key: str) -> RefreshToken:
    """A token whose tag shows later that this service made it, whatever generation it is."""
    body = session_id.bytes + generation.to_bytes(4, "big") + secret
    text = PREFIX + base64.urlsafe_b64encode(body + _tag(body, key)).decode().rstrip("=")
    return RefreshToken(session_id, generation, text)


def read_token(text: str, *, keys: list[str]) -> RefreshToken | None:
    """The token, if its tag was made with one of `keys`; None for anything forged, foreign or malformed."""
    if not text.startswith(PREFIX) or not text.isascii():
        return None
    try:
        raw = base64.b64decode(text[len(PREFIX) :] + "=", altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    if len(raw) != _LENGTH or base64.urlsafe_b64encode(raw).decode().rstrip("=") != text[len(PREFIX) :]:
        return None
    body, tag = raw[:-TAG_BYTES], raw[-TAG_BYTES:]
    if not any(hmac.compare_digest(tag, _tag(body, key)) for key in keys):
        return None
    return RefreshToken(UUID(bytes=body[:16]), int.from_bytes(body[16:20], "big"), text)


def make_successor(presented: RefreshToken, *, nonce: bytes, retry_key: str, key: str) -> RefreshToken:
    """The one successor of `presented` for this rotation's nonce and retry key.

    It can be made again for an honest retry, though only digests are stored: that takes the service's key, the
    row's nonce, the presented token and the client's retry key together.
    """
    message = b"insighta successor\0" + nonce + presented.text.encode() + b"\0" + retry_key.encode()
    secret = hmac.digest(key.encode(), message, "sha256")
    return make_token(session_id=presented.session_id, generation=presented.generation + 1, secret=secret, key=key)


def make_redeemed(session_id: UUID, *, code: str, retry_key: str, key: str) -> RefreshToken:
    """The first token of a session that an authorization code opens, to be made again for an honest retry."""
    message = b"insighta redeemed code\0" + code.encode(errors="surrogatepass") + b"\0" + retry_key.encode()
    secret = hmac.digest(key.encode(), message, "sha256")
    return make_token(session_id=session_id, generation=0, secret=secret, key=key)


def _tag(body: bytes, key: str) -> bytes:
    return hmac.digest(key.encode(), b"insighta refresh tag\0" + body, "sha256")[:TAG_BYTES]
