"""One planted migration of every kind that would hurt a running release, and look-alikes that would not."""

from typing import Any

import pytest
from django.contrib.postgres import operations as postgres
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.functions import RandomUUID
from django.db import migrations, models
from django.db.migrations import RunPython, RunSQL
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models.functions import Abs, Now

from tests.architecture import upgrades

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


def rules_broken_by(migration: migrations.Migration) -> set[str]:
    state = ProjectState()
    for operation in make_tables("Person City"):
        operation.state_forwards("accounts", state)
    return {breach.rule.name for breach in upgrades.breaches_of(migration, state)}


def fill(apps: Any, editor: Any) -> None:
    apps.get_model("accounts", "Person").objects.update(age=1)


def fill_in_batches(apps: Any, editor: Any, batch: int = 1000) -> None: ...


def add(field: models.Field[Any, Any]) -> Operation:
    return migrations.AddField("person", "more", field)


def alter(name: str, field: models.Field[Any, Any]) -> Operation:
    return migrations.AlterField("person", name, field)


class Surprise(Operation):
    def state_forwards(self, app_label: str, state: ProjectState) -> None: ...


HARMFUL: dict[str, tuple[str, Operation]] = {
    "drop a table": ("removal", migrations.DeleteModel("Person")),
    "rename a model": ("removal", migrations.RenameModel("Person", "Human")),
    "rename a table": ("removal", migrations.AlterModelTable("person", "people")),
    "drop a column": ("removal", migrations.RemoveField("person", "age")),
    "rename a column": ("removal", migrations.RenameField("person", "age", "years")),
    "rename a column by its field": ("removal", alter("age", models.IntegerField(null=True, db_column="years"))),
    "drop a column in SQL": ("removal", RunSQL("ALTER TABLE accounts_person DROP COLUMN age", RunSQL.noop)),
    "drop a table in SQL": ("removal", RunSQL("SELECT 1; drop table accounts_person", RunSQL.noop)),
    "rename in SQL": ("removal", RunSQL(["ALTER TABLE accounts_person RENAME TO people"], RunSQL.noop)),
    "a column that must be given": ("not-null", add(models.IntegerField(default=0))),
    "an order": ("not-null", migrations.AlterOrderWithRespectTo("person", "age")),
    "null no more": ("not-null", alter("age", models.IntegerField(db_default=0))),
    "no default any more": ("not-null", alter("age", models.IntegerField())),
    "null no more in SQL": (
        "not-null",
        RunSQL("ALTER TABLE accounts_person ALTER COLUMN age SET NOT NULL", RunSQL.noop),
    ),
    "another type": ("rewrite", alter("age", models.BigIntegerField(null=True, db_default=0))),
    "a shorter text": ("rewrite", alter("name", models.CharField(max_length=10))),
    "another collation": ("rewrite", alter("name", models.CharField(max_length=20, db_collation="C"))),
    "a default for each row": ("rewrite", add(models.UUIDField(db_default=RandomUUID()))),
    "a computed column": (
        "rewrite",
        add(models.GeneratedField(expression=Abs("age"), output_field=models.IntegerField(), db_persist=True)),
    ),
    "another type in SQL": (
        "rewrite",
        RunSQL("ALTER TABLE accounts_person ALTER COLUMN age TYPE bigint", RunSQL.noop),
    ),
    "an index": ("index", migrations.AddIndex("person", AGE)),
    "an index in a transaction": ("index", postgres.AddIndexConcurrently("person", AGE)),
    "an index by its field": ("index", alter("age", models.IntegerField(null=True, db_default=0, db_index=True))),
    "an index of a new column": ("index", add(models.IntegerField(null=True, db_index=True))),
    "unique together": ("index", migrations.AlterUniqueTogether("person", {("name", "age")})),
    "a unique constraint": ("index", migrations.AddConstraint("person", NAMES)),
    "an index in SQL": ("index", RunSQL("CREATE INDEX by_age ON accounts_person (age)", RunSQL.noop)),
    "a check": ("constraint", migrations.AddConstraint("person", POSITIVE)),
    "an exclusion": ("constraint", migrations.AddConstraint("person", ALONE)),
    "a check by its field": ("constraint", alter("age", models.PositiveIntegerField(null=True, db_default=0))),
    "a reference": ("constraint", add(models.ForeignKey("accounts.City", models.CASCADE, null=True, db_index=False))),
    "a check in SQL": (
        "constraint",
        RunSQL("ALTER TABLE accounts_person ADD CONSTRAINT old CHECK (age > 0)", RunSQL.noop),
    ),
    "data in one go": ("data", RunPython(fill, RunPython.noop)),
    "data without a way back": ("data", RunPython(fill_in_batches, atomic=False)),
    "SQL without a way back": ("data", RunSQL("SELECT 1")),
    "data by SQL": ("data", RunSQL("UPDATE accounts_person SET age = 1", RunSQL.noop)),
    "hidden in another": (
        "removal",
        migrations.SeparateDatabaseAndState([migrations.RemoveField("person", "age")], []),
    ),
    "never heard of": ("unknown", Surprise()),
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
    "the same instant for every row": [add(models.DateTimeField(db_default=Now()))],
    "many to many": [add(models.ManyToManyField("accounts.City"))],
    "a longer text": [alter("name", models.CharField(max_length=40))],
    "any text": [alter("name", models.TextField())],
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
    "a constraint from an index": [
        RunSQL("ALTER TABLE accounts_person ADD CONSTRAINT one UNIQUE USING INDEX by_name", RunSQL.noop)
    ],
}


@pytest.mark.parametrize("kind", HARMFUL)
def test_what_would_hurt_the_running_release_is_named(kind: str) -> None:
    rule, operation = HARMFUL[kind]
    assert rules_broken_by(planted(operation)) == {rule}


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_the_running_release_does_not_notice_is_let_through(kind: str) -> None:
    assert rules_broken_by(planted(*HARMLESS[kind])) == set()


def test_outside_a_transaction_indexes_and_batches_are_let_through() -> None:
    operations = [
        postgres.AddIndexConcurrently("person", AGE),
        RunSQL("CREATE UNIQUE INDEX CONCURRENTLY by_name ON accounts_person (name)", RunSQL.noop),
        RunPython(fill_in_batches, RunPython.noop),
    ]
    assert rules_broken_by(planted(*operations, atomic=False)) == set()
    assert rules_broken_by(planted(RunPython(fill, RunPython.noop), atomic=False)) == {"data"}


def test_validating_in_the_transaction_that_adds_is_checking_under_its_lock() -> None:
    steps = [
        postgres.AddConstraintNotValid("person", POSITIVE),
        postgres.ValidateConstraint("person", "age_is_positive"),
    ]
    assert rules_broken_by(planted(*steps)) == {"constraint"}


def test_a_removal_is_accepted_with_a_reason_and_only_where_there_is_one() -> None:
    drop = migrations.RemoveField("person", "age")
    assert rules_broken_by(planted(drop, accepted={"removal": "no release since 1.4 reads it"})) == set()
    assert rules_broken_by(planted(drop, accepted={"removal": "ok"})) == {"removal"}
    assert rules_broken_by(planted(drop, accepted={"index": "the table is small"})) == {"removal", "index"}
    assert rules_broken_by(planted(add(models.TextField(null=True)), accepted={"removal": "to be sure"})) == {"removal"}


def test_every_rule_has_a_planted_violation_and_says_why_and_what_to_do() -> None:
    assert {rule.name for rule in upgrades.RULES} == {rule for rule, _ in HARMFUL.values()}
    text = upgrades.report(upgrades.Breach("accounts.0002_planted", rule, "it") for rule in upgrades.RULES)
    for rule in upgrades.RULES:
        assert f"{rule.name}\n  accounts.0002_planted: it\n  why: {rule.why}\n  fix: {rule.fix}\n" in text
