"""What the models say that the database holds: constraints, indexes, triggers, keys. None is listed by hand."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db import connection
from django.db.models import ForeignKey, Model

APPS = ("accounts", "tokens", "bookings")

# Names of what is in force. A constraint that was added without looking at its rows, an index that could not be built
# and a trigger that is switched off are not. A foreign key is enforced by triggers of its own. What Django names
# itself is known by its columns, as `bookings_slot(host_id) is a foreign key`.
_IN_FORCE = """
SELECT c.conname::text FROM pg_constraint c
WHERE c.conrelid = ANY(%(tables)s::regclass[]) AND c.contype IN ('c', 'u', 'x') AND c.convalidated
UNION ALL
SELECT i.indexrelid::regclass::text FROM pg_index i
WHERE i.indrelid = ANY(%(tables)s::regclass[]) AND i.indisvalid AND i.indisready
UNION ALL
SELECT t.tgname::text FROM pg_trigger t
WHERE t.tgrelid = ANY(%(tables)s::regclass[]) AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
UNION ALL
SELECT format('%%s(%%s) is a foreign key', c.conrelid::regclass, a.attname) FROM pg_constraint c
JOIN pg_attribute a ON a.attrelid = c.conrelid AND ARRAY[a.attnum] = c.conkey
WHERE c.conrelid = ANY(%(tables)s::regclass[]) AND c.contype = 'f' AND c.convalidated
AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgconstraint = c.oid AND t.tgenabled NOT IN ('O', 'A'))
UNION ALL
SELECT format('%%s(%%s) is unique', i.indrelid::regclass, a.attname) FROM pg_index i
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE i.indrelid = ANY(%(tables)s::regclass[]) AND i.indnkeyatts = 1 AND i.indisunique AND i.indpred IS NULL
AND i.indisvalid AND i.indisready
UNION ALL
SELECT format('%%s(%%s) is never null', a.attrelid::regclass, a.attname) FROM pg_attribute a
WHERE a.attrelid = ANY(%(tables)s::regclass[]) AND a.attnum > 0 AND a.attnotnull
"""


@dataclass(frozen=True)
class Guard:
    """`kind` is `constraint`, `index`, `trigger`, `key`, `unique` or `not null`; `target` the object or the column."""

    table: str
    kind: str
    target: str

    @property
    def name(self) -> str:
        """What `_IN_FORCE` calls it."""
        says = {"key": "is a foreign key", "unique": "is unique", "not null": "is never null"}.get(self.kind)
        return f"{self.table}({self.target}) {says}" if says else self.target


def list_guards() -> list[Guard]:
    """Every guard that the models of this project ask for."""
    return [guard for model in _models() for guard in _guards_of(model)]


def find_missing() -> list[str]:
    """The guards that are not there, or switched off, with the table of each."""
    guards = list_guards()
    with connection.cursor() as cursor:
        cursor.execute(_IN_FORCE, {"tables": sorted({guard.table for guard in guards})})
        in_force = {name for (name,) in cursor.fetchall()}
    missing = [guard for guard in guards if guard.name not in in_force]
    return [f"{g.table} {g.kind} {g.target}" for g in missing]


def _models() -> list[type[Model]]:
    """With the tables that Django makes for many-to-many fields."""
    return [model for label in APPS for model in apps.get_app_config(label).get_models(include_auto_created=True)]


def _guards_of(model: type[Model]) -> Iterator[Guard]:
    table = model._meta.db_table
    for constraint in model._meta.constraints:
        yield Guard(table, "constraint", constraint.name)
    for index in model._meta.indexes:
        yield Guard(table, "index", index.name)
    for trigger in getattr(model._meta, "triggers", ()):
        yield Guard(table, "trigger", trigger.get_pgid(model))
    for field in model._meta.local_concrete_fields:
        if isinstance(field, ForeignKey):
            yield Guard(table, "key", str(field.column))
        if field.unique:
            yield Guard(table, "unique", str(field.column))
        if not field.null:
            yield Guard(table, "not null", str(field.column))
