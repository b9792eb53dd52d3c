"""Waiting for what another process or thread does."""

import time
from collections.abc import Callable


def wait_until(is_so: Callable[[], bool], *, seconds: float = 60, tell: Callable[[], str] = str) -> None:
    """Come back as soon as it is so. Raises AssertionError with what `tell` says where it does not come in time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, tell()
        time.sleep(0.02)
