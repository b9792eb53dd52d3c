"""Everything that is printed: data on standard output, all else on standard error."""

from __future__ import annotations

import os
import sys

from . import TYPE_CHECKING
from .errors import Cancelled, CliError

if TYPE_CHECKING:
    from typing import Any, TextIO

STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
SIGNS = {"ok": ("✓", "ok"), "warning": ("!", "!"), "failed": ("✗", "x")}
# Patterns are compiled where they are needed: `insighta --version` needs none.
CREDENTIAL = r"\b(ins[a-z]_|eyJ)[\w.-]{4,}"
# C0, DEL, C1, line separators and bidirectional controls: what others typed must not move the cursor or reorder a line.
UNPRINTABLE = "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
# `paint` marks a style, and only what is written turns marks into escape sequences. Nobody outside can make a mark.
MARK = f"\ufdd0{os.urandom(4).hex()}"
END_OF_MARK = "\ufdd1"


def show(*lines: str) -> None:
    """Lines of data; none of them breaks into two or acts on the terminal."""
    _write(sys.stdout, lines or ("",))


def show_columns(*cells: str) -> None:
    """A line of data for programs, its cells with tabs between them and none inside."""
    sys.stdout.write("\t".join(map(clean, filter(None, cells))) + "\n")


def say(*lines: str) -> None:
    """Lines for the person. A secret that someone typed in the wrong place is not repeated into a log."""
    import re

    _write(sys.stderr, [re.sub(CREDENTIAL, r"\1…", line) for line in lines or ("",)])
    sys.stderr.flush()


def say_done(sentence: str) -> None:
    """What has been done, with a tick."""
    say(f"{paint(symbol('ok', sys.stderr), 'green')} {sentence}")


def say_error(error: CliError) -> None:
    """What went wrong, and what to do on lines of their own."""
    advice = [f"  {line}" for line in error.advice.split("\n") if line]
    say(f"{paint('insighta:', 'red')} {error.sentence}", *advice)


def show_json(value: Any) -> None:
    """Data for programs; ASCII, so that nothing in it can act on a terminal."""
    import json

    show(*json.dumps(value, indent=2).replace("\x7f", "\\u007f").split("\n"))


def clean(value: object) -> str:
    """Text from elsewhere without what would act on a terminal."""
    text = str(value)
    if text.isprintable():
        return text
    import re

    return re.sub(UNPRINTABLE, "\ufffd", text)


def paint(text: str, style: str) -> str:
    """`text` in a style where it is written to a terminal that wants colour."""
    return f"{MARK}{STYLES[style]}{END_OF_MARK}{text}{MARK}0{END_OF_MARK}"


def render(text: str, *, in_colour: bool) -> str:
    """What is written for one line."""
    plain, *styled = text.split(MARK)
    pieces = [clean(plain)]
    for part in styled:
        code, _, rest = part.partition(END_OF_MARK)
        pieces += [f"\x1b[{code}m" if in_colour else "", clean(rest)]
    return "".join(pieces)


def has_colour(stream: TextIO) -> bool:
    """Whether colour is wanted on this stream (NO_COLOR, TERM=dumb)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return False
    # The old console of Windows prints escape sequences as they are; newer terminals there say who they are.
    return os.name != "nt" or bool(os.environ.get("WT_SESSION") or os.environ.get("TERM"))


def _write(stream: TextIO, lines: list[str] | tuple[str, ...]) -> None:
    in_colour = has_colour(stream)
    stream.write("".join(f"{render(line, in_colour=in_colour)}\n" for line in lines))


def can_ask() -> bool:
    """Whether there is a person to ask: standard input and standard error are a terminal, and we have it."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty() and _is_in_foreground()


def _is_in_foreground() -> bool:
    # A job in the background (`insighta login &`) would be stopped by reading from its terminal.
    if sys.platform == "win32":
        return True
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:  # A terminal, but not the one that controls this process.
        return False


def confirm(question: str, *, otherwise: str) -> None:
    """Ask on standard error; only a clear yes is a yes. Raises Cancelled with the sentence `otherwise`."""
    sys.stderr.write(f"{render(question, in_colour=False)} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Cancelled(otherwise)


def symbol(name: str, stream: TextIO) -> str:
    """`ok`, `warning` or `failed` as a sign, or in ASCII where the stream cannot show it."""
    fancy, plain = SIGNS[name]
    return fancy if speaks_unicode(stream) else plain


def speaks_unicode(stream: TextIO) -> bool:
    """Whether signs outside of ASCII can be written to the stream."""
    return (stream.encoding or "").lower().replace("-", "") in {"utf8", "utf16"}


class Waiting:
    """Says on standard error what is being waited for, if it takes more than a second; then takes the line back."""

    def __init__(self, what: str) -> None:
        from threading import Timer

        self._text = render(f"Waiting for {what} …", in_colour=False)
        self._is_told = False
        self._timer = Timer(1.0, self._tell)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()
        if self._is_told and sys.stderr.isatty():
            sys.stderr.write(f"\r{' ' * len(self._text)}\r")

    def _tell(self) -> None:
        self._is_told = True
        sys.stderr.write(self._text if sys.stderr.isatty() else f"{self._text}\n")
        sys.stderr.flush()
