"""prometheus_client's multiprocess mode: each worker counts in files, and any worker reports the sums of its server."""

import contextlib
import os
import re
from pathlib import Path
from stat import S_ISDIR

from django.core.exceptions import ImproperlyConfigured

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# What this module and prometheus_client make; everything else in METRICS_DIR belongs to somebody else.
_DIRECTORY = re.compile(r"insighta-(\d+)-\d*")
_FILE = re.compile(r"(counter|histogram|summary|gauge_\w+)_\d+\.db")


def share_between_workers(root: Path) -> None:
    """Make a directory for this server under `root` and remove those of servers that have ended.

    Called before the first metric is made. The workers of a server have the same parent, which is identified by its pid
    and start time. Raises ImproperlyConfigured where `root` cannot be used.
    """
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check(root)
        _sweep(root)
        own = root / _name_for(os.getppid())
        own.mkdir(mode=0o700, exist_ok=True)
        _check(own)
    except OSError as error:
        raise ImproperlyConfigured(f"METRICS_DIR {root} cannot be written ({error.strerror}). Name another.") from error
    os.environ[VARIABLE] = str(own)


def _check(directory: Path) -> None:
    """Anybody can make a directory or a symbolic link in /tmp before this server does."""
    status = directory.lstat()
    if not S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise ImproperlyConfigured(
            f"METRICS_DIR: {directory} is a link or belongs to another account. Name a directory of your own."
        )


def _sweep(root: Path) -> None:
    for directory in root.iterdir():
        match = _DIRECTORY.fullmatch(directory.name)
        if match and not directory.is_symlink() and directory.name != _name_for(int(match[1])):
            # A concurrent start may remove it first; a directory with other files stays.
            with contextlib.suppress(OSError):
                for file in directory.iterdir():
                    if _FILE.fullmatch(file.name):
                        file.unlink(missing_ok=True)
                directory.rmdir()


def _name_for(pid: int) -> str:
    """The name for a running process; for one that has ended, a name that no directory has."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return f"insighta-{pid}-" if _is_alive(pid) else ""
    # proc(5): the command, in parentheses, may hold anything; the start time is the 20th field after it.
    return f"insighta-{pid}-{stat.rpartition(')')[2].split()[19]}"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
