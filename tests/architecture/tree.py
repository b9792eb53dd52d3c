"""The tree as the rules read it: each Python file with its room and its part."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

APPS = ("accounts", "tokens", "bookings")
"""Lowest first: an app may use those before it."""

ROOMS = (*APPS, "portal", "cli", "sandbox", "config")
FOLDERS = (*ROOMS, "tests", "bench")


@dataclass(frozen=True)
class Import:
    """One imported name in full: `from django.db import transaction` is `django.db.transaction`."""

    line: int
    name: str
    type_only: bool


@dataclass(frozen=True)
class Source:
    """One Python file. `tokens/services/rotation.py` is in the room `tokens` and the part `services`."""

    path: PurePosixPath
    text: str

    @property
    def room(self) -> str:
        return self.path.parts[0]

    @property
    def part(self) -> str:
        return PurePosixPath(self.path.parts[1]).stem if len(self.path.parts) > 1 else ""

    @property
    def is_app(self) -> bool:
        return self.room in APPS

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=str(self.path))

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @cached_property
    def imports(self) -> list[Import]:
        guarded = {id(node) for block in self._type_checking_blocks() for node in ast.walk(block)}
        found: list[Import] = []
        for node in self.nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                found += [Import(node.lineno, name, id(node) in guarded) for name in self._names(node)]
        return found

    def _type_checking_blocks(self) -> Iterator[ast.stmt]:
        for node in self.nodes:
            if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
                yield from node.body

    def _names(self, node: ast.Import | ast.ImportFrom) -> list[str]:
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        package = self.path.parts[:-1]
        outer = package[: len(package) - node.level + 1] if node.level else ()
        base = [*outer, *([node.module] if node.module else [])]
        return [".".join([*base, alias.name]) for alias in node.names]


class Tree:
    """The folders of one checkout; virtual environments, data and caches are not part of it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def sources(self) -> list[Source]:
        files = sorted(file for folder in FOLDERS for file in (self.root / folder).rglob("*.py"))
        return [Source(PurePosixPath(file.relative_to(self.root)), file.read_text(encoding="utf-8")) for file in files]

    def entries(self, room: str) -> Iterator[Path]:
        """What lies directly in a room, relative to the root."""
        for entry in sorted((self.root / room).iterdir()):
            if entry.name != "__pycache__" and not entry.name.startswith("."):
                yield entry.relative_to(self.root)
