import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from shutil import get_terminal_size

from .short_ids import Items
from .terminal import clean, paint, render, say, show, show_json

GAP = "  "
NARROWEST_TABLE = 60
NARROWEST_CELL = 10
WIDEST_IN_A_FILE = 100
LABEL = 11
JOINER, EMOJI_STYLE = "\u200d", "\ufe0f"
FIRST_EMOJI = 0x2000
# They combine with the letter before into one block.
HANGUL_VOWELS_AND_FINALS = range(0x1160, 0x1200)
SKIN_TONES = range(0x1F3FB, 0x1F400)


def show_items(items: Items, show: Callable[[Items], None], *, as_json: bool, otherwise: str) -> None:
    """A list as JSON for programs, as `show` prints it, or the sentence `otherwise` where it is empty."""
    if as_json:
        show_json(items)
    elif items:
        show(items)
    else:
        say(otherwise)


def show_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[int] = (),
    flexible: dict[int, int] | None = None,
) -> None:
    """Aligned lines no longer than the terminal; on a narrow one, each row as a block of lines.

    `right` are columns of numbers. `flexible` says how far a column may be cut; the first is cut first.
    """
    lines = [[clean(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(map(measure, column)) for column in zip(*lines, strict=True)]
    room = find_room() or WIDEST_IN_A_FILE
    for index, least in (flexible or {}).items():
        excess = max(0, sum(widths) + len(GAP) * (len(widths) - 1) - room)
        widths[index] = max(min(least, widths[index]), widths[index] - excess)
    if sys.stdout.isatty() and (room < NARROWEST_TABLE or sum(widths) + len(GAP) * (len(widths) - 1) > room):
        show(*_stack(lines[0], lines[1:], room))
    else:
        head, *body = [_format_row(line, widths, right) for line in lines]
        show(paint(head, "dim"), *body)


def show_fields(fields: list[tuple[str, str]]) -> None:
    """One thing in full, a line a field; on a terminal, what is long goes on under its beginning."""
    room = find_room()
    for label, value in fields:
        first, *more = _wrap(value, room - LABEL, cuts=False) if room else [value]
        show(paint(f"{label:<{LABEL}}", "dim") + first, *(" " * LABEL + line for line in more))


def find_room() -> int | None:
    """Columns of the terminal; None where the output is no terminal."""
    return get_terminal_size().columns if sys.stdout.isatty() else None


def shorten_text(text: str, width: int) -> str:
    """The text, or its beginning with a sign that there is more."""
    return text if measure(text) <= width else _cut(text, width - 1) + "…"


def _stack(headings: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> Iterator[str]:
    """A block of lines for each row, with what is long on further lines under its beginning."""
    indent = max(map(measure, headings)) + len(GAP)
    for number, row in enumerate(rows):
        if number:
            yield ""
        for heading, cell in zip(headings, row, strict=True):
            first, *more = _wrap(cell, max(room - indent, NARROWEST_CELL))
            yield paint(_fit(heading, indent), "dim") + first
            yield from (" " * indent + line for line in more)


def _wrap(text: str, width: int, *, cuts: bool = True) -> list[str]:
    """Lines at spaces. Words that are longer are cut, or kept whole, as paths should be."""
    lines = [""]
    for word in text.split(" "):
        while cuts and measure(word) > width:
            lines, word = [*filter(None, lines), _cut(word, width)], word[len(_cut(word, width)) :]
        line = f"{lines[-1]} {word}".lstrip()
        fits = measure(render(line, in_colour=False)) <= width or not lines[-1]
        lines = [*lines[:-1], line] if fits else [*lines, word]
    return lines


def measure(text: str) -> int:
    """Columns that a terminal gives the text, as wcwidth counts them."""
    if text.isascii():
        return len(text)
    columns, before = 0, ""
    for character in text:
        is_joined = (before == JOINER and ord(character) >= FIRST_EMOJI) or (before and ord(character) in SKIN_TONES)
        if character == EMOJI_STYLE:
            columns += 1 if before and _measure_one(before) == 1 else 0
        elif not is_joined:
            columns += _measure_one(character)
        before = "" if is_joined else character
    return columns


def _measure_one(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"} or ord(character) in HANGUL_VOWELS_AND_FINALS:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _format_row(cells: Sequence[str], widths: Sequence[int], right: Sequence[int]) -> str:
    sized = enumerate(zip(cells, widths, strict=True))
    return GAP.join(_fit(cell, width, is_right=index in right) for index, (cell, width) in sized).rstrip()


def _fit(text: str, width: int, *, is_right: bool = False) -> str:
    text = shorten_text(text, width)
    padding = " " * (width - measure(text))
    return padding + text if is_right else text + padding


def _cut(text: str, width: int) -> str:
    """As much from the start as fits."""
    while measure(text) > width:
        text = text[:-1]
    return text.rstrip(JOINER)
