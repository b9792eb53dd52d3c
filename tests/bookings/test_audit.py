"""Damage that the database would refuse is planted with its guards off; the audit finds each and names it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, ProgrammingError, connection, transaction

from bookings.models import Booking, CreditEntry, Slot, Subscription
from bookings.services.audit import find_breaches
from bookings.services.bookings import book_slot
from bookings.services.cancellations import cancel_booking
from tests.bookings.people import make_person, make_slot

CONSTRAINTS = {
    "bookings_slot": ["slot_seats_fit_capacity", "slot_no_overlap", "slot_cancelled_is_empty"],
    "bookings_subscription": ["subscription_never_overdrawn"],
    "bookings_creditentry": ["entry_fits_its_reason", "entry_never_overdraws"],
    "bookings_booking": [
        "booking_status_fits",
        "booking_refunds_at_most_its_charge",
        "booking_no_overlap",
        "booking_not_of_own_slot",
    ],
}
INDEXES = ["entry_one_charge", "entry_one_refund", "booking_once_per_slot"]


def execute(sql: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


@contextmanager
def unguarded() -> Iterator[None]:
    """Without triggers, constraints and unique indexes, until the test's transaction is rolled back."""
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute("SET LOCAL session_replication_role = replica")
    for table, names in CONSTRAINTS.items():
        for name in names:
            execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for name in INDEXES:
        execute(f"DROP INDEX {name}")
    yield
    execute("SET LOCAL session_replication_role = origin")


@pytest.fixture
def booked(db: None) -> Booking:
    """Ada's booking of Grace's slot."""
    ada, grace = make_person("ada"), make_person("grace", is_host=True)
    return Booking.objects.get(id=book_slot(client_id=ada.id, slot_id=make_slot(grace).id)["id"])


ENTRY = (
    "INSERT INTO bookings_creditentry (id, subscription_id, booking_id, amount, reason, balance_after, created_at) "
    "VALUES (%s, %s, %s, %s, %s, 1, now())"
)


def too_many_seats(b: Booking) -> None:
    execute("UPDATE bookings_slot SET seats_taken = 9 WHERE id = %s", b.slot_id)


def lost_seat(b: Booking) -> None:
    execute("UPDATE bookings_slot SET seats_taken = 0 WHERE id = %s", b.slot_id)


def overdrawn(b: Booking) -> None:
    execute("UPDATE bookings_subscription SET credits_remaining = -1 WHERE id = %s", b.subscription_id)


def money_from_nowhere(b: Booking) -> None:
    execute("UPDATE bookings_subscription SET credits_remaining = 50 WHERE id = %s", b.subscription_id)


def refunded_twice(b: Booking) -> None:
    for _ in range(2):
        execute(ENTRY, uuid4(), b.subscription_id, b.id, 1, "refund")


def charged_twice(b: Booking) -> None:
    execute(ENTRY, uuid4(), b.subscription_id, b.id, -1, "booking")


def charge_removed(b: Booking) -> None:
    execute("DELETE FROM bookings_creditentry WHERE booking_id = %s", b.id)


def refunded_while_active(b: Booking) -> None:
    execute("UPDATE bookings_booking SET credits_refunded = 1 WHERE id = %s", b.id)


def booked_twice(b: Booking) -> None:
    execute(
        "INSERT INTO bookings_booking SELECT (jsonb_populate_record(b, jsonb_build_object('id', %s::uuid))).* "
        "FROM bookings_booking b WHERE id = %s",
        uuid4(),
        b.id,
    )


def cancelled_under_the_client(b: Booking) -> None:
    execute("UPDATE bookings_slot SET status = 'cancelled', cancelled_at = now() WHERE id = %s", b.slot_id)


def slot_moved_away(b: Booking) -> None:
    execute("UPDATE bookings_slot SET ends_at = ends_at + interval '1 hour' WHERE id = %s", b.slot_id)


def own_slot(b: Booking) -> None:
    execute("UPDATE bookings_booking SET client_id = host_id WHERE id = %s", b.id)


def overlapping_slots(b: Booking) -> None:
    execute(
        "INSERT INTO bookings_slot SELECT (jsonb_populate_record(s, jsonb_build_object('id', %s::uuid, "
        "'seats_taken', 0))).* FROM bookings_slot s WHERE id = %s",
        uuid4(),
        b.slot_id,
    )


def waiting_with_a_seat(b: Booking) -> None:
    execute(
        "INSERT INTO bookings_waitlistentry (id, slot_id, client_id, status, joined_at) "
        "VALUES (%s, %s, %s, 'waiting', now())",
        uuid4(),
        b.slot_id,
        b.client_id,
    )


def unguarded_ledger(b: Booking) -> None:
    execute("ALTER TABLE bookings_creditentry DISABLE TRIGGER ALL")


DAMAGE = {
    too_many_seats: "seats_taken is between",
    lost_seat: "seats_taken is the number",
    overdrawn: "a balance is never negative",
    money_from_nowhere: "a balance is the sum",
    refunded_twice: "refunded at most once",
    charged_twice: "is charged once",
    charge_removed: "is charged once",
    refunded_while_active: "only cancelled bookings are refunded",
    booked_twice: "one booking that holds a seat",
    cancelled_under_the_client: "a cancelled slot has no active booking",
    slot_moved_away: "the times and the host of its slot",
    own_slot: "not of the host's own",
    overlapping_slots: "no two open slots of a host overlap",
    waiting_with_a_seat: "nobody waits for a slot in which",
    unguarded_ledger: "append-only trigger",
}


@pytest.mark.parametrize("plant", DAMAGE, ids=lambda plant: plant.__name__)
def test_planted_damage_is_found_and_named(booked: Booking, plant: Any) -> None:
    assert find_breaches() == {}
    with unguarded():
        plant(booked)
    breaches = find_breaches()
    assert any(DAMAGE[plant] in rule for rule in breaches), breaches
    out = StringIO()
    with pytest.raises(CommandError) as ended:
        call_command("audit", stdout=out, stderr=out)
    assert ended.value.returncode == 1
    assert "BROKEN: " in out.getvalue()


@pytest.mark.parametrize("change", ["amount = 9", "booking_id = NULL"])
def test_the_ledger_cannot_be_rewritten(booked: Booking, change: str) -> None:
    with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
        execute(f"UPDATE bookings_creditentry SET {change}")
    with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
        CreditEntry.objects.all().delete()


def refused(constraint: str) -> Any:
    return pytest.raises(IntegrityError, match=constraint)


def test_the_database_refuses_what_the_code_would_never_do(booked: Booking) -> None:
    slot = Slot.objects.filter(id=booked.slot_id)
    with refused("slot_seats_fit_capacity"), transaction.atomic():
        slot.update(seats_taken=4)
    with refused("subscription_never_overdrawn"), transaction.atomic():
        Subscription.objects.update(credits_remaining=-1)
    with refused("seats_taken of slot"), transaction.atomic():
        slot.update(seats_taken=2)
        execute("SET CONSTRAINTS ALL IMMEDIATE")
    with refused("credits_remaining of subscription"), transaction.atomic():
        Subscription.objects.update(credits_remaining=40)
        execute("SET CONSTRAINTS ALL IMMEDIATE")
    with refused("booking_not_of_own_slot"), transaction.atomic():
        Booking.objects.update(client=booked.host)
    with refused("slot_no_overlap"), transaction.atomic():
        clash = slot.get()
        Slot.objects.create(
            host=clash.host,
            title="clash",
            starts_at=clash.starts_at + timedelta(minutes=1),
            ends_at=clash.ends_at,
            bookings_close_at=clash.starts_at,
            capacity=1,
        )


def test_a_second_refund_is_refused(booked: Booking) -> None:
    cancel_booking(client_id=booked.client_id, booking_id=booked.id)
    with refused("entry_one_refund"), transaction.atomic():
        execute(ENTRY, uuid4(), booked.subscription_id, booked.id, 1, "refund")


def test_people_with_bookings_cannot_be_deleted(booked: Booking) -> None:
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError), transaction.atomic():
        execute("DELETE FROM accounts_user WHERE id = %s", booked.client_id)
