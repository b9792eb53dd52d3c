"""The pages of the documentation as their tests read them: blocks of code, links, and what they name."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.processes import ROOT

_FENCE = re.compile(r"^ *```(?P<language>\S*)(?P<options>[^\n]*)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(<?([^)\s>]+)>?\)")
_CODE = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block. `sh` is run by a test, `console` needs what a test has not, the rest is to be read."""

    language: str
    options: str
    text: str
    line: int

    @property
    def exit_code(self) -> int:
        """What the page says after `sh`, as in `sh exit=1`; else 0."""
        said = re.fullmatch(r" exit=(\d+)", self.options)
        return int(said[1]) if said else 0

    @property
    def commands(self) -> list[str]:
        """The lines of a console block that somebody types, continued lines joined; without prompts and comments."""
        joined = self.text.replace("\\\n", " ")
        typed = (re.sub(r"^\$ ", "", line.strip()) for line in joined.splitlines())
        return [line for line in typed if line and not line.startswith("#")]


@dataclass(frozen=True)
class Page:
    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    @cached_property
    def blocks(self) -> list[Block]:
        return [
            Block(found["language"], found["options"], found["text"], self.text.count("\n", 0, found.start()) + 1)
            for found in _FENCE.finditer(self.text)
        ]

    @cached_property
    def prose(self) -> str:
        """Everything outside the blocks."""
        return _FENCE.sub("", self.text)

    @property
    def scripts(self) -> list[Block]:
        return [block for block in self.blocks if block.language == "sh"]

    @property
    def links(self) -> list[str]:
        return _LINK.findall(self.prose)

    @property
    def code(self) -> list[str]:
        """What stands between backticks in the prose."""
        return _CODE.findall(self.prose)

    @property
    def anchors(self) -> set[str]:
        """The headings as GitHub makes addresses of them."""
        titles = (re.sub(r"[`*]", "", title) for title in _HEADING.findall(self.prose))
        return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def list_pages() -> list[Page]:
    """README and every page of docs/, those of tomorrow included."""
    return [Page(ROOT / "README.md"), *(Page(path) for path in sorted(ROOT.glob("docs/*.md")))]
