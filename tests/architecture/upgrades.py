"""`python -m tests.architecture.upgrades`: migrations that would hurt the release that runs while they are applied.

It reads operations and Django's own model of their effect, needs no database, and looks only at what a migration does
to tables that were there before it. docs/upgrading.md says how each kind of change is made in two releases.
"""

import inspect
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import django
from django.contrib.postgres import operations as postgres
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models.functions import Now
from pgtrigger import migrations as triggers

from tests.architecture.tree import APPS


@dataclass(frozen=True)
class Rule:
    name: str
    why: str
    fix: str


@dataclass(frozen=True)
class Breach:
    migration: str
    rule: Rule
    what: str


REMOVAL = Rule(
    "removal",
    "The release before reads and writes every column it knows; it fails as soon as one is gone or has another name.",
    "Two releases. First: stop using it, with `SeparateDatabaseAndState(state_operations=[…])`, and let the column be "
    "null or have a default in the database. Then: drop it, with `accepted`, once no process of the first is left.",
)
NOT_NULL = Rule(
    "not-null",
    "The release before inserts rows without this column.",
    "Give the field a `db_default`, or let it be null, fill it, and demand it one release later with a CHECK that is "
    "added NOT VALID and validated.",
)
REWRITE = Rule(
    "rewrite",
    "PostgreSQL writes the whole table anew, and nobody reads or writes it meanwhile.",
    "Add a column of the new kind, write both, copy in batches, read the new one a release later. A longer varchar, or "
    "text instead of it, is free.",
)
INDEX = Rule(
    "index",
    "While the index is built nobody writes to the table.",
    "`atomic = False` and `AddIndexConcurrently` from django.contrib.postgres.operations, in a migration of its own. "
    "What is unique: `CREATE UNIQUE INDEX CONCURRENTLY` by RunSQL, with the constraint as its `state_operations`.",
)
CONSTRAINT = Rule(
    "constraint",
    "Every row is checked while nobody may write to the table.",
    "`AddConstraintNotValid`, then `ValidateConstraint` in a migration after it. A foreign key: `db_constraint=False`, "
    "then RunSQL with `ADD CONSTRAINT … NOT VALID`, then RunSQL with `VALIDATE CONSTRAINT`.",
)
DATA = Rule(
    "data",
    "One transaction over all rows holds its locks until the last of them, and without a way back a release stays.",
    "`atomic = False`, walk the rows in batches that commit one by one (the function says `batch`), and give "
    "`reverse_code` or `reverse_sql`, be it `noop`.",
)
UNKNOWN = Rule(
    "unknown",
    "Nobody has said what this operation does to a running release.",
    "Read the SQL (`manage.py sqlmigrate`) and teach it to tests/architecture/upgrades.py.",
)
RULES = (REMOVAL, NOT_NULL, REWRITE, INDEX, CONSTRAINT, DATA, UNKNOWN)
_BY_NAME = {rule.name: rule for rule in RULES}

_HARMLESS = (
    migrations.AlterModelOptions,
    migrations.AlterModelManagers,
    migrations.AlterModelTableComment,
    migrations.RemoveIndex,
    migrations.RenameIndex,
    migrations.RemoveConstraint,
    migrations.AlterConstraint,
    postgres.CreateExtension,
    postgres.CreateCollation,
    triggers.AddTrigger,
    triggers.RemoveTrigger,
)
_REMOVALS = (
    migrations.DeleteModel,
    migrations.RenameModel,
    migrations.RemoveField,
    migrations.RenameField,
    migrations.AlterModelTable,
    postgres.RemoveCollation,
)
# What RunSQL may say, and the words that make it harmless.
_STATEMENTS = (
    (REMOVAL, r"\bDROP\s+(TABLE|COLUMN|VIEW)\b|\bRENAME\s+(TO|COLUMN)\b", None),
    (NOT_NULL, r"\bSET\s+NOT\s+NULL\b|\bADD\s+COLUMN\b[^;]*\bNOT\s+NULL\b", r"\bDEFAULT\b"),
    (REWRITE, r"\bALTER\s+(COLUMN\s+)?\S+\s+(SET\s+DATA\s+)?TYPE\b|\bVACUUM\s+FULL\b|\bCLUSTER\b", None),
    (INDEX, r"\bCREATE\s+(UNIQUE\s+)?INDEX\b|\bREINDEX\b", r"\bCONCURRENTLY\b"),
    (CONSTRAINT, r"\bADD\s+(CONSTRAINT|CHECK|FOREIGN|UNIQUE|EXCLUDE)\b", r"\bNOT\s+VALID\b|\bUSING\s+INDEX\b"),
    (DATA, r"^\s*(UPDATE|DELETE|INSERT|TRUNCATE|LOCK)\b", None),
)
_Finding = tuple[Rule, str]


@dataclass
class Reading:
    """One migration while its operations are read one after the other."""

    migration: migrations.Migration
    state: ProjectState
    fresh: set[str] = field(default_factory=set)
    not_valid: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        return f"{self.migration.app_label}.{self.migration.name}"

    def findings(self) -> Iterator[_Finding]:
        for operation in self.migration.operations:
            yield from self._judge(operation)
            operation.state_forwards(self.migration.app_label, self.state)

    def _judge(self, operation: Operation) -> Iterator[_Finding]:
        """What is wrong with one operation; nothing is, with what it does to a table of this migration's own."""
        if isinstance(operation, migrations.CreateModel):
            self.fresh.add(operation.name_lower)
        elif isinstance(operation, migrations.SeparateDatabaseAndState):
            for inner in operation.database_operations:
                yield from self._judge(inner)
        elif isinstance(operation, migrations.RunSQL | migrations.RunPython):
            yield from self._data(operation)
        elif str(getattr(operation, "model_name", getattr(operation, "name", ""))).lower() not in self.fresh:
            yield from self._existing(operation)

    def _existing(self, operation: Operation) -> Iterator[_Finding]:
        what = operation.describe()
        if isinstance(operation, _REMOVALS):
            yield REMOVAL, what
        elif isinstance(operation, migrations.AddField):
            yield from ((rule, what) for rule in _added(operation.field))
        elif isinstance(operation, migrations.AlterField):
            yield from ((rule, what) for rule in _altered(*self._both_fields(operation)))
        elif isinstance(operation, migrations.AlterOrderWithRespectTo):
            yield NOT_NULL, what
        else:
            yield from self._index_or_constraint(operation, what)

    def _index_or_constraint(self, operation: Operation, what: str) -> Iterator[_Finding]:
        if isinstance(operation, postgres.AddConstraintNotValid):
            self.not_valid.add(operation.constraint.name)
        elif isinstance(operation, postgres.ValidateConstraint):
            if operation.name in self.not_valid and self.migration.atomic:
                yield CONSTRAINT, f"{what}, in the transaction that added it"
        elif isinstance(operation, migrations.AddConstraint):
            yield (INDEX if isinstance(operation.constraint, models.UniqueConstraint) else CONSTRAINT), what
        elif isinstance(operation, postgres.AddIndexConcurrently | postgres.RemoveIndexConcurrently):
            if self.migration.atomic:
                yield INDEX, f"{what}, in a transaction"
        elif isinstance(
            operation, migrations.AddIndex | migrations.AlterUniqueTogether | migrations.AlterIndexTogether
        ):
            yield INDEX, what
        elif not isinstance(operation, _HARMLESS):
            yield UNKNOWN, what

    def _data(self, operation: migrations.RunSQL | migrations.RunPython) -> Iterator[_Finding]:
        if not operation.reversible:
            yield DATA, f"{type(operation).__name__} without a way back"
        if isinstance(operation, migrations.RunSQL):
            yield from _statements(operation.sql)
        else:
            code = operation.code
            in_one_transaction = operation.atomic or (operation.atomic is None and self.migration.atomic)
            if in_one_transaction or "batch" not in inspect.getsource(code).lower():
                yield DATA, f"{getattr(code, '__name__', code)}() does not commit in batches"

    def _both_fields(self, operation: migrations.AlterField) -> tuple[Any, Any]:
        """The field before and after, as parts of whole models: only those know their columns."""
        after = self.state.clone()
        operation.state_forwards(self.migration.app_label, after)
        names = self.migration.app_label, operation.model_name
        old, new = (state.apps.get_model(*names)._meta.get_field(operation.name) for state in (self.state, after))
        return old, new


def _added(new: Any) -> Iterator[Rule]:
    if new.many_to_many:
        return
    if not new.null and not new.has_db_default() and not isinstance(new, models.GeneratedField):
        yield NOT_NULL
    default = new.db_default if new.has_db_default() else None
    if isinstance(new, models.GeneratedField) or (
        isinstance(default, models.Expression) and not isinstance(default, models.Value | Now)
    ):
        yield REWRITE
    if new.unique or new.db_index:
        yield INDEX
    if new.remote_field and new.db_constraint:
        yield CONSTRAINT


def _altered(old: Any, new: Any) -> Iterator[Rule]:
    if old.many_to_many or new.many_to_many:
        yield from () if old.many_to_many and new.many_to_many else (REMOVAL,)
        return
    if old.column != new.column:
        yield REMOVAL
    if (old.null and not new.null) or (old.has_db_default() and not new.has_db_default() and not new.null):
        yield NOT_NULL
    if not _is_free(old.db_type(connection), new.db_type(connection)) or _collation(old) != _collation(new):
        yield REWRITE
    if (new.unique and not old.unique) or (new.db_index and not old.db_index):
        yield INDEX
    if _checks(new) - _checks(old):
        yield CONSTRAINT


def _is_free(old: str | None, new: str | None) -> bool:
    """Whether PostgreSQL only notes that a column of type `old` is `new` from now on."""
    lengths = [re.fullmatch(r"varchar\((\d+)\)", kind or "") for kind in (old, new)]
    if old == new or (lengths[0] and new == "text"):
        return True
    return bool(lengths[0] and lengths[1] and int(lengths[0][1]) <= int(lengths[1][1]))


def _collation(column: Any) -> str | None:
    return getattr(column, "db_collation", None)


def _checks(column: Any) -> set[str]:
    """Conditions that the database holds the column to."""
    target = column.remote_field and column.db_constraint and column.remote_field.model._meta.db_table
    return {str(check) for check in (target, column.db_check(connection)) if check}


def _statements(sql: Any) -> Iterator[_Finding]:
    parts = sql.split(";") if isinstance(sql, str) else [part if isinstance(part, str) else part[0] for part in sql]
    for part in parts:
        for rule, pattern, excuse in _STATEMENTS:
            if re.search(pattern, part, re.IGNORECASE) and not (excuse and re.search(excuse, part, re.IGNORECASE)):
                yield rule, " ".join(part.split())[:80]


def breaches_of(migration: migrations.Migration, state: ProjectState) -> Iterator[Breach]:
    """What a migration does wrong in a database of this state, which it moves on.

    A migration may name a rule and the reason why it is safe here: `accepted = {"removal": "unused since 1.4"}`.
    """
    reading = Reading(migration, state)
    accepted: dict[str, str] = getattr(migration, "accepted", {})
    needed = set()
    for rule, what in reading.findings():
        needed.add(rule.name)
        if len(re.findall(r"[^\W\d_]", accepted.get(rule.name, ""))) < 8:
            yield Breach(reading.name, rule, what)
    for name in sorted(accepted.keys() - needed):
        yield Breach(reading.name, _BY_NAME.get(name, UNKNOWN), f"accepts {name!r}, which it does not do")


def breaches(apps: Iterable[str] = APPS) -> Iterator[Breach]:
    """Every breach in the migrations of these apps, in the order in which they are applied."""
    graph = MigrationLoader(None).graph
    plan = dict.fromkeys(node for leaf in graph.leaf_nodes() for node in graph.forwards_plan(leaf))
    state = ProjectState()
    for app, name in plan:
        migration = graph.nodes[app, name]
        if app in apps:
            yield from breaches_of(migration, state)
        else:
            migration.mutate_state(state, preserve=False)


def report(found: Iterable[Breach]) -> str:
    """Every broken rule with its places, why and fix; empty when there is none."""
    places = list(found)
    return "\n".join(_describe(rule, here) for rule in RULES if (here := [b for b in places if b.rule is rule]))


def _describe(rule: Rule, places: list[Breach]) -> str:
    lines = [f"  {breach.migration}: {breach.what}" for breach in places]
    return "\n".join([rule.name, *lines, f"  why: {rule.why}", f"  fix: {rule.fix}", ""])


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
    django.setup()
    found = report(breaches())
    sys.stdout.write(found or "Every migration may run before the release that brings it.\n")
    sys.exit(1 if found else 0)
