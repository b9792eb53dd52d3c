"""Runs `insighta token` again and again in forks of this process, and kills each fork at the line it is told.

Speaks over standard input and output: one line number in (0: to the end), one `killed` or exit code out. It belongs to
the installed command's interpreter, so it may import nothing of the tests.
"""

import os
import signal
import sys
from types import FrameType
from typing import Any

from insighta_cli import access_tokens, atomic_files, credentials, locking, oauth, transport
from insighta_cli.main import main

# What runs between finding the token expired and having its successor; the rest has no state to lose.
TRACED = (access_tokens, atomic_files, credentials, locking, oauth, transport)
FILES = frozenset(str(module.__file__) for module in TRACED)


class KillAtLine:
    """A trace function that counts the lines run inside of the command and kills the process at one of them."""

    def __init__(self, line: int) -> None:
        self.left = line

    def __call__(self, frame: FrameType, event: str, argument: Any) -> "KillAtLine | None":
        if frame.f_code.co_filename not in FILES:
            return None
        if event == "line":
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


def run_in_child(line: int) -> None:
    sys.stdout = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    sys.stdin = open(os.devnull)  # noqa: SIM115  # the next line number is for the parent
    if line:
        sys.settrace(KillAtLine(line))
    os._exit(main(["token"]))


def serve() -> None:
    for text in sys.stdin:
        child = os.fork()
        if child == 0:
            run_in_child(int(text))
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        sys.stdout.write(f"{'killed' if code == -signal.SIGKILL else code}\n")
        sys.stdout.flush()


serve()
