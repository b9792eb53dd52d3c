"""`python -m tests.architecture.migrations`: migrations that would disturb the release that runs meanwhile.

squawk reads the SQL that each migration sends to a database of its own; docs/upgrading.md says how each kind of change
is made in two releases. squawk does not see Python, and does not look at statements that change rows.
"""

import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import django
from django.db import connection, migrations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from tests.architecture.tree import APPS
from tests.databases import start_server

# Matters of taste, columns that may be null from now on, and time limits, which docs/upgrading.md sets at the command.
EXCLUDED = (
    "ban-drop-not-null prefer-bigint-over-int prefer-bigint-over-smallint prefer-identity prefer-robust-stmts "
    "prefer-text-field prefer-timestamp-tz require-lock-timeout require-statement-timeout"
).split()
DATA = "data"
DATA_FIX = (
    "One transaction over all rows holds its locks until the last of them. Use `atomic = False`, walk the rows in "
    "batches that commit one by one (the function says `batch`), and give `reverse_code` or `reverse_sql` (or `noop`)."
)
CHANGES_ROWS = re.compile(r"\s*(UPDATE|DELETE|INSERT|TRUNCATE|LOCK|CLUSTER|VACUUM)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Breach:
    migration: str
    rule: str
    what: str


def breaches(apps: Iterable[str] = APPS) -> Iterator[Breach]:
    """Every breach in the migrations of these apps, in the order in which they are applied."""
    graph = MigrationLoader(None).graph
    plan = dict.fromkeys(node for leaf in graph.leaf_nodes() for node in graph.forwards_plan(leaf))
    state = ProjectState()
    for app, name in plan:
        migration = graph.nodes[app, name]
        if app in apps:
            yield from breaches_of(migration, state.clone())
        migration.mutate_state(state, preserve=False)


def breaches_of(migration: migrations.Migration, state: ProjectState) -> Iterator[Breach]:
    """What a migration does wrong in a database of this state.

    A migration may name a rule and why it is safe here: `accepted = {"ban-drop-column": "unused since 1.4"}`.
    """
    name = f"{migration.app_label}.{migration.name}"
    accepted: dict[str, str] = getattr(migration, "accepted", {})
    found = [*_findings_of_squawk(migration, state), *_changes_of_rows(migration)]
    for rule, what in found:
        if len(re.findall(r"[^\W\d_]", accepted.get(rule, ""))) < 8:
            yield Breach(name, rule, what)
    for rule in sorted(accepted.keys() - {rule for rule, _ in found}):
        yield Breach(name, rule, f"`accepted` names {rule!r}, which the migration does not break")


def _findings_of_squawk(migration: migrations.Migration, state: ProjectState) -> Iterator[tuple[str, str]]:
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        migration.apply(state, editor, collect_sql=True)
    sql = "\n".join(editor.collected_sql)
    sql = f"BEGIN;\n{sql}\nCOMMIT;\n" if migration.atomic else sql
    command = [str(Path(sys.executable).parent / "squawk"), "--reporter", "json", f"--exclude={','.join(EXCLUDED)}"]
    done = subprocess.run(command, input=sql, capture_output=True, text=True)
    created = re.findall(r'CREATE TABLE ("\w+")', sql)
    for one in json.loads(done.stdout or "[]"):
        statement = sql.splitlines()[one["line"]].strip()
        if not statement.startswith(tuple(f"ALTER TABLE {table} " for table in created)):
            yield one["rule_name"], f"{statement[:80]}: {one['message']} {one['help'] or ''}".strip()


def _changes_of_rows(migration: migrations.Migration) -> Iterator[tuple[str, str]]:
    for operation in _flat(migration.operations):
        if not operation.reversible:
            yield DATA, f"{type(operation).__name__} without a way back. {DATA_FIX}"
        if isinstance(operation, migrations.RunSQL):
            parts = [operation.sql] if isinstance(operation.sql, str) else [str(part) for part in operation.sql]
            if any(CHANGES_ROWS.match(statement) for part in parts for statement in part.split(";")):
                yield DATA, f"{' '.join(parts)[:80]}. {DATA_FIX}"
        elif isinstance(operation, migrations.RunPython):
            is_atomic = migration.atomic if operation.atomic is None else operation.atomic
            if is_atomic or "batch" not in inspect.getsource(operation.code).lower():
                yield DATA, f"RunPython does not commit in batches. {DATA_FIX}"


def _flat(operations: Iterable[migrations.operations.base.Operation]) -> Iterator[migrations.operations.base.Operation]:
    for operation in operations:
        if isinstance(operation, migrations.SeparateDatabaseAndState):
            yield from _flat(operation.database_operations)
        else:
            yield operation


def main() -> int:
    """Print each breach. 1 if there is one."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
    server = start_server()
    try:
        django.setup()
        found = [f"{one.rule} {one.migration}: {one.what}\n" for one in breaches()]
        connection.close()
    finally:
        server.cleanup()
    sys.stdout.write("".join(found) or "No migration disturbs the release before it.\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
