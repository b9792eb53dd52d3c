"""What each rule looks for in one file. A finder yields the line and the text that breaks its rule."""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath

from tests.architecture.tree import APPS, ROOMS, Source, Tree

Place = tuple[int, str]
Finder = Callable[[Source], Iterator[Place]]

MANAGERS = {"objects", "_default_manager", "_base_manager"}
ORM_CALLS = {"save", "delete", "bulk_create", "bulk_update", "get_or_create", "update_or_create"}
ORM_CALLS |= {"refresh_from_db", "select_for_update", "raw", "cursor"}
QUERIES = {
    "filter",
    "exclude",
    "order_by",
    "values_list",
    "select_related",
    "prefetch_related",
    "annotate",
    "aggregate",
}
CLOCKS = {"timezone.now", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
CLOCKS |= {"time.time", "time.time_ns"}
SERVICE_DJANGO = {"django.db.transaction", "django.conf.settings"}
FRAMEWORKS = {"django", "rest_framework", "social_django", "social_core", "psycopg"}
NOT_IN_PORTAL = {"django.db", "django.contrib.auth", "django.contrib.sessions", "psycopg"}
DIRECTIVE = re.compile(r"type:\s*ignore(\[[^\]]*\])?|noqa(:\s*[A-Z]+\d+([,\s]+[A-Z]+\d+)*)?")
NO_NAMES = {"utils", "util", "helpers", "common", "misc"}
MAX_LINES = 350
MAX_COLUMNS = 120


def orm_use(source: Source) -> Iterator[Place]:
    """Managers, and the calls that run SQL; inside a model's own manager or queryset they are at home.

    The admin gives its pages querysets to narrow, so it may filter them.
    """
    at_home = _nodes_of_managers(source) if source.part == "models" else set()
    calls = ORM_CALLS if source.part == "admin" else ORM_CALLS | QUERIES
    for node in source.nodes:
        if id(node) in at_home:
            continue
        if isinstance(node, ast.Attribute) and node.attr in MANAGERS:
            yield node.lineno, f".{node.attr}"
        if isinstance(node, ast.Call) and _is_call_of(node.func, calls):
            yield node.lineno, f"{ast.unparse(node.func)}("


def _is_call_of(function: ast.expr, names: set[str]) -> bool:
    return isinstance(function, ast.Attribute) and function.attr in names and ast.unparse(function.value) != "cache"


def _nodes_of_managers(source: Source) -> set[int]:
    classes = (node for node in source.nodes if isinstance(node, ast.ClassDef))
    managers = (node for node in classes if node.name.endswith(("Manager", "QuerySet")))
    return {id(inner) for manager in managers for inner in ast.walk(manager)}


def atomic(source: Source) -> Iterator[Place]:
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and node.attr == "atomic":
            yield node.lineno, ast.unparse(node)
    for imported in source.imports:
        if imported.name == "django.db.transaction.atomic":
            yield imported.line, imported.name


def clock_reads(source: Source) -> Iterator[Place]:
    """Names of the clock, called or not: `default=timezone.now` reads it too."""
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and ".".join(ast.unparse(node).split(".")[-2:]) in CLOCKS:
            yield node.lineno, ast.unparse(node)
    for imported in source.imports:
        if ".".join(imported.name.split(".")[-2:]) in CLOCKS:
            yield imported.line, imported.name


def beyond_standard_library(source: Source) -> Iterator[Place]:
    own = f"{source.room}.{source.part}"
    for imported in source.imports:
        if imported.name.split(".")[0] not in sys.stdlib_module_names and not _within(imported.name, {own}):
            yield imported.line, imported.name


def frameworks_in_services(source: Source) -> Iterator[Place]:
    for imported in source.imports:
        if not imported.type_only and _within(imported.name, FRAMEWORKS) and imported.name not in SERVICE_DJANGO:
            yield imported.line, imported.name


def sql_at_edges(source: Source) -> Iterator[Place]:
    for imported in source.imports:
        if _within(imported.name, {"django.db", "psycopg"}) and not imported.name.endswith("Error"):
            yield imported.line, imported.name


def database_in_portal(source: Source) -> Iterator[Place]:
    for imported in source.imports:
        if _within(imported.name, NOT_IN_PORTAL):
            yield imported.line, imported.name


def include_calls(source: Source) -> Iterator[Place]:
    for node in source.nodes:
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "include":
            yield node.lineno, ast.unparse(node)


def hidden_imports(source: Source) -> Iterator[Place]:
    """Imports for the type checker only that name another room, but not the models of an app below."""
    below = APPS[: APPS.index(source.room)] if source.is_app else ()
    for imported in source.imports:
        foreign = imported.type_only and _within(imported.name, ROOMS) and not _within(imported.name, {source.room})
        if foreign and not _within(imported.name, {f"{app}.models" for app in below}):
            yield imported.line, imported.name


def positional_services(source: Source) -> Iterator[Place]:
    """A service that begins a transaction takes keywords only; one that others call may take its one subject first."""
    for function in _public_functions(source):
        names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
        if len(names) > (0 if _is_durable(function) else 1):
            yield function.lineno, f"{function.name}({', '.join(names)})"


def _is_durable(function: ast.FunctionDef) -> bool:
    return any("durable=True" in ast.unparse(decorator) for decorator in function.decorator_list)


def get_that_gives_none(source: Source) -> Iterator[Place]:
    for function in _public_functions(source):
        returns = ast.unparse(function.returns) if function.returns else ""
        if function.name.startswith("get_") and re.search(r"\b(None|Optional)\b", returns):
            yield function.lineno, f"{function.name} -> {returns}"


def _public_functions(source: Source) -> Iterator[ast.FunctionDef]:
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node


def bare_suppressions(source: Source) -> Iterator[Place]:
    """Comments that silence ruff or mypy and hold no words beside the directives."""
    # Most files have none, and telling a comment from a string takes long.
    some = DIRECTIVE.search(source.text)
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline) if some else ():
        if token.type == tokenize.COMMENT and DIRECTIVE.search(token.string) and not _says_why(token.string):
            yield token.start[0], token.string


def _says_why(comment: str) -> bool:
    return len(re.findall(r"[^\W\d_]", DIRECTIVE.sub("", comment))) >= 8


def long_file(source: Source) -> Iterator[Place]:
    lines = source.text.count("\n")
    if lines > MAX_LINES:
        yield 0, f"{lines} lines"


def unknown_names(tree: Tree) -> Iterator[tuple[PurePosixPath, int, str]]:
    """Files of an app that are neither modules nor templates, and files named after nothing anywhere."""
    for entry in (entry for app in APPS for entry in tree.entries(app)):
        if entry.suffix not in {"", ".py"}:
            yield PurePosixPath(entry), 0, "is no module"
    for source in tree.sources:
        if source.path.stem in NO_NAMES or NO_NAMES & set(source.path.parts):
            yield source.path, 0, "is named after nothing in particular"


def long_lines(tree: Tree) -> Iterator[tuple[PurePosixPath, int, str]]:
    """Prose of Markdown pages: tables, blocks of code and comments may have long lines."""
    for page in sorted([*tree.root.glob("*.md"), *tree.root.glob("docs/*.md")]):
        is_code = False
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
            is_code ^= line.lstrip().startswith("```")
            if len(line) > MAX_COLUMNS and not is_code and not line.lstrip().startswith(("|", "<!--")):
                yield PurePosixPath(page.relative_to(tree.root)), number, f"{len(line)} characters"


def _within(name: str, packages: Iterable[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)
