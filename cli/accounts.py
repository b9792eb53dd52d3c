from __future__ import annotations

import binascii
from datetime import UTC, datetime

from . import TYPE_CHECKING
from .errors import StoreError
from .json_text import parse_json

if TYPE_CHECKING:
    from typing import Any

FORMAT_VERSION = 1
ACCOUNT_FIELDS = ("login", "person_id", "access_token", "access_token_expires_at", "refresh_token", "retry_key")


class Account:
    """One person's stored sign-in. A stored personal access token has neither expiry nor refresh token.

    `retry_key` is set only between sending a refresh and storing its answer. `key` tells the accounts of a backend
    apart: the person's id or, for a token that may not read it, a digest of that token.
    """

    def __init__(self, fields: dict[str, str | None]) -> None:
        self.login = fields.get("login")
        self.access_token = fields["access_token"] or ""
        self.access_token_expires_at = _parse_instant(fields.get("access_token_expires_at"))
        self.refresh_token = fields.get("refresh_token")
        self.retry_key = fields.get("retry_key")
        self.person_id = fields.get("person_id") or read_claims(self.access_token).get("sub")

    @property
    def key(self) -> str:
        if _is_name(str(self.person_id or "")):
            return str(self.person_id)
        import hashlib

        return f"token-{hashlib.sha256(self.access_token.encode()).hexdigest()[:12]}"

    @property
    def name(self) -> str:
        """What `--account` takes."""
        login = self.login or ""
        return login if _is_name(login) else self.key


def read_claims(access_token: str) -> dict[str, Any]:
    """What a JWT says of itself, not verified; empty for any other token."""
    parts = access_token.split(".")
    try:
        claims = parse_json(binascii.a2b_base64(parts[1].replace("-", "+").replace("_", "/") + "==").decode())
    except (ValueError, IndexError, RecursionError):  # A token of another form
        return {}
    return claims if isinstance(claims, dict) else {}


def parse_content(text: str, path: str) -> dict[str, Any] | None:
    """The stored content, or None when it is damaged. Raises StoreError for the format of a later version."""
    try:
        content = parse_json(text)
    except (ValueError, RecursionError):
        return None
    version = content.get("version") if isinstance(content, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise StoreError(
            f"{path} was written by a newer insighta.", "Upgrade this one, for example: pipx upgrade insighta"
        )
    return content if _is_well_formed(content) else None


def _is_well_formed(content: object) -> bool:
    if not isinstance(content, dict):
        return False
    current, others = content.get("accounts"), content.get("others", {})
    groups = [current, *others.values()] if isinstance(others, dict) else [None]
    return all(isinstance(group, dict) and all(map(_is_account, group.values())) for group in groups)


def _is_account(fields: object) -> bool:
    if not isinstance(fields, dict) or not isinstance(fields.get("access_token"), str):
        return False
    if not all(isinstance(fields.get(name), str | None) for name in ACCOUNT_FIELDS):
        return False
    return all(is_visible(fields.get(name) or "-") for name in ("access_token", "refresh_token", "retry_key"))


def is_visible(text: str) -> bool:
    """Whether it can be a token: ASCII without spaces and control characters."""
    return text.isascii() and text.isprintable() and " " not in text


def _is_name(text: str) -> bool:
    """Whether nothing in it means anything to a shell: it stands in commands to type."""
    return bool(text) and all(character.isalnum() or character in "_.@-" for character in text)


def _parse_instant(text: str | None) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text) if text else None
        return instant and (instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None
