"""The rules by which the schema could be divided among several primaries, held over the schema itself."""

import pytest
from django.db import connection

from tests.config.distribution import DIVIDED, KNOWN, LOCAL, REFERENCE, find_violations
from tests.docs.pages import Page
from tests.processes import ROOT


def violations(*changes: str) -> set[str]:
    with connection.cursor() as cursor:
        for change in changes:
            cursor.execute(change)
        return find_violations(cursor)


def test_every_violation_is_known_with_its_reason(db: None) -> None:
    found = violations()
    assert found - KNOWN.keys() == set(), "change the schema, or name the reason in tests/config/distribution.py"
    assert KNOWN.keys() - found == set(), "these stand in the way no more"
    assert all(KNOWN.values())


def test_a_table_is_in_one_place() -> None:
    assert not DIVIDED.keys() & REFERENCE
    assert not (DIVIDED.keys() | REFERENCE) & LOCAL.keys()


@pytest.mark.parametrize(
    ("change", "violation"),
    [
        ("CREATE TABLE bookings_note (id uuid PRIMARY KEY)", "no place for bookings_note"),
        ("ALTER TABLE bookings_slot ALTER host_id DROP NOT NULL", "bookings_slot.host_id may be null"),
        ("ALTER TABLE tokens_consent DROP COLUMN user_id CASCADE", "tokens_consent has no user_id"),
        ("CREATE UNIQUE INDEX one_title ON bookings_slot (title)", "one_title lacks host_id"),
        ("CREATE UNIQUE INDEX one_label ON tokens_session (lower(label))", "one_label lacks user_id"),
        (
            "ALTER TABLE tokens_consent ADD slot_id uuid REFERENCES bookings_slot",
            "tokens_consent.slot_id refers to bookings_slot",
        ),
        (
            "ALTER TABLE bookings_plan ADD session_id uuid REFERENCES tokens_session",
            "bookings_plan.session_id refers to tokens_session",
        ),
        (
            "ALTER TABLE tokens_session ADD grant_id uuid REFERENCES tokens_devicegrant",
            "tokens_session.grant_id refers to tokens_devicegrant",
        ),
    ],
)
def test_a_violation_is_found(db: None, change: str, violation: str) -> None:
    assert violations(change) - KNOWN.keys() == {violation}


def test_a_constraint_with_the_column_is_none(db: None) -> None:
    change = "CREATE UNIQUE INDEX one_title ON bookings_slot (host_id, title)"
    assert violations(change) == violations()


def test_the_page_for_operators_names_every_table_that_is_divided() -> None:
    page = Page(ROOT / "docs" / "scaling.md").text
    assert [table for table in DIVIDED if f"`{table}`" not in page] == []
