"""The rules that import-linter, ruff and mypy cannot express, checked on the syntax tree of every file.

`python -m tests.architecture.rules` prints each broken rule with its places, its reason and its fix, and ends with 1.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tests.architecture import finders
from tests.architecture.tree import APPS, ROOMS, Source, Tree

EDGES = {"views", "admin", "management", "tasks", "authentication"}
"""The parts of an app that a person, a program or a timer calls: the only ones that read the clock."""

WITHOUT_SQL = {"views", "management", "tasks", "receivers", "serializers", "authentication", "throttles"}

Finding = tuple[PurePosixPath, int, str]


@dataclass(frozen=True)
class Rule:
    """`find` yields every place that breaks the rule: path, line (0 for the whole file) and what stands there."""

    name: str
    why: str
    fix: str
    find: Callable[[Tree], Iterator[Finding]]


def each(applies: Callable[[Source], bool], finder: finders.Finder) -> Callable[[Tree], Iterator[Finding]]:
    """A rule's `find` that runs `finder` on the files it applies to."""

    def find(tree: Tree) -> Iterator[Finding]:
        for source in filter(applies, tree.sources):
            for line, what in sorted(set(finder(source))):
                yield source.path, line, what

    return find


RULES = (
    Rule(
        name="orm-in-repositories",
        why="A query outside the repositories is read by no reviewer of locks, indexes and statement counts.",
        fix="Move the query into a function of the app's repositories and call it through a service.",
        find=each(lambda s: s.is_app and s.part not in {"repositories", "migrations"}, finders.orm_use),
    ),
    Rule(
        name="atomic-in-services",
        why="One service call is one transaction; one opened elsewhere can commit half of the work.",
        fix="Decorate the service: `transaction.atomic(durable=True)`, or `atomic` where another service calls it.",
        find=each(lambda s: s.room in ROOMS and s.part not in {"services", "migrations"}, finders.atomic),
    ),
    Rule(
        name="clock-at-the-edges",
        why="A rule that reads its own clock cannot be tested at its deadline, and several servers would disagree.",
        fix="Take `now: datetime` as an argument; the view, command or job that starts the work reads the clock once.",
        find=each(lambda s: s.is_app and s.part not in EDGES, finders.clock_reads),
    ),
    Rule(
        name="pure-policies-and-errors",
        why="Policies are pure rules and errors are plain facts: both are tested and read without Django.",
        fix="Import the standard library only; let the service pass in what the rule needs.",
        find=each(lambda s: s.is_app and s.part in {"policies", "errors"}, finders.beyond_standard_library),
    ),
    Rule(
        name="services-without-orm-and-http",
        why="A service says what happens; how it is stored is a repository's business, how it is asked a view's.",
        fix="Of Django, import only `django.db.transaction` and `django.conf.settings`. Move queries to repositories, "
        "HTTP to views.",
        find=each(lambda s: s.is_app and s.part == "services", finders.frameworks_in_services),
    ),
    Rule(
        name="edges-without-sql",
        why="A database name in a view, command or serializer is a query that no service guards.",
        fix="Call a service. Only exception classes of `django.db` (`...Error`) may be named here, to translate them.",
        find=each(lambda s: s.is_app and s.part in WITHOUT_SQL, finders.sql_at_edges),
    ),
    Rule(
        name="portal-without-database",
        why="The portal is deployed with no database; the import works in development and fails in production.",
        fix="Ask the backend through the portal's API client; keep what belongs to one browser in a cookie.",
        find=each(lambda s: s.room == "portal", finders.database_in_portal),
    ),
    Rule(
        name="urls-included-by-config",
        why="config/urls is the one place that shows every address.",
        fix="List the paths in the app's urls.py; include that file in config/urls.",
        find=each(lambda s: s.room in {*APPS, "portal"}, finders.include_calls),
    ),
    Rule(
        name="type-only-imports",
        why="`if TYPE_CHECKING:` hides an import from the layers, so it must not reach what the layers keep apart.",
        fix="Under `if TYPE_CHECKING:`, name models of the own app or of an app below; import anything else openly.",
        find=each(lambda s: s.room in ROOMS, finders.hidden_imports),
    ),
    Rule(
        name="keyword-only-services",
        why="`grant(user, other)` reads the same with its arguments swapped; a keyword says which is which.",
        fix="Put `*` first: `def cancel_booking(*, booking_id: UUID, now: datetime)`. Where other services call it "
        "in their transaction, its one subject may come before: `def free_seat(slot: Slot, *, now: datetime)`.",
        find=each(lambda s: s.is_app and s.part == "services", finders.positional_services),
    ),
    Rule(
        name="get-raises-find-may-miss",
        why="A caller of `get_x` does not look for None.",
        fix="Raise an error of the app where there is none, or call the function `find_x`.",
        find=each(lambda s: s.is_app and s.part in {"services", "repositories"}, finders.get_that_gives_none),
    ),
    Rule(
        name="suppressions-with-a-reason",
        why="A silenced check is a claim that it is wrong here; the next reader must be able to judge that claim.",
        fix="Repair the line, or say why after the code: `# noqa: S105  # a URL, not a password`.",
        find=each(lambda s: True, finders.bare_suppressions),
    ),
    Rule(
        name="files-to-read-in-one-sitting",
        why=f"A file is read as a whole; beyond {finders.MAX_LINES} lines it holds more than one subject.",
        fix="Make the file a package of the same name with one module per noun.",
        find=each(lambda s: s.room in ROOMS and s.part != "migrations", finders.long_file),
    ),
    Rule(
        name="lines-of-pages",
        why="A long line shows in a diff as a whole, and an editor wraps it anywhere.",
        fix=f"Break it before column {finders.MAX_COLUMNS}; tables and blocks of code may be wider.",
        find=finders.long_lines,
    ),
    Rule(
        name="file-names",
        why="The same names in every app tell a reader where things are; `utils` tells nothing.",
        fix="Name the module after what it holds, with one of the names of the contract inside-an-app.",
        find=finders.unknown_names,
    ),
)


def report(tree: Tree) -> str:
    """Every broken rule with its places, why and fix; empty when the tree keeps them all."""
    return "\n".join(_describe(rule, places) for rule in RULES if (places := list(rule.find(tree))))


def _describe(rule: Rule, places: list[Finding]) -> str:
    lines = [f"  {path}:{line}  {what}" if line else f"  {path}  {what}" for path, line, what in places]
    return "\n".join([rule.name, *lines, f"  why: {rule.why}", f"  fix: {rule.fix}", ""])


if __name__ == "__main__":
    broken = report(Tree(Path(__file__).resolve().parents[2]))
    sys.stdout.write(broken or f"{len(RULES)} rules kept.\n")
    sys.exit(1 if broken else 0)
