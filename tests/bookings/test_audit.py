"""Damage that the database would refuse is planted with its guards off; the audit finds each and names it."""

import time
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, InternalError, ProgrammingError, connection, transaction

from bookings.models import Booking, CreditEntry, Offering, Slot, Subscription
from bookings.repositories.audit import GUARDS_STAND
from bookings.repositories.audit_rules import RULES
from bookings.repositories.schema_guards import Guard, list_guards
from bookings.services.audit import find_breaches
from bookings.services.booking import book_slot
from bookings.services.cancelling import cancel_booking
from tests.bookings.people import make_person, make_slot

RULE = {rule.name: rule.sentence for rule in RULES}


def execute(sql: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def drop_guards() -> None:
    """Take every constraint of the bookings' tables away, until the test's transaction is rolled back."""
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    # The bookings before have set a limit, and autovacuum gives its locks back only when it has the processor again.
    execute("SET LOCAL lock_timeout = 0")
    execute("SET LOCAL session_replication_role = replica")
    for guard in list_guards():
        if guard.kind == "constraint" and guard.table.startswith("bookings_"):
            execute(f"ALTER TABLE {guard.table} DROP CONSTRAINT IF EXISTS {guard.target}")
            execute(f"DROP INDEX IF EXISTS {guard.target}")


@pytest.fixture
def booked(db: None) -> Booking:
    """Ada's booking of Grace's slot."""
    ada, grace = make_person("ada"), make_person("grace", is_host=True)
    return Booking.objects.get(id=book_slot(client_id=ada.id, slot_id=make_slot(grace).id)["id"])


def copy(table: str, row_id: UUID, **changes: Any) -> UUID:
    """A second row, like the first but for `changes`; its id."""
    new_id = uuid4()
    values = ", ".join(f"'{name}', to_jsonb(%s::text)" for name in ("id", *changes))
    execute(
        f"INSERT INTO {table} SELECT (jsonb_populate_record(t, jsonb_build_object({values}))).* "
        f"FROM {table} t WHERE id = %s",
        *map(str, (new_id, *changes.values())),
        row_id,
    )
    return new_id


def enter(
    b: Booking, amount: int, reason: str, *, booking_id: UUID | None, subscription_id: UUID | None = None
) -> None:
    execute(
        "INSERT INTO bookings_creditentry (id, subscription_id, booking_id, amount, reason, balance_after, created_at) "
        "VALUES (%s, %s, %s, %s, %s, 1, now())",
        *(uuid4(), subscription_id or b.subscription_id, booking_id, amount, reason),
    )


def wait(b: Booking, client_id: UUID, status: str = "waiting") -> None:
    execute(
        "INSERT INTO bookings_waitlistentry (id, slot_id, client_id, status, joined_at) VALUES (%s, %s, %s, %s, %s)",
        *(uuid4(), b.slot_id, client_id, status, b.created_at),
    )


def change(table: str, values: str) -> Callable[[Booking], None]:
    """Plant `values` in the booking, or in its slot, subscription or person."""
    ids = {
        "booking": "id",
        "slot": "slot_id",
        "subscription": "subscription_id",
        "client": "client_id",
        "host": "host_id",
    }
    name = "accounts_user" if table in {"client", "host"} else f"bookings_{table}"
    return lambda b: execute(f"UPDATE {name} SET {values} WHERE id = %s", getattr(b, ids[table]))


def cancelled(by: str, *, after: str, refund: int) -> Callable[[Booking], None]:
    """Plant a cancellation at the start plus `after`."""
    return change(
        "booking",
        f"status = 'cancelled', cancelled_by = '{by}', credits_refunded = {refund}, "
        f"cancelled_at = scheduled_start_time + interval '{after}'",
    )


def of_somebody_elses_credits(b: Booking) -> None:
    other = Subscription.objects.get(user=make_person("mallory"))
    execute("UPDATE bookings_booking SET subscription_id = %s WHERE id = %s", other.id, b.id)
    execute("UPDATE bookings_creditentry SET subscription_id = %s WHERE booking_id = %s", other.id, b.id)


def refund_to_another_subscription(b: Booking) -> None:
    other = copy("bookings_subscription", Subscription.objects.get(bookings=b).id)
    cancelled("client", after="-60 hours", refund=1)(b)
    enter(b, 1, "refund", booking_id=b.id, subscription_id=other)


def late_move(b: Booking) -> None:
    execute(
        "INSERT INTO bookings_bookingmove "
        "(id, booking_id, previous_slot_id, previous_start_time, previous_end_time, moved_at) "
        "VALUES (%s, %s, %s, now() + interval '1 hour', now() + interval '2 hours', now())",
        *(uuid4(), b.id, b.slot_id),
    )


def free_seat_and_a_queue(b: Booking) -> None:
    wait(b, make_person("mallory").id)
    execute("UPDATE bookings_booking SET changed_at = changed_at - interval '2 hours'")
    execute("UPDATE bookings_waitlistentry SET joined_at = joined_at - interval '2 hours'")
    execute("UPDATE bookings_creditentry SET created_at = created_at - interval '2 hours'")


def refunded_twice(b: Booking) -> None:
    for _ in range(2):
        enter(b, 1, "refund", booking_id=b.id)


def waiting_after_leaving(b: Booking) -> None:
    wait(b, b.client_id)
    change("client", "is_active = false")(b)


def renewed_twice(b: Booking) -> None:
    for _ in range(2):
        enter(b, 5, "renewal", booking_id=None)


def made_from_anothers_offering(b: Booking) -> None:
    offering = Offering.objects.create(host_id=b.client_id, title="Theirs", minutes=60, capacity=1)
    Slot.objects.filter(id=b.slot_id).update(offering=offering)


PLANTED: dict[str, Callable[[Booking], object]] = {
    "seats_fit": change("slot", "seats_taken = 9"),
    "seats_match": change("slot", "seats_taken = 0"),
    "cancelled_is_empty": change("slot", "status = 'cancelled', cancelled_at = now()"),
    "slots_apart": lambda b: copy("bookings_slot", b.slot_id, seats_taken=0),
    "made_from_own": made_from_anothers_offering,
    "left_hosts_offer_nothing": change("host", "is_active = false"),
    "charged_once": lambda b: enter(b, -1, "booking", booking_id=b.id),
    "difference_of_move": lambda b: enter(b, 1, "difference", booking_id=b.id),
    "own_credits": of_somebody_elses_credits,
    "refunded_once": refunded_twice,
    "refund_goes_back": refund_to_another_subscription,
    "refund_of_cancelled": change("booking", "credits_refunded = 1"),
    "given_back_is_ledger": change("booking", "credits_given_back = 1"),
    "refund_in_time": cancelled("client", after="-60 hours", refund=0),
    "no_late_refund": cancelled("client", after="-12 hours", refund=1),
    "refund_by_host": cancelled("host", after="-1 hour", refund=0),
    "cancelled_before_start": cancelled("client", after="0", refund=0),
    "booked_before_start": change("booking", "created_at = scheduled_start_time"),
    "moved_in_time": late_move,
    "free_until_start": change("booking", "free_to_leave_until = now()"),
    "no_show_after_start": change("booking", "status = 'no_show'"),
    "one_seat_each": lambda b: copy("bookings_booking", b.id),
    "bookings_apart": lambda b: copy("bookings_booking", b.id),
    "slot_copied": change("slot", "ends_at = ends_at + interval '1 hour'"),
    "not_own_slot": change("booking", "client_id = host_id"),
    "left_clients_hold_nothing": change("client", "is_active = false"),
    "reminders_in_time": change("booking", "remind_at = now() - interval '2 hours'"),
    "never_overdrawn": change("subscription", "credits_remaining = -1"),
    "balance_is_ledger": change("subscription", "credits_remaining = 50"),
    "balances_follow": lambda b: execute(
        "UPDATE bookings_creditentry SET balance_after = 3 WHERE booking_id = %s", b.id
    ),
    "renewed_once": renewed_twice,
    "settled_in_time": change("subscription", "ends_at = now() - interval '2 hours', starts_at = 'epoch'"),
    "waits_without_seat": lambda b: wait(b, b.client_id),
    "left_clients_wait_for_nothing": waiting_after_leaving,
    "promoted_is_booked": lambda b: wait(b, b.host_id, "promoted"),
    "free_seats_are_given": free_seat_and_a_queue,
}


def test_damage_of_every_rule_is_planted() -> None:
    assert sorted(PLANTED) == sorted(RULE)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_planted_damage_is_found_and_named(booked: Booking, rule: Any) -> None:
    assert find_breaches() == {}
    drop_guards()
    PLANTED[rule.name](booked)
    breaches = find_breaches()
    assert rule.sentence in breaches
    ids = breaches[rule.sentence]
    assert all(UUID(found) for found in ids)
    assert (rule.sentence in find_breaches(with_jobs=False)) is not rule.of_jobs
    out = StringIO()
    with pytest.raises(CommandError) as ended:
        call_command("audit", stdout=out, stderr=out)
    assert ended.value.returncode == 1
    assert f"BROKEN: {rule.sentence}: {', '.join(ids)}\n" in out.getvalue()


# The guards of the schema


def _drop(guard: Guard) -> None:
    """The object itself; of what is known by its column, whatever has to do with it."""
    if guard.kind == "not null":
        execute(f"ALTER TABLE {guard.table} DROP CONSTRAINT IF EXISTS {guard.table}_pkey CASCADE")
        execute(f"ALTER TABLE {guard.table} ALTER {guard.target} DROP IDENTITY IF EXISTS")
        execute(f"ALTER TABLE {guard.table} ALTER {guard.target} DROP NOT NULL")
    elif guard.kind == "trigger":
        execute(f"DROP TRIGGER {guard.target} ON {guard.table}")
    else:
        for name in [guard.target] if guard.kind in {"constraint", "index"} else _names_on_column(guard):
            execute(f'ALTER TABLE {guard.table} DROP CONSTRAINT IF EXISTS "{name}" CASCADE')
            execute(f'DROP INDEX IF EXISTS "{name}"')


def _names_on_column(guard: Guard) -> list[str]:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, guard.table)
    on_column = {name: what for name, what in found.items() if what["columns"] == [guard.target]}
    return [
        name for name, what in on_column.items() if (what["foreign_key"] if guard.kind == "key" else what["unique"])
    ]


def _switch_off(guard: Guard, how: str) -> None:
    """The trigger, or those that PostgreSQL has made for a foreign key."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('%%I', t.tgname) FROM pg_trigger t LEFT JOIN pg_constraint c ON c.oid = t.tgconstraint "
            "WHERE t.tgrelid = %s::regclass AND %s IN (t.tgname, c.conname) ORDER BY t.tgname",
            [guard.table, guard.target if guard.kind == "trigger" else _names_on_column(guard)[0]],
        )
        name = cursor.fetchall()[0][0]
    execute(f"ALTER TABLE {guard.table} {how} TRIGGER {name}")


DAMAGE: dict[str, Callable[[Guard], None]] = {
    "gone": _drop,
    "disabled": lambda guard: _switch_off(guard, "DISABLE"),
    "for replicas only": lambda guard: _switch_off(guard, "ENABLE REPLICA"),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("table", sorted({guard.table for guard in list_guards()}))
def test_each_guard_that_is_gone_or_switched_off_is_named(db: None, table: str, damage: str) -> None:
    """Foreign keys are triggers as well."""
    for guard in list_guards():
        if guard.table == table and (damage == "gone" or guard.kind in {"trigger", "key"}):
            with transaction.atomic():
                DAMAGE[damage](guard)
                assert f"{table} {guard.kind} {guard.target}" in find_breaches()[GUARDS_STAND]
                transaction.set_rollback(True)
    assert find_breaches() == {}


def test_every_kind_of_guard_is_read_from_the_models() -> None:
    kinds = {"constraint", "index", "trigger", "key", "unique", "not null"}
    assert {guard.kind for guard in list_guards() if guard.table.startswith("bookings_")} == kinds


def test_a_constraint_that_looked_at_no_rows_is_named(db: None) -> None:
    execute("ALTER TABLE bookings_slot DROP CONSTRAINT slot_seats_fit_capacity")
    execute("ALTER TABLE bookings_slot ADD CONSTRAINT slot_seats_fit_capacity CHECK (true) NOT VALID")
    assert find_breaches() == {GUARDS_STAND: ["bookings_slot constraint slot_seats_fit_capacity"]}


@pytest.mark.parametrize("damage", ["UPDATE {} SET amount = 9", "UPDATE {} SET booking_id = NULL", "DELETE FROM {}"])
def test_the_ledger_cannot_be_rewritten(booked: Booking, damage: str) -> None:
    with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
        execute(damage.format("bookings_creditentry"))
    assert CreditEntry.objects.count() > 0


@pytest.mark.parametrize("tables", ["bookings_creditentry", "bookings_subscription CASCADE"])
def test_the_ledger_cannot_be_emptied(booked: Booking, tables: str) -> None:
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises((ProgrammingError, InternalError), match="the ledger is append-only"), transaction.atomic():
        execute(f"TRUNCATE {tables}")
    assert CreditEntry.objects.count() > 0


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
        enter(booked, 1, "refund", booking_id=booked.id)


def test_people_with_bookings_cannot_be_deleted(booked: Booking) -> None:
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError), transaction.atomic():
        execute("DELETE FROM accounts_user WHERE id = %s", booked.client_id)


@pytest.mark.alone
def test_one_host_of_fifteen_thousand_slots_takes_seconds(booked: Booking) -> None:
    execute(
        "INSERT INTO bookings_slot (id, host_id, title, starts_at, ends_at, bookings_close_at, capacity, seats_taken, "
        "status) SELECT gen_random_uuid(), %s, 'x', t, t + interval '15 minutes', t, 1, 0, 'open' "
        "FROM generate_series(now() + interval '1 year', now() + interval '1 year' + interval '3749 hours 45 minutes', "
        "interval '15 minutes') t",
        booked.host_id,
    )
    assert Slot.objects.count() == 15_001
    began = time.monotonic()
    assert find_breaches() == {}
    assert time.monotonic() - began < 10
