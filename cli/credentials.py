"""The stored sign-ins of every backend, in one file that only its owner can read.

`accounts` holds the current account of each backend, `others` the rest by person, `default` the backend to talk to. The
file is replaced atomically and only under its lock. Fields that this version does not know are kept.
"""

from __future__ import annotations

import os
import stat
import sys

from . import TYPE_CHECKING
from .accounts import ACCOUNT_FIELDS, FORMAT_VERSION, Account, parse_content
from .errors import StoreDamaged, StoreError, UsageError
from .times import read_now

if TYPE_CHECKING:
    from typing import Any

FILE_NAME = "credentials.json"
LOCK_SECONDS = 45


class CredentialStore:
    """Reading needs no lock, because the file is only ever replaced as a whole.

    Every method raises StoreError (unsafe modes, unreadable, not writable) and StoreDamaged. Those that write need the
    lock; when they raise, nothing has changed.
    """

    def __init__(self, home: str) -> None:
        self.home = home
        # A link (to a synchronised folder, say) stays a link: its target is what gets replaced.
        self.path = os.path.realpath(os.path.join(home, FILE_NAME))
        self._is_locked = False

    def find_account(self, api: str, name: str | None = None) -> Account | None:
        """The current account at a backend, or the one with that login or key. Raises UsageError for several."""
        if name is None:
            fields = self._read()["accounts"].get(api)
            return Account(fields) if fields else None
        accounts = self.list_accounts(api)
        matches = [one for one in accounts if name == one.key or name.lower() == (one.login or "").lower()]
        if len(matches) > 1:
            keys = "\n".join(f"{one.key}  {one.login}" for one in matches)
            raise UsageError(f"Several accounts at {api} are called {name}. Name one by its id:", keys)
        return matches[0] if matches else None

    def list_accounts(self, api: str) -> list[Account]:
        """All at a backend, the current one first."""
        content = self._read()
        current = [Account(content["accounts"][api])] if api in content["accounts"] else []
        others = map(Account, content.get("others", {}).get(api, {}).values())
        return current + [one for one in others if not current or one.key != current[0].key]

    def list_addresses(self) -> list[str]:
        """The backends with a stored sign-in."""
        content = self._read()
        return sorted({*content["accounts"], *(api for api, others in content.get("others", {}).items() if others)})

    def find_default(self) -> str | None:
        """The backend that was last named to `login`; None also where the file cannot be read."""
        try:
            address = (self._load() or {}).get("default")
        except StoreError:
            return None
        return address if isinstance(address, str) else None

    def locked(self) -> _Locked:
        """Hold this around a read and the write that depends on it."""
        return _Locked(self)

    def save_account(self, api: str, key: str, **fields: str | None) -> None:
        """Set fields of an account that is there."""
        content = self._read()
        current = content["accounts"].get(api)
        is_current = current is not None and Account(current).key == key
        (current if is_current else content["others"][api][key]).update(fields)
        self._write(content)

    def add_account(self, api: str, fields: dict[str, str | None], *, is_default: bool = False) -> list[Account]:
        """Make a new sign-in the current one of a backend. Gives back what the same person had stored before."""
        content = self._read()
        replaced = _make_current(content, api, dict.fromkeys(ACCOUNT_FIELDS) | fields)
        if is_default:
            content["default"] = api
        self._write(content)
        return replaced

    def switch_account(self, api: str, account: Account) -> list[Account]:
        """Make a stored account the current one of its backend. Gives back what an older command left beside it."""
        content = self._read()
        current = content["accounts"].get(api)
        if current and Account(current).key == account.key:
            return []
        replaced = _make_current(content, api, content["others"][api].pop(account.key))
        self._write(content)
        return replaced

    def remove_account(self, api: str, account: Account) -> None:
        """Forget one account."""
        content = self._read()
        if api in content["accounts"] and Account(content["accounts"][api]).key == account.key:
            del content["accounts"][api]
        content.get("others", {}).get(api, {}).pop(account.key, None)
        self._write(content)

    def prove_writable(self) -> None:
        """Raises StoreError where a new sign-in could not be stored; the lock must be held."""
        from .atomic_files import prove_room

        self._read()
        try:
            prove_room(self.path)
        except OSError as error:
            raise self._explain(error) from error

    def _make_home(self) -> None:
        from .atomic_files import make_private_folder

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
            with open(self.path, encoding="utf-8-sig") as file:
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
        aside = f"{self.path}.damaged-{read_now():%Y%m%dT%H%M%SZ}-{os.getpid()}"
        try:
            os.rename(self.path, aside)
        except OSError:
            aside = self.path
        return _damaged(aside)

    def _write(self, content: dict[str, Any]) -> None:
        import json

        from .atomic_files import replace_file

        try:
            replace_file(self.path, json.dumps(content, indent=2) + "\n")
        except OSError as error:
            raise self._explain(error) from error

    def _explain(self, error: OSError) -> StoreError:
        return StoreError(
            f"Cannot write {self.path}: {error.strerror}.",
            "Nothing stored has changed. Make room there, or set INSIGHTA_HOME to a folder you can write to.",
        )


class _Locked:
    """A class, because `contextlib` takes a third of Python's own start."""

    def __init__(self, store: CredentialStore) -> None:
        from .locking import exclusive_lock

        self._store = store
        self._lock = exclusive_lock(f"{store.path}.lock", seconds=LOCK_SECONDS)

    def __enter__(self) -> None:
        self._store._make_home()
        self._lock.__enter__()
        self._store._is_locked = True

    def __exit__(self, *error: Any) -> None:
        self._store._is_locked = False
        self._lock.__exit__(*error)


def _make_current(content: dict[str, Any], api: str, fields: dict[str, str | None]) -> list[Account]:
    """The former current account joins the others, unless it is the same person's: that one has been replaced."""
    others = content.setdefault("others", {}).setdefault(api, {})
    key = Account(fields).key
    replaced = [others.pop(key, None)]
    former = content["accounts"].get(api)
    if former and Account(former).key != key:
        replaced.append(others.pop(Account(former).key, None))
        others[Account(former).key] = former
    else:
        replaced.append(former)
    content["accounts"][api] = fields
    return [Account(one) for one in replaced if one]


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


def _damaged(kept_as: str) -> StoreDamaged:
    return StoreDamaged(
        f"The stored sign-in is damaged and cannot be read. It is kept as {kept_as}", "Sign in again: insighta login"
    )
