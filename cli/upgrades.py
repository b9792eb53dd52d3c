"""A note, once a day at most, where the backend asks for a newer version of this command."""

import os
import re

from . import __version__
from .atomic_files import make_private_folder
from .terminal import say
from .times import read_now

VERSION = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4}){1,3}")
# Its time of change says when the note was last given.
NOTED = "credentials.json.noted"
SECONDS_BETWEEN = 86400


def note_version(wanted: str, home: str) -> None:
    """For a person only, and not where it cannot be remembered that they have been told."""
    if VERSION.fullmatch(wanted) and _parse(wanted) > _parse(__version__) and _may_note(os.path.join(home, NOTED)):
        say(
            f"Note: this is insighta {__version__}, and this backend asks for {wanted} or later.",
            "Upgrade it, for example: pipx upgrade insighta",
        )


def _parse(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def _may_note(path: str) -> bool:
    try:
        if abs(read_now().timestamp() - os.stat(path).st_mtime) < SECONDS_BETWEEN:
            return False
    except FileNotFoundError:
        pass
    except OSError:
        return False
    try:
        make_private_folder(os.path.dirname(path))
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600))
        os.utime(path)
    except OSError:
        return False
    return True
