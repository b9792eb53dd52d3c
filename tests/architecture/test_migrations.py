"""One planted migration of every kind that would disturb a running release, and some that would not."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.postgres import operations as postgres
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.functions import RandomUUID
from django.db import migrations, models
from django.db.migrations import RunPython, RunSQL
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models.functions import Abs

from tests.architecture import migrations as linter

POSITIVE = models.CheckConstraint(condition=models.Q(age__gte=0), name="age_is_positive")
AGE = models.Index(fields=["age"], name="person_by_age")
NAMES = models.UniqueConstraint(fields=["name"], name="one_of_each_name")
ALONE = ExclusionConstraint(name="alone", expressions=[("age", "=")])


def make_tables(names: str) -> list[Operation]:
    columns: list[tuple[str, models.Field[Any, Any]]] = [
        ("id", models.BigAutoField(primary_key=True)),
        ("name", models.CharField(max_length=20)),
        ("age", models.IntegerField(null=True, db_default=0)),
    ]
    return [migrations.CreateModel(name, columns) for name in names.split()]


def planted(*operations: Operation, **attributes: Any) -> migrations.Migration:
    """A migration of an app whose tables `person` and `city` were there before."""
    planted = type("Migration", (migrations.Migration,), {"operations": operations, **attributes})
    return planted("0002_planted", "accounts")  # type: ignore[no-any-return]  # the class is made here


@pytest.fixture(autouse=True)
def _database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Operations look at the database before they say what they would do to it, and not in a transaction."""
    with django_db_blocker.unblock():
        yield


def tables() -> ProjectState:
    state = ProjectState()
    for operation in make_tables("Person City"):
        operation.state_forwards("accounts", state)
    return state


def rules_broken_by(migration: migrations.Migration) -> set[str]:
    return {breach.rule for breach in linter.breaches_of(migration, tables())}


def fill(apps: Any, editor: Any) -> None:
    apps.get_model("accounts", "Person").objects.update(age=1)


def fill_in_batches(apps: Any, editor: Any, batch: int = 1000) -> None: ...


def sql(statement: str) -> Operation:
    return RunSQL(statement, RunSQL.noop)


def add(field: models.Field[Any, Any]) -> Operation:
    return migrations.AddField("person", "more", field)


def alter(name: str, field: models.Field[Any, Any]) -> Operation:
    return migrations.AlterField("person", name, field)


HARMFUL: dict[str, dict[str, Operation]] = {
    "ban-drop-table": {
        "drop a table": migrations.DeleteModel("Person"),
        "drop a table in SQL": sql("SELECT 1; drop table accounts_person"),
    },
    "renaming-table": {
        "rename a model": migrations.RenameModel("Person", "Human"),
        "rename a table": migrations.AlterModelTable("person", "people"),
        "rename in SQL": sql("ALTER TABLE accounts_person RENAME TO people"),
    },
    "ban-drop-column": {
        "drop a column": migrations.RemoveField("person", "age"),
        "drop a column in SQL": sql("ALTER TABLE accounts_person DROP COLUMN age"),
        "hidden in another": migrations.SeparateDatabaseAndState([migrations.RemoveField("person", "age")], []),
    },
    "renaming-column": {"rename a column": migrations.RenameField("person", "age", "years")},
    "renaming-column ban-drop-default": {
        "rename a column by its field": alter("age", models.IntegerField(null=True, db_column="years")),
    },
    "ban-drop-default": {
        "a column that must be given": add(models.IntegerField(default=0)),
        "an order": migrations.AlterOrderWithRespectTo("person", "age"),
    },
    "adding-not-nullable-field": {
        "null no more": alter("age", models.IntegerField(db_default=0)),
        "null no more in SQL": sql("ALTER TABLE accounts_person ALTER COLUMN age SET NOT NULL"),
    },
    "adding-not-nullable-field ban-drop-default": {"no default any more": alter("age", models.IntegerField())},
    "changing-column-type": {
        "another type": alter("age", models.BigIntegerField(null=True, db_default=0)),
        "a shorter text": alter("name", models.CharField(max_length=10)),
        "another collation": alter("name", models.CharField(max_length=20, db_collation="C")),
        "another type in SQL": sql("ALTER TABLE accounts_person ALTER COLUMN age TYPE bigint"),
    },
    "adding-field-with-default": {
        "a default for each row": add(models.UUIDField(db_default=RandomUUID())),
        "a computed column": add(
            models.GeneratedField(expression=Abs("age"), output_field=models.IntegerField(), db_persist=True)
        ),
    },
    "require-concurrent-index-creation": {
        "an index": migrations.AddIndex("person", AGE),
        "an index by its field": alter("age", models.IntegerField(null=True, db_default=0, db_index=True)),
        "an index of a new column": add(models.IntegerField(null=True, db_index=True)),
        "an index in SQL": sql("CREATE INDEX by_age ON accounts_person (age)"),
    },
    "ban-concurrent-index-creation-in-transaction": {
        "an index in a transaction": postgres.AddIndexConcurrently("person", AGE),
    },
    "disallowed-unique-constraint constraint-missing-not-valid": {
        "unique together": migrations.AlterUniqueTogether("person", {("name", "age")}),
        "a unique constraint": migrations.AddConstraint("person", NAMES),
    },
    "constraint-missing-not-valid": {
        "a check": migrations.AddConstraint("person", POSITIVE),
        "an exclusion": migrations.AddConstraint("person", ALONE),
        "a check by its field": alter("age", models.PositiveIntegerField(null=True, db_default=0)),
        "a check in SQL": sql("ALTER TABLE accounts_person ADD CONSTRAINT old CHECK (age > 0)"),
    },
    "adding-foreign-key-constraint": {
        "a reference": add(models.ForeignKey("accounts.City", models.CASCADE, null=True, db_index=False)),
    },
    "data": {
        "data in one go": RunPython(fill, RunPython.noop),
        "data without a way back": RunPython(fill_in_batches, atomic=False),
        "SQL without a way back": RunSQL("SELECT 1"),
        "data by SQL": sql("UPDATE accounts_person SET age = 1"),
    },
}

HARMLESS: dict[str, list[Operation]] = {
    "a new table and all that belongs to it": [
        *make_tables("Dog"),
        migrations.AddField("dog", "weight", models.IntegerField()),
        migrations.AddIndex("dog", models.Index(fields=["age"], name="dog_by_age")),
        migrations.AddConstraint("dog", models.UniqueConstraint(fields=["name"], name="one_dog")),
    ],
    "a column that may be null": [add(models.IntegerField(null=True))],
    "a column with a default of its own": [add(models.IntegerField(db_default=0))],
    "many to many": [add(models.ManyToManyField("accounts.City"))],
    "null from now on": [alter("name", models.CharField(max_length=20, null=True))],
    "other words": [alter("name", models.CharField(max_length=20, help_text="?", choices=[("a", "a")]))],
    "a check in two steps": [postgres.AddConstraintNotValid("person", POSITIVE)],
    "its second step": [postgres.ValidateConstraint("person", "added_before")],
    "forgotten by Django alone": [
        migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("person", "age")])
    ],
    "no longer demanded, and forgotten by Django": [
        migrations.SeparateDatabaseAndState(
            [migrations.AlterField("person", "name", models.CharField(max_length=20, null=True))],
            [migrations.RemoveField("person", "name")],
        )
    ],
    "a constraint from an index": [sql("ALTER TABLE accounts_person ADD CONSTRAINT one UNIQUE USING INDEX by_name")],
}


@pytest.mark.parametrize(("rules", "kind"), [(rules, kind) for rules, kinds in HARMFUL.items() for kind in kinds])
def test_what_would_hurt_the_running_release_is_named(rules: str, kind: str) -> None:
    assert rules_broken_by(planted(HARMFUL[rules][kind])) == set(rules.split())


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_the_running_release_does_not_notice_is_let_through(kind: str) -> None:
    assert rules_broken_by(planted(*HARMLESS[kind])) == set()


def test_outside_a_transaction_indexes_and_batches_are_let_through() -> None:
    operations = [
        postgres.AddIndexConcurrently("person", AGE),
        sql("CREATE UNIQUE INDEX CONCURRENTLY by_name ON accounts_person (name)"),
        RunPython(fill_in_batches, RunPython.noop),
    ]
    assert rules_broken_by(planted(*operations, atomic=False)) == set()
    assert rules_broken_by(planted(RunPython(fill, RunPython.noop), atomic=False)) == {"data"}


def test_validating_in_the_transaction_that_adds_is_checking_under_its_lock() -> None:
    steps = [
        postgres.AddConstraintNotValid("person", POSITIVE),
        postgres.ValidateConstraint("person", "age_is_positive"),
    ]
    assert rules_broken_by(planted(*steps)) == {"constraint-missing-not-valid"}


def test_a_removal_is_accepted_with_a_reason_and_only_where_there_is_one() -> None:
    drop = migrations.RemoveField("person", "age")
    removal, index = "ban-drop-column", "require-concurrent-index-creation"
    assert rules_broken_by(planted(drop, accepted={removal: "no release since 1.4 reads it"})) == set()
    assert rules_broken_by(planted(drop, accepted={removal: "ok"})) == {removal}
    assert rules_broken_by(planted(drop, accepted={index: "the table is small"})) == {removal, index}
    assert rules_broken_by(planted(add(models.TextField(null=True)), accepted={removal: "to be sure"})) == {removal}


def test_a_breach_says_where_why_and_what_to_do() -> None:
    (breach,) = linter.breaches_of(planted(migrations.RemoveField("person", "age")), tables())
    assert breach.migration == "accounts.0002_planted"
    assert 'ALTER TABLE "accounts_person" DROP COLUMN "age" CASCADE' in breach.what
    assert "Dropping a column may break existing clients." in breach.what
