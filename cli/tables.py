import sys
import unicodedata
from collections.abc import Sequence
from shutil import get_terminal_size

from .terminal import paint

GAP = "  "
NARROWEST = 12


def format_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[int] = (),
    flexible: Sequence[int] = (),
    widest: int = 0,
) -> list[str]:
    """Aligned lines, headings first. On a terminal the columns `flexible` are cut, in turn, so that no line wraps.

    Elsewhere they are cut so that no line is longer than `widest` columns, if that is given.
    """
    widths = [max(map(measure, column)) for column in zip(headings, *rows, strict=True)]
    room = get_terminal_size().columns if sys.stdout.isatty() else widest
    for index in flexible if room else ():
        spare = room - sum(widths) - len(GAP) * (len(widths) - 1)
        widths[index] = max(min(NARROWEST, widths[index]), widths[index] + min(0, spare))
    head = paint(_format_row(headings, widths, right), "dim")
    return [head, *(_format_row(row, widths, right) for row in rows)]


def measure(text: str) -> int:
    """Columns that the text takes: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _format_row(cells: Sequence[str], widths: Sequence[int], right: Sequence[int]) -> str:
    fitted = [_fit(cell, width, index in right) for index, (cell, width) in enumerate(zip(cells, widths, strict=True))]
    return GAP.join(fitted).rstrip()


def _fit(text: str, width: int, is_right: bool) -> str:
    if measure(text) > width:
        while measure(text) > width - 1:
            text = text[:-1]
        text += "…"
    padding = " " * (width - measure(text))
    return padding + text if is_right else text + padding
