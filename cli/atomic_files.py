"""Files that survive a crash: the old content or the new, never a part, and for the owner's eyes only."""

import os
import sys
import time
from contextlib import suppress


def make_private_folder(folder: str) -> None:
    """Create a folder for its owner only, or close one that others may enter if it is ours and holds nothing else.

    Raises OSError.
    """
    if not os.path.exists(folder):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        give_to_owner_of_folder(folder)
    if sys.platform != "win32" and _is_open_to_others(folder) and _holds_only_ours(folder):
        os.chmod(folder, 0o700)


def _is_open_to_others(folder: str) -> bool:
    status = os.stat(folder)
    return sys.platform != "win32" and bool(status.st_mode & 0o077) and status.st_uid == os.geteuid()


def _holds_only_ours(folder: str) -> bool:
    # INSIGHTA_HOME may point at a shared folder by mistake; closing that one would break other programs.
    return all(name.startswith("credentials.json") for name in os.listdir(folder))


def replace_file(path: str, text: str) -> None:
    """Put `text` in the place of the file's content, on disk when this returns.

    The caller holds the lock that makes it the only writer. Raises OSError, and then nothing has changed.
    """
    draft = _draft_of(path)
    _remove(draft)
    try:
        _write_private(draft, text.encode())
        give_to_owner_of_folder(draft)
        _replace(draft, path)
    except OSError:
        _remove(draft)
        raise
    _sync_folder(os.path.dirname(path))


def give_to_owner_of_folder(path: str) -> None:
    """`sudo insighta` with the person's HOME must not leave there what the person cannot open. Raises OSError."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return
    owner = os.stat(os.path.dirname(path))
    if owner.st_uid != 0:
        os.chown(path, owner.st_uid, owner.st_gid)


def prove_room(path: str) -> None:
    """Raises OSError where `replace_file` could not write the present content and 4 KiB more."""
    size = os.path.getsize(path) if os.path.exists(path) else 0
    draft = _draft_of(path)
    _remove(draft)
    try:
        _write_private(draft, b" " * (size + 4096))
    finally:
        _remove(draft)


def _draft_of(path: str) -> str:
    return f"{path}.new"


def _write_private(path: str, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _replace(draft: str, path: str) -> None:
    # Windows refuses while another process reads the file, which takes a moment at most.
    for _ in range(50 if sys.platform == "win32" else 0):
        try:
            os.replace(draft, path)
        except PermissionError:
            time.sleep(0.02)
        else:
            return
    os.replace(draft, path)


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)


def _sync_folder(folder: str) -> None:
    # Only POSIX lets a folder be opened; NTFS journals the rename itself.
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # Some network file systems cannot sync a folder; the file itself is on disk.
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
