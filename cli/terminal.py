"""Everything that is printed: data on standard output, all else on standard error, secrets on neither by accident."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

TYPE_CHECKING = False  # Importing it from typing would cost a fifth of the start.
if TYPE_CHECKING:
    from typing import Any, TextIO

STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
SECRET = re.compile(r"\b(ins[a-z]_|eyJ)[\w.-]{4,}")
# C0, DEL, C1 and the bidirectional overrides: what others typed must not move the reader's cursor or reorder a line.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def show(text: str = "") -> None:
    """One line of data."""
    sys.stdout.write(text + "\n")


def say(text: str = "") -> None:
    """One line for the person. A secret that someone typed in the wrong place is not repeated into a log."""
    sys.stderr.write(SECRET.sub(r"\1…", text) + "\n")
    sys.stderr.flush()


def show_json(value: Any) -> None:
    """Data for programs; ASCII, so that nothing in it can act on a terminal."""
    import json

    show(json.dumps(value, indent=2))


def clean(value: object) -> str:
    """Text from elsewhere, made harmless for a terminal."""
    return UNPRINTABLE.sub("\ufffd", str(value))


def paint(text: str, style: str, stream: TextIO | None = None) -> str:
    """`text` in a style where the stream is a terminal that wants colour (NO_COLOR, TERM=dumb)."""
    if not has_colour(stream or sys.stdout):
        return text
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m"


def has_colour(stream: TextIO) -> bool:
    """Whether colour is wanted on this stream."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return False
    # The old console of Windows prints escape sequences as they are; newer terminals there say who they are.
    return os.name != "nt" or bool(os.environ.get("WT_SESSION") or os.environ.get("TERM"))


def can_ask() -> bool:
    """Whether there is a person to ask: standard input and standard error are a terminal, and we have it."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty() and _is_in_foreground()


def _is_in_foreground() -> bool:
    # A job in the background (`insighta login &`) would be stopped by reading from its terminal.
    return sys.platform == "win32" or os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()


def ask_yes_no(question: str) -> bool:
    """Ask on standard error; only a clear yes is a yes."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def symbol(name: str, stream: TextIO | None = None) -> str:
    """`ok`, `warning`, `failed` or `arrow` as a sign, or in ASCII where the terminal cannot show it."""
    signs = {"ok": ("✓", "ok"), "warning": ("!", "!"), "failed": ("✗", "x"), "arrow": ("→", "->")}
    fancy, plain = signs[name]
    return fancy if speaks_unicode(stream or sys.stdout) else plain


def speaks_unicode(stream: TextIO) -> bool:
    """Whether signs outside of ASCII can be written to the stream."""
    return (stream.encoding or "").lower().replace("-", "") in {"utf8", "utf16"}


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say on standard error what is being waited for, if it takes more than a second; then take the line back."""
    import threading

    told = threading.Event()
    interactive = sys.stderr.isatty()

    def tell() -> None:
        told.set()
        sys.stderr.write(f"Waiting for {what} …" if interactive else f"Waiting for {what} …\n")
        sys.stderr.flush()

    timer = threading.Timer(1.0, tell)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        if told.is_set() and interactive:
            sys.stderr.write(f"\r{' ' * (len(what) + 14)}\r")
