"""Hypothesis runs operations in any order, with time between them, against a model of the rules in plain Python."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.models import User
from bookings import errors
from bookings.models import Booking, Slot, Subscription, WaitlistEntry
from bookings.repositories import clock, seats, transactions
from bookings.services import adjusting, booking, cancelling, credits, giving_back, hosting, moving, waiting
from bookings.services.audit import find_breaches
from tests.bookings.people import make_person

pytestmark = pytest.mark.slow

WINDOW = timedelta(hours=12)
HOUR = timedelta(hours=1)
numbers = st.integers(min_value=0, max_value=999)


@dataclass
class ModelSlot:
    id: UUID
    host: int
    start: datetime
    capacity: int
    is_open: bool = True
    waiting: list[int] = field(default_factory=list)

    @property
    def end(self) -> datetime:
        return self.start + HOUR


@dataclass
class ModelBooking:
    id: UUID
    client: int
    slot: ModelSlot
    status: str = "active"
    refunded: int = 0
    given_back: int = 0

    @property
    def kept(self) -> int:
        return 1 - self.refunded - self.given_back


class Rules(RuleBasedStateMachine):
    """Two hosts and three clients with two credits each; the model says what each operation must do or refuse."""

    @initialize()
    def begin(self) -> None:
        self.undo = transaction.atomic()
        self.undo._from_testcase = True  # type: ignore[attr-defined]  # as Django's tests mark the block around durable ones
        self.undo.__enter__()
        self.now, look = clock.read_now(), seats.look_at_slot
        self.clock: list[Any] = [
            patch.object(transactions, "begin", lambda **_: self.now),
            patch.object(clock, "read_now", lambda: self.now),
            patch.object(seats, "look_at_slot", lambda **given: look(**given | {"now": self.now})),
        ]
        for replaced in self.clock:
            replaced.start()
        self.hosts = [make_person(f"host{n}", is_host=True) for n in range(2)]
        self.clients = [make_person(f"client{n}") for n in range(3)]
        self.credits = [5, 5, 5]
        self.slots: list[ModelSlot] = []
        self.bookings: list[ModelBooking] = []

    def teardown(self) -> None:
        if not hasattr(self, "undo"):
            return
        for replaced in self.clock:
            replaced.stop()
        breaches = {} if connection.needs_rollback else find_breaches()
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)
        assert breaches == {}

    # What the model knows.

    def held(self, slot: ModelSlot) -> list[ModelBooking]:
        return [b for b in self.bookings if b.slot is slot and b.status != "cancelled"]

    def collision(self, client: int, slot: ModelSlot, besides: ModelBooking | None = None) -> str:
        others = [b for b in self.bookings if b.client == client and b is not besides]
        if any(b.slot is slot and b.status != "cancelled" for b in others):
            return "already_booked"
        active = [b.slot for b in others if b.status == "active"]
        return "overlapping_booking" if any(s.start < slot.end and slot.start < s.end for s in active) else ""

    def why_no_seat(self, client: int, slot: ModelSlot, besides: ModelBooking | None = None) -> str:
        code = self.collision(client, slot, besides)
        is_full = len(self.held(slot)) >= slot.capacity
        return "slot_full" if is_full and code != "already_booked" else code

    def closed(self, slot: ModelSlot) -> str:
        if not slot.is_open:
            return "slot_cancelled"
        return "slot_started" if self.now >= slot.start else ""

    def refund(self, booking: ModelBooking) -> int:
        return booking.kept if self.is_early(booking) else 0

    def is_early(self, booking: ModelBooking) -> bool:
        return self.now < booking.slot.start - WINDOW

    def offer(self, slot: ModelSlot) -> None:
        """The first who waits, has a credit and is free gets the seat, while it could still be given back."""
        if not slot.is_open or self.now >= slot.start - WINDOW:
            return
        for client in list(slot.waiting):
            if len(self.held(slot)) >= slot.capacity:
                return
            if self.credits[client] and not self.collision(client, slot):
                slot.waiting.remove(client)
                self.credits[client] -= 1
                row = Booking.objects.filter(client=self.clients[client], slot_id=slot.id).latest("created_at", "id")
                self.bookings.append(ModelBooking(row.id, client, slot))

    def expect(self, code: str, operation: Any) -> Any:
        """Run the operation; it must be refused with `code`, or done where that is empty."""
        result, found = None, ""
        try:
            result = operation()
        except errors.BookingsError as refusal:
            found = refusal.code
        assert found == code
        return result

    def pick(self, things: list[Any], number: int) -> Any:
        return things[number % len(things)]

    # What people do.

    @rule(hours=st.integers(min_value=1, max_value=80))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours / 4)

    @precondition(lambda self: self.slots)
    @rule(slot=numbers, before=st.sampled_from([WINDOW, timedelta(0)]), off=st.integers(min_value=-1, max_value=1))
    def a_deadline_comes(self, slot: int, before: timedelta, off: int) -> None:
        """The very instant, or a microsecond beside it."""
        instant = self.pick(self.slots, slot).start - before + timedelta(microseconds=off)
        self.now = max(self.now, instant)

    @rule(host=numbers, first=numbers, hours=st.integers(min_value=20, max_value=120))
    def a_popular_session(self, host: int, first: int, hours: int) -> None:
        """One seat, wanted by everybody: one has it and the others wait."""
        known = len(self.slots)
        self.create_slot(host=host, hours=hours, capacity=1)
        if len(self.slots) > known:
            self.book(client=first, slot=known)
            for client in range(first + 1, first + 3):
                self.wait(client=client, slot=known)

    @rule(host=numbers, hours=st.integers(min_value=1, max_value=120), capacity=st.integers(min_value=1, max_value=2))
    def create_slot(self, host: int, hours: int, capacity: int) -> None:
        number, start = host % 2, self.now + timedelta(hours=hours / 2)
        own = [s for s in self.slots if s.host == number and s.is_open]
        clash = any(s.start < start + HOUR and start < s.end for s in own)
        row = self.expect(
            "slot_overlaps" if clash else "",
            lambda: hosting.create_slot(
                host_id=self.hosts[number].id, title="x", starts_at=start, ends_at=start + HOUR, capacity=capacity
            ),
        )
        if row:
            self.slots.append(ModelSlot(row["id"], number, start, capacity))

    @precondition(lambda self: self.slots)
    @rule(client=numbers, slot=numbers)
    def book(self, client: int, slot: int) -> None:
        number, target = client % 3, self.pick(self.slots, slot)
        code = self.closed(target) or self.why_no_seat(number, target)
        code = code or ("" if self.credits[number] else "insufficient_credits")
        row = self.expect(code, lambda: booking.book_slot(client_id=self.clients[number].id, slot_id=target.id))
        if row:
            self.credits[number] -= 1
            target.waiting = [c for c in target.waiting if c != number]
            self.bookings.append(ModelBooking(row["id"], number, target))

    @precondition(lambda self: self.bookings)
    @rule(booking=numbers, expected=st.sampled_from([None, 0, 1]))
    def cancel(self, booking: int, expected: int | None) -> None:
        target = self.pick(self.bookings, booking)
        refund = self.refund(target)
        code = "" if expected in {None, refund} else "refund_changed"
        if self.now >= target.slot.start:
            code = "session_started"
        if target.status != "active":
            code = "booking_not_active"
        row = self.expect(
            code,
            lambda: cancelling.cancel_booking(
                client_id=self.clients[target.client].id, booking_id=target.id, expected_credits_refunded=expected
            ),
        )
        if row:
            target.status, target.refunded = "cancelled", refund
            self.credits[target.client] += refund
            self.offer(target.slot)

    @precondition(lambda self: self.bookings)
    @rule(booking=numbers, slot=numbers)
    def move(self, booking: int, slot: int) -> None:
        moved, target = self.pick(self.bookings, booking), self.pick(self.slots, slot)
        code = self.why_not_move(moved, target)
        row = self.expect(
            code,
            lambda: moving.reschedule_booking(
                client_id=self.clients[moved.client].id, booking_id=moved.id, slot_id=target.id
            ),
        )
        if row:
            left, moved.slot = moved.slot, target
            target.waiting = [c for c in target.waiting if c != moved.client]
            self.offer(left)

    def why_not_move(self, moved: ModelBooking, target: ModelSlot) -> str:
        if moved.status != "active":
            return "booking_not_active"
        if self.now >= moved.slot.start:
            return "session_started"
        if not self.is_early(moved):
            return "late_reschedule"
        if moved.slot is target:
            return "already_booked"
        return self.closed(target) or self.why_no_seat(moved.client, target, besides=moved)

    @precondition(lambda self: self.slots)
    @rule(slot=numbers)
    def cancel_slot(self, slot: int) -> None:
        target = self.pick(self.slots, slot)
        code = "" if self.now < target.start else "session_started"
        code = code if target.is_open else "slot_cancelled"
        host = self.hosts[target.host].id
        if self.expect(code, lambda: hosting.cancel_slot(host_id=host, slot_id=target.id)):
            for booking in self.held(target):
                booking.status, booking.refunded = "cancelled", booking.kept
                self.credits[booking.client] += booking.refunded
            target.is_open, target.waiting = False, []

    @precondition(lambda self: self.slots)
    @rule(client=numbers, slot=numbers)
    def wait(self, client: int, slot: int) -> None:
        number, target = client % 3, self.pick(self.slots, slot)
        code = self.closed(target)
        if not code and number not in target.waiting:
            code = self.collision(number, target)
            code = code or ("" if len(self.held(target)) >= target.capacity else "validation_error")
        place = self.expect(code, lambda: waiting.join_waitlist(client_id=self.clients[number].id, slot_id=target.id))
        if place:
            if number not in target.waiting:
                target.waiting.append(number)
            assert place.position == target.waiting.index(number) + 1

    @precondition(lambda self: self.slots)
    @rule(client=numbers, slot=numbers)
    def stop_waiting(self, client: int, slot: int) -> None:
        number, target = client % 3, self.pick(self.slots, slot)
        waiting.leave_waitlist(client_id=self.clients[number].id, slot_id=target.id)
        target.waiting = [c for c in target.waiting if c != number]

    @rule(client=numbers)
    def grant(self, client: int) -> None:
        credits.grant_credits(user_id=self.clients[client % 3].id, credits=1)
        self.credits[client % 3] += 1

    @precondition(lambda self: self.bookings)
    @rule(booking=numbers)
    def no_show(self, booking: int) -> None:
        target = self.pick(self.bookings, booking)
        code = "" if self.now >= target.slot.start else "validation_error"
        code = code if target.status == "active" else "booking_not_active"
        host = self.hosts[target.slot.host].id
        if self.expect(code, lambda: hosting.mark_no_show(host_id=host, booking_id=target.id)):
            target.status = "no_show"

    @precondition(lambda self: self.bookings)
    @rule(booking=numbers)
    def undo_no_show(self, booking: int) -> None:
        target = self.pick(self.bookings, booking)
        code = "booking_not_active" if target.status == "cancelled" else ""
        if target.status == "no_show" and self.collision(target.client, target.slot, target) == "overlapping_booking":
            code = "overlapping_booking"
        host = self.hosts[target.slot.host].id
        if self.expect(code, lambda: hosting.undo_no_show(host_id=host, booking_id=target.id)):
            target.status = "active"

    @precondition(lambda self: self.bookings)
    @rule(booking=numbers)
    def give_back(self, booking: int) -> None:
        target = self.pick(self.bookings, booking)
        code, host = "" if target.kept else "validation_error", self.hosts[target.slot.host].id
        give = {"booking_id": target.id, "host_id": host, "actor_id": host}
        if self.expect(code, lambda: giving_back.give_back(credits=1, note="Sorry", **give)):
            target.given_back += 1
            self.credits[target.client] += 1

    @rule(client=numbers, amount=st.integers(min_value=-3, max_value=3))
    def adjust(self, client: int, amount: int) -> None:
        number = client % 3
        owned = Subscription.objects.get(user=self.clients[number]).id
        code = "" if amount and self.credits[number] + amount >= 0 else "validation_error"
        adjusted = self.expect(
            code, lambda: adjusting.adjust_credits(subscription_id=owned, amount=amount, note="A mistake")
        )
        self.credits[number] += 0 if adjusted is None else amount

    # What must be so after every step.

    @invariant()
    def the_database_says_what_the_model_says(self) -> None:
        if not hasattr(self, "slots"):
            return
        found = {row["id"]: row for row in Booking.objects.values("id", "slot_id", "status", "credits_refunded")}
        expected = {b.id: (b.slot.id, b.status, b.refunded) for b in self.bookings}
        assert {i: (r["slot_id"], r["status"], r["credits_refunded"]) for i, r in found.items()} == expected
        seats = {s.id: (len(self.held(s)), "open" if s.is_open else "cancelled") for s in self.slots}
        assert {s.id: (s.seats_taken, s.status) for s in Slot.objects.all()} == seats
        waiting = WaitlistEntry.objects.filter(status="waiting").order_by("joined_at", "id")
        for slot in self.slots:
            queue = [self.clients[c].id for c in slot.waiting]
            assert list(waiting.filter(slot_id=slot.id).values_list("client_id", flat=True)) == queue

    @invariant()
    def credits_and_ledger_add_up(self) -> None:
        if not hasattr(self, "slots"):
            return
        balances = dict(Subscription.objects.filter(user__in=self.clients).values_list("user_id", "credits_remaining"))
        assert [balances[client.id] for client in self.clients] == self.credits
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


@pytest.mark.usefixtures("db")
def test_operations_in_any_order_do_what_the_model_says() -> None:
    run_state_machine_as_test(
        Rules,
        settings=settings(
            max_examples=12,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            # Without shrinking: it would take minutes, and the failing steps are printed all the same.
            phases=[Phase.explicit, Phase.generate],
        ),
    )
    assert not User.objects.filter(login__startswith="client").exists()
