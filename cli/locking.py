"""A lock between processes that the operating system takes away from a process that dies."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from .atomic_files import give_to_owner_of_folder
from .errors import StoreError
from .terminal import Waiting

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True
else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def exclusive_lock(path: str, *, seconds: float) -> Iterator[None]:
    """Hold the lock on `path`, which is created empty. Raises StoreError when it cannot be had within `seconds`."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        give_to_owner_of_folder(path)
    except OSError as error:
        raise StoreError(
            f"Cannot lock {path}: {error.strerror}.", "Run 'insighta doctor' to see what is wrong."
        ) from error
    try:
        _wait_for_lock(descriptor, path, time.monotonic() + seconds)
        yield
    finally:
        os.close(descriptor)


def _wait_for_lock(descriptor: int, path: str, deadline: float) -> None:
    try:
        with Waiting("another insighta to finish"):
            while not _try_lock(descriptor):
                if time.monotonic() > deadline:
                    raise StoreError(
                        "Another insighta is still using the stored sign-in.", "Wait a moment and try again."
                    )
                time.sleep(0.03)
    except OSError as error:
        raise StoreError(
            f"Cannot lock {path}: {error.strerror}.",
            "Set INSIGHTA_HOME to a folder on a disk that supports file locks.",
        ) from error
