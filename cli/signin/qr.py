import os
import sys

from ..terminal import speaks_unicode

QUIET_MODULES = 2
LINES_KEPT_FREE = 4


def format_qr(text: str) -> str:
    """A QR code that fits this terminal, dark on light whatever its colours; empty when none fits."""
    if not (sys.stderr.isatty() and speaks_unicode(sys.stderr)) or os.environ.get("TERM") == "dumb":
        return ""
    import segno

    rows = [list(row) for row in segno.make(text, error="l", micro=False).matrix_iter(border=QUIET_MODULES)]
    width, height = os.get_terminal_size(sys.stderr.fileno())
    lines = _pair_rows(rows)
    fits = len(rows[0]) + 4 <= width and len(lines) + LINES_KEPT_FREE <= height
    return "".join(f"    \x1b[97;40m{line}\x1b[0m\n" for line in lines) if fits else ""


def _pair_rows(rows: list[list[int]]) -> list[str]:
    """Two rows of modules in one line of half blocks."""
    rows = rows if len(rows) % 2 == 0 else [*rows, [0] * len(rows[0])]
    blocks = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return ["".join(blocks[bool(a), bool(b)] for a, b in zip(top, bottom, strict=True)) for top, bottom in pairs]
