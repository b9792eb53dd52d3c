"""The stored sign-ins of every backend, in one file that only its owner can read.

It is replaced atomically and only under its lock. Fields that this version does not know are kept.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from . import clock
from .errors import StoreDamaged, StoreError
from .files import prove_room, replace_file

TYPE_CHECKING = False  # Importing it from typing would cost a fifth of the start.
if TYPE_CHECKING:
    from typing import Any

FILE_NAME = "credentials.json"
FORMAT_VERSION = 1
ACCOUNT_FIELDS = ("login", "access_token", "access_token_expires_at", "refresh_token", "retry_key")
LOCK_SECONDS = 45


class Account:
    """One backend's stored sign-in. A stored personal access token has neither expiry nor refresh token.

    `retry_key` is set only between sending a refresh and storing its answer.
    """

    def __init__(
        self,
        *,
        login: str | None,
        access_token: str,
        access_token_expires_at: datetime | None,
        refresh_token: str | None,
        retry_key: str | None,
    ) -> None:
        self.login = login
        self.access_token = access_token
        self.access_token_expires_at = access_token_expires_at
        self.refresh_token = refresh_token
        self.retry_key = retry_key


class CredentialStore:
    """Reading needs no lock, because the file is only ever replaced as a whole."""

    def __init__(self, home: str) -> None:
        self.home = home
        # A link (to a synchronised folder, say) stays a link: its target is what gets replaced.
        self.path = os.path.realpath(os.path.join(home, FILE_NAME))
        self._is_locked = False

    def find_account(self, api: str) -> Account | None:
        """The sign-in at a backend. Raises StoreError (unsafe modes, unreadable) and StoreDamaged."""
        fields = self._read()["accounts"].get(api)
        return None if fields is None else _to_account(fields)

    def list_addresses(self) -> list[str]:
        """The backends with a stored sign-in. Raises as find_account does."""
        return sorted(self._read()["accounts"])

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold this around a read and the write that depends on it. Raises StoreError."""
        from .locking import exclusive_lock

        self._make_home()
        with exclusive_lock(f"{self.path}.lock", seconds=LOCK_SECONDS):
            self._is_locked = True
            try:
                yield
            finally:
                self._is_locked = False

    def save_account(self, api: str, **fields: str | None) -> None:
        """Set fields of a backend's sign-in; the lock must be held. Raises StoreError, and then nothing has changed."""
        content = self._read()
        content["accounts"].setdefault(api, {}).update(fields)
        self._write(content)

    def replace_account(self, api: str, fields: Mapping[str, str | None]) -> None:
        """Put a new sign-in in the place of the old; the lock must be held. Raises StoreError."""
        content = self._read()
        content["accounts"][api] = dict(fields)
        self._write(content)

    def remove_account(self, api: str) -> None:
        """Forget one backend's sign-in; the lock must be held. Raises StoreError."""
        content = self._read()
        if content["accounts"].pop(api, None) is not None:
            self._write(content)

    def prove_writable(self) -> None:
        """Raises StoreError where a new sign-in could not be kept; the lock must be held."""
        self._read()
        with self._explained():
            prove_room(self.path)

    def _make_home(self) -> None:
        from .files import make_private_folder

        try:
            make_private_folder(self.home)
        except OSError as error:
            raise StoreError(
                f"Cannot create {self.home}: {error.strerror}.", "Set INSIGHTA_HOME to a folder you can write to."
            ) from error

    def _read(self) -> dict[str, Any]:
        content = self._load()
        if content is not None:
            return content
        if self._is_locked:
            raise self._set_aside()
        return self._read_again_locked()

    def _read_again_locked(self) -> dict[str, Any]:
        # Another process may have put a sound file in its place meanwhile: only the lock's holder moves anything.
        try:
            with self.locked():
                return self._read()
        except StoreDamaged:
            raise
        except StoreError:
            raise _damaged(self.path) from None

    def _load(self) -> dict[str, Any] | None:
        """What is stored, or None when it is damaged."""
        try:
            with open(self.path, encoding="utf-8") as file:
                refuse_unsafe_modes(self.path, os.fstat(file.fileno()))
                return parse_content(file.read(), self.path)
        except FileNotFoundError:
            return {"version": FORMAT_VERSION, "accounts": {}}
        except UnicodeDecodeError:
            return None
        except OSError as error:
            raise StoreError(
                f"Cannot read {self.path}: {error.strerror}.", "Run 'insighta doctor' to see why."
            ) from error

    def _set_aside(self) -> StoreDamaged:
        aside = f"{self.path}.damaged-{clock.read_now():%Y%m%dT%H%M%SZ}-{os.getpid()}"
        try:
            os.rename(self.path, aside)
        except OSError:
            aside = self.path
        return _damaged(aside)

    def _write(self, content: dict[str, Any]) -> None:
        with self._explained():
            replace_file(self.path, json.dumps(content, indent=2) + "\n")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"Cannot write {self.path}: {error.strerror}.",
                "Nothing stored has changed. Make room there, or set INSIGHTA_HOME to a folder you can write to.",
            ) from error


def refuse_unsafe_modes(path: str, status: os.stat_result) -> None:
    """Raises StoreError with the fix. Windows has no such modes: there the profile folder's access list protects."""
    if sys.platform == "win32":
        return
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise StoreError(
            f"{path} can be read by others (mode {stat.S_IMODE(status.st_mode):04o}), so it is not used.",
            f"If nobody else has seen it: chmod 600 '{path}'. Otherwise delete it and sign in again.",
        )
    folder = os.path.dirname(path)
    mode = os.stat(folder).st_mode
    if mode & 0o022 and not mode & stat.S_ISVTX:
        raise StoreError(
            f"Others can replace the files in {folder}, so they are not used.", f"Close it: chmod 700 '{folder}'"
        )


def parse_content(text: str, path: str) -> dict[str, Any] | None:
    """The stored content, or None when it is damaged. Raises StoreError for the format of a later version."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    version = content.get("version") if isinstance(content, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise StoreError(
            f"{path} was written by a newer insighta.", "Upgrade this one, for example: pipx upgrade insighta"
        )
    return content if _is_well_formed(content) else None


def _damaged(kept_as: str) -> StoreDamaged:
    return StoreDamaged(
        f"The stored sign-in is damaged and cannot be read. It is kept as {kept_as}", "Sign in again: insighta login"
    )


def format_instant(instant: datetime) -> str:
    """RFC 3339 in UTC, to the second."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_well_formed(content: object) -> bool:
    if not isinstance(content, dict) or not isinstance(content.get("accounts"), dict):
        return False
    return all(_is_account(fields) for fields in content["accounts"].values())


def _is_account(fields: object) -> bool:
    if not isinstance(fields, dict) or not isinstance(fields.get("access_token"), str):
        return False
    return all(isinstance(fields.get(name), str | None) for name in ACCOUNT_FIELDS)


def _to_account(fields: Mapping[str, str | None]) -> Account:
    return Account(
        login=fields.get("login"),
        access_token=fields["access_token"] or "",
        access_token_expires_at=_parse_instant(fields.get("access_token_expires_at")),
        refresh_token=fields.get("refresh_token"),
        retry_key=fields.get("retry_key"),
    )


def _parse_instant(text: str | None) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return instant.replace(tzinfo=UTC) if instant and instant.tzinfo is None else instant
