"""The arguments of every command, as completion needs them: without `argparse`, which costs as much as Python's start.

The file is made from the parsers: `python -m cli.man_page words > cli/share/words.tsv`.
"""

from __future__ import annotations

import os

# Files that are installed beside the modules.
SHARE = os.path.join(os.path.dirname(__file__), "share")


class Word:
    """An argument: an option where it has spellings, else a positional one."""

    def __init__(self, name: str, options: str, takes_value: str, choices: str, meaning: str) -> None:
        self.name = name
        self.options = options.split()
        self.takes_value = bool(takes_value)
        self.choices = choices.split()
        self.meaning = meaning


def read_words(command: str) -> list[Word]:
    """In the order in which they are declared."""
    with open(os.path.join(SHARE, "words.tsv"), encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    return [Word(*columns) for name, *columns in rows if name == command]
