"""`python -m config.reference`: docs/configuration.md, made of `.env.example`, which tests hold to the settings."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parent.parent / ".env.example"
_SECTION = re.compile(r"# --- (?P<title>.+?) -+")
_VARIABLE = re.compile(r"#?(?P<name>[A-Z_]+)=(?P<default>.*)")
_HEAD = """# How is it configured?

By environment variables; a `.env` file beside `manage.py` is read where there is one, and the environment wins over it.
A value that makes no sense, or a secret that is missing with `DEBUG` off, ends the process at its start with the name
of the variable. What is right by itself and wrong together is found by `manage.py check --deploy`:
[operations.md](operations.md#checks).

This page is made from `.env.example` by `python -m config.reference > docs/configuration.md`; a test fails where it is
not.
"""


@dataclass(frozen=True)
class Variable:
    """One name, what stands above it, and its default; empty where there is none."""

    name: str
    default: str
    text: str


def make_page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for title, variables in _sections(EXAMPLE.read_text().splitlines()):
        rows = [f"| `{v.name}` | {f'`{v.default}`' if v.default else ''} | {v.text} |" for v in variables]
        table = ["| variable | default | what it does |", "|---|---|---|", *rows, ""]
        parts.append("\n".join([f"## {title}", "", *table]))
    return "\n".join(parts)


def _sections(lines: list[str]) -> Iterator[tuple[str, list[Variable]]]:
    starts = [number for number, line in enumerate(lines) if _SECTION.match(line)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        match = _SECTION.match(lines[start])
        if match:
            yield match["title"].rstrip("."), list(_variables(lines[start + 1 : end]))


def _variables(lines: list[str]) -> Iterator[Variable]:
    """Lines of words describe the variables that follow them, up to the next words."""
    text: list[str] = []
    is_told = False
    for line in lines:
        match = _VARIABLE.fullmatch(line)
        if match:
            yield Variable(match["name"], match["default"], " ".join(text).replace("|", "\\|"))
            is_told = True
        elif line.startswith("# "):
            text = [line[2:]] if is_told else [*text, line[2:]]
            is_told = False


if __name__ == "__main__":
    sys.stdout.write(make_page())
