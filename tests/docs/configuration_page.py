"""`python -m tests.docs.configuration_page` writes docs/configuration.md from `.env.example`."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / ".env.example"
_SECTION = re.compile(r"# --- (?P<title>.+?) -+")
_VARIABLE = re.compile(r"#?(?P<name>[A-Z_]+)=(?P<default>.*)")
_HEAD = """# Configuration

For whoever deploys or develops Insighta. At the end of this page you know every setting, its default and what it does.

Settings are environment variables. If there is a file `.env` beside `manage.py`, it is read too; the environment wins.

A process does not start with an invalid value, or, with `DEBUG` off, without a secret. The error names the variable.
`manage.py check --deploy` finds combinations of settings that are wrong: see [operations.md](operations.md#checks).

This page is generated from `.env.example`. A test fails if it is out of date:

```console
python -m tests.docs.configuration_page > docs/configuration.md
```
"""


@dataclass(frozen=True)
class Variable:
    """A variable, its default or an empty string, and the comment above it."""

    name: str
    default: str
    text: str


def make_page() -> str:
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
    """A comment describes the variables that follow it, up to the next comment."""
    text: list[str] = []
    is_used = False
    for line in lines:
        match = _VARIABLE.fullmatch(line)
        if match:
            yield Variable(match["name"], match["default"], " ".join(text).replace("|", "\\|"))
            is_used = True
        elif line.startswith("# "):
            text = [line[2:]] if is_used else [*text, line[2:]]
            is_used = False


if __name__ == "__main__":
    sys.stdout.write(make_page())
