"""Files that survive a crash: the old content or the new, never a part, and for the owner's eyes only."""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path


def make_private_folder(folder: Path) -> None:
    """Create a folder for its owner only, or close one that others may enter if it is ours and holds nothing else.

    Raises OSError.
    """
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        give_to_owner_of_folder(folder)
    if sys.platform != "win32" and _is_open_to_others(folder) and _holds_only_ours(folder):
        folder.chmod(0o700)


def _is_open_to_others(folder: Path) -> bool:
    status = folder.stat()
    return sys.platform != "win32" and bool(status.st_mode & 0o077) and status.st_uid == os.geteuid()


def _holds_only_ours(folder: Path) -> bool:
    # INSIGHTA_HOME may point at a shared folder by mistake; closing that one would break other programs.
    return all(entry.name.startswith("credentials.json") for entry in folder.iterdir())


def replace_file(path: Path, text: str) -> None:
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
    _sync_folder(path.parent)


def give_to_owner_of_folder(path: Path) -> None:
    """`sudo insighta` with the person's HOME must not leave there what the person cannot open. Raises OSError."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return
    owner = path.parent.stat()
    if owner.st_uid != 0:
        os.chown(path, owner.st_uid, owner.st_gid)


def prove_room(path: Path) -> None:
    """Raises OSError where `replace_file` could not write the present content and 4 KiB more."""
    size = path.stat().st_size if path.exists() else 0
    draft = _draft_of(path)
    _remove(draft)
    try:
        _write_private(draft, b" " * (size + 4096))
    finally:
        _remove(draft)


def _draft_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _replace(draft: Path, path: Path) -> None:
    # Windows refuses while another process reads the file, which takes a moment at most.
    for _ in range(50 if sys.platform == "win32" else 0):
        try:
            draft.replace(path)
        except PermissionError:
            time.sleep(0.02)
        else:
            return
    draft.replace(path)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _sync_folder(folder: Path) -> None:
    # Only POSIX lets a folder be opened; NTFS journals the rename itself.
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # Some network file systems cannot sync a folder; the file itself is on disk.
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
