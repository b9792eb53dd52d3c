"""Where the workers of one server keep their counts, so that any of them can answer for all."""

import os
import shutil
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def share_between_workers(root: Path) -> None:
    """Count in files of this server's own under `root`, and remove those of servers that have ended.

    To be called before the first counter is made. The workers of a server have the same parent; a parent is known by
    its process id and the instant it began. Raises ImproperlyConfigured where `root` cannot be used.
    """
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_owner(root)
        _sweep(root)
        own = root / _identity(os.getppid())
        own.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(f"METRICS_DIR {root} cannot be written ({error.strerror}). Name another.") from error
    os.environ[VARIABLE] = str(own)


def _check_owner(root: Path) -> None:
    if root.stat().st_uid != os.getuid():
        raise ImproperlyConfigured(f"METRICS_DIR {root} belongs to another account. Name a directory of your own.")


def _sweep(root: Path) -> None:
    for directory in root.iterdir():
        pid = directory.name.partition("-")[0]
        if pid.isdecimal() and directory.name != _identity(int(pid)):
            shutil.rmtree(directory, ignore_errors=True)


def _identity(pid: int) -> str:
    """Process id and start of a running process; of one that has ended, a name that no directory has."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return f"{pid}-" if _is_alive(pid) else ""
    # proc(5): the command, in parentheses, may hold anything; the start is the 20th field after it.
    return f"{pid}-{stat.rpartition(')')[2].split()[19]}"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
