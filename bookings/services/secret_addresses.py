"""Addresses that work for whoever knows them: a person's id and an HMAC, so they are shown again without being kept."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from uuid import UUID

from django.conf import settings

from bookings import errors

MAC_BYTES = 24


def write_secret(*, prefix: str, parts: tuple[str, ...], user_id: UUID) -> str:
    """The secret for what `parts` name, made with the first `TOKEN_KEY`."""
    return prefix + _text(user_id.bytes + _mac(settings.TOKEN_KEYS[0], user_id, parts))


def read_owner(*, secret: str, prefix: str, parts_of: Callable[[UUID], tuple[str, ...] | None]) -> UUID:
    """Whose secret it is. `parts_of` gives what a person's secret names now, or None for no valid one.

    Raises NotFound.
    """
    body = secret.removeprefix(prefix)
    try:
        raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars="-_", validate=True)
    except ValueError as error:
        raise errors.NotFound from error
    if len(raw) != 16 + MAC_BYTES or secret != prefix + _text(raw):
        raise errors.NotFound
    user_id, mac = UUID(bytes=raw[:16]), raw[16:]
    parts = parts_of(user_id)
    if parts is None or not any(hmac.compare_digest(mac, _mac(key, user_id, parts)) for key in settings.TOKEN_KEYS):
        raise errors.NotFound
    return user_id


def _mac(key: str, user_id: UUID, parts: tuple[str, ...]) -> bytes:
    label, *rest = (part.encode() for part in parts)
    return hmac.new(key.encode(), b"\0".join([label, user_id.bytes, *rest]), hashlib.sha256).digest()[:MAC_BYTES]


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
