"""The check of refunds after a run finds those that are missing, partial or not deserved."""

from typing import LiteralString

import pytest
from django.db import connection, transaction

from bookings.services.booking import book_slot
from bookings.services.cancelling import cancel_booking
from bookings.services.hosting import cancel_slot
from tests.bookings.people import make_person, make_slot
from tests.fault_injection.verification import WRONG_REFUNDS

CANCELLED: LiteralString = "status = 'cancelled', cancelled_by = 'host', cancelled_at = now()"


def ask(statement: LiteralString) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def bookings(transactional_db: None) -> None:
    """One that stands, one that its client cancelled and one that its host did."""
    ada, grace = make_person("ada"), make_person("grace", is_host=True)
    slots = [make_slot(grace, hours=72 + 2 * number) for number in range(3)]
    made = [book_slot(client_id=ada.id, slot_id=slot.id)["id"] for slot in slots]
    cancel_booking(client_id=ada.id, booking_id=made[1])
    cancel_slot(host_id=grace.id, slot_id=slots[2].id)


def test_one_whole_refund_for_each_cancelled_booking(bookings: None) -> None:
    assert ask(WRONG_REFUNDS) == []


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (CANCELLED, "status = 'active'"),
        (f"{CANCELLED}, credits_refunded = credits_charged", "status = 'active'"),
        ("credits_refunded = 0", "cancelled_by = 'client'"),
        ("credits_charged = 2", "cancelled_by = 'host'"),
        ("status = 'active', cancelled_by = '', cancelled_at = NULL, credits_refunded = 0", "cancelled_by = 'client'"),
    ],
)
def test_any_other_refund_is_found(bookings: None, change: LiteralString, where: LiteralString) -> None:
    # Committed, the worst of these would be refused by the database's own triggers.
    with transaction.atomic():
        ask(f"UPDATE bookings_booking SET {change} WHERE {where}")
        assert len(ask(WRONG_REFUNDS)) == 1
        transaction.set_rollback(True)
