"""Everything at once, for `BOOKINGS_RACE_SECONDS` (4 unless told): no deadlock, no surprise, every rule intact."""

import os
import random
import time
from collections import Counter
from datetime import time as day_time
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db.models import Sum

from accounts.models import User
from accounts.services import people
from bookings import errors
from bookings.models import AvailabilityRule, Booking, CreditEntry, Offering, Slot, Subscription
from bookings.policies.weekly_hours import Hours
from bookings.repositories import clock
from bookings.services import (
    adjusting,
    availability,
    booking,
    booking_in,
    cancelling,
    credits,
    editing,
    front_desk,
    giving_back,
    hosting,
    moving,
    offerings,
    waiting,
    weekly_hours,
)
from bookings.services.audit import find_breaches
from tests.bookings.committed import count_deadlocks, make_clients, together
from tests.bookings.people import make_person, make_slot

pytestmark = pytest.mark.slow

SECONDS = float(os.environ.get("BOOKINGS_RACE_SECONDS", "4"))
THREADS = 10
# A slow machine goes on until each of these has been done.
NEEDED = {
    "book", "cancel", "move", "cancel_slot", "make_slot", "grant", "deactivate", "give_back", "adjust", "add_hours",
    "change_hours", "set_week", "remove_hours", "edit", "change_offering", "reopen", "book_in", "remove",
}  # fmt: skip
LIMIT_SECONDS = 300
WEEKLY = {"kind": "weekly", "end_time": day_time(22), "title": "Office hours", "horizon_days": 14}
HOSTS = ("grace", "linus", "margaret")


class Worker:
    """One thread's share: operations drawn at random over few people and few seats, so that they meet."""

    def __init__(self, seed: int, clients: list[User], hosts: list[User], missing: set[str]) -> None:
        self.random = random.Random(seed)
        self.clients, self.hosts, self.missing = clients, hosts, missing
        self.seen: Counter[str] = Counter()

    def run(self) -> Counter[str]:
        acts = [self.book] * 6 + [self.cancel] * 3 + [self.move] * 3 + [self.wait] * 2
        acts += [self.leave_queue, self.grant, self.cancel_slot, self.make_slot, self.make_slot, self.cancel_day]
        acts += [self.deactivate, self.cancel_as_staff, self.give_back, self.adjust, self.extend, self.end_plan]
        acts += [self.add_hours, self.change_hours, self.set_week, self.remove_hours, self.follow_zone, self.offer]
        acts += [self.change_offering] * 2 + [self.edit] * 3 + [self.reopen, self.book_in, self.book_in, self.remove]
        acts += [self.book_as_staff, self.move_as_staff, self.cancel_by_the_rule, self.cancel_slot_as_staff]
        began = time.monotonic()
        while (passed := time.monotonic() - began) < SECONDS or (self.missing and passed < LIMIT_SECONDS):
            act = self.random.choice(acts)
            try:
                act()
            except errors.BookingsError as refusal:
                self.seen[f"{act.__name__}: {refusal.code}"] += 1
            else:
                self.seen[f"{act.__name__}: done"] += 1
                self.missing.discard(act.__name__)
        return self.seen

    def client(self) -> User:
        return self.random.choice(self.clients)

    def slot_id(self) -> Any:
        ids = list(Slot.objects.filter(status="open").values_list("id", flat=True)[:40])
        return self.random.choice(ids) if ids else self.clients[0].id

    def booking(self) -> Booking | None:
        active = list(Booking.objects.filter(status="active")[:60])
        return self.random.choice(active) if active else None

    def book(self) -> None:
        key = f"{self.random.random()}" if self.random.random() < 0.5 else None
        booking.book_slot(client_id=self.client().id, slot_id=self.slot_id(), idempotency_key=key)

    def cancel(self) -> None:
        if booking := self.booking():
            cancelling.cancel_booking(client_id=booking.client_id, booking_id=booking.id)

    def cancel_as_staff(self) -> None:
        if booking := self.booking():
            front_desk.cancel_booking_as_staff(booking_id=booking.id, actor_id=None)

    def cancel_by_the_rule(self) -> None:
        if booking := self.booking():
            is_preview = self.random.random() < 0.3
            front_desk.cancel_booking_as_staff(booking_id=booking.id, refund="rule", is_preview=is_preview)

    def book_as_staff(self) -> None:
        charge = self.random.random() < 0.5
        front_desk.book_as_staff(person=str(self.client().id), slot_id=self.slot_id(), charge=charge)

    def move_as_staff(self) -> None:
        if booking := self.booking():
            front_desk.move_booking_as_staff(booking_id=booking.id, slot_id=self.slot_id())

    def cancel_slot_as_staff(self) -> None:
        if slot := Slot.objects.filter(status="open").order_by("?").first():
            front_desk.cancel_slot_as_staff(slot_id=slot.id, is_preview=self.random.random() < 0.5)

    def move(self) -> None:
        if booking := self.booking():
            moving.reschedule_booking(client_id=booking.client_id, booking_id=booking.id, slot_id=self.slot_id())

    def wait(self) -> None:
        waiting.join_waitlist(client_id=self.client().id, slot_id=self.slot_id())

    def leave_queue(self) -> None:
        waiting.leave_waitlist(client_id=self.client().id, slot_id=self.slot_id())

    def grant(self) -> None:
        credits.grant_credits(user_id=self.client().id, credits=1)

    def cancel_slot(self) -> None:
        if slot := Slot.objects.filter(status="open").order_by("?").first():
            hosting.cancel_slot(host_id=slot.host_id, slot_id=slot.id)

    def edit(self) -> None:
        if slot := Slot.objects.filter(status="open").order_by("?").first():
            later = timedelta(minutes=self.random.choice([-70, -20, 20, 70]))
            changes: list[dict[str, Any]] = [
                {"title": f"Race {self.random.random()}"},
                {"place": f"Room {self.random.random()}", "capacity": self.random.randint(1, 5)},
                {"starts_at": slot.starts_at + later, "ends_at": slot.ends_at + later},
            ]
            editing.edit_slot(host_id=slot.host_id, slot_id=slot.id, values=self.random.choice(changes))

    def book_in(self) -> None:
        if slot := Slot.objects.filter(status="open").order_by("?").first():
            charge = self.random.random() < 0.5
            person = str(self.client().id)
            booking_in.book_person_in(host_id=slot.host_id, slot_id=slot.id, person=person, charge=charge)

    def remove(self) -> None:
        if booking := self.booking():
            cancelling.remove_client(host_id=booking.host_id, booking_id=booking.id)

    def reopen(self) -> None:
        if slot := Slot.objects.filter(status="cancelled").order_by("?").first():
            editing.reopen_slot(host_id=slot.host_id, slot_id=slot.id)

    def change_offering(self) -> None:
        """A price, a place, seats or a length that its slots and hours follow."""
        if offering := Offering.objects.order_by("?").first():
            changes: list[dict[str, Any]] = [
                {"price_credits": self.random.randint(0, 3)},
                {"place": f"Room {self.random.random()}"},
                {"capacity": self.random.randint(1, 4)},
                {"minutes": self.random.choice([40, 50, 60])},
            ]
            values = self.random.choice(changes)
            offerings.change_offering(host_id=offering.host_id, offering_id=offering.id, values=values)

    def make_slot(self) -> None:
        starts_at = clock.read_now() + timedelta(hours=self.random.randint(20, 60))
        host = self.random.choice(self.hosts)
        offering = Offering.objects.filter(host=host).order_by("?").first()
        hosting.create_slot(
            host_id=host.id,
            offering_id=offering and offering.id,
            title="Race",
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=50),
            capacity=self.random.randint(1, 3),
            price_credits=self.random.choice([0, 1, 1, 2]),
        )

    def cancel_day(self) -> None:
        if self.random.random() < 0.2:
            day = (clock.read_now() + timedelta(days=self.random.randint(1, 2))).date()
            hosting.cancel_day(host_id=self.random.choice(self.hosts).id, day=day)

    def give_back(self) -> None:
        if booking := Booking.objects.order_by("?").first():
            giving_back.give_back(booking_id=booking.id, credits=1, note="Sorry", actor_id=None)

    def subscription_id(self) -> UUID:
        return self.random.choice(list(Subscription.objects.values_list("id", flat=True)))

    def adjust(self) -> None:
        amount = self.random.choice([-1, 1])
        adjusting.adjust_credits(subscription_id=self.subscription_id(), amount=amount, note="Counted again")

    def extend(self) -> None:
        adjusting.extend_subscription(subscription_id=self.subscription_id(), days=1)

    def end_plan(self) -> None:
        if self.random.random() < 0.2:
            adjusting.end_subscription(subscription_id=self.subscription_id())

    def add_hours(self) -> None:
        host_id = self.random.choice(self.hosts).id
        if AvailabilityRule.objects.filter(host_id=host_id).count() < 3:
            hours = {"weekday": self.random.randint(1, 7), "start_time": day_time(self.random.randint(0, 20))}
            availability.add_rule(host_id=host_id, values=WEEKLY | hours)

    def rule(self) -> AvailabilityRule | None:
        return AvailabilityRule.objects.order_by("?").first()

    def change_hours(self) -> None:
        if rule := self.rule():
            values = {"capacity": self.random.randint(1, 3), "place": f"Room {self.random.random()}"}
            cancels = self.random.random() < 0.5
            availability.change_rule(host_id=rule.host_id, rule_id=rule.id, values=values, cancel_booked=cancels)

    def set_week(self) -> None:
        if (rule := self.rule()) and rule.offering_id and rule.weekday:
            starts = [self.random.randint(0, 20) for _ in range(self.random.randint(0, 2))]
            hours = {Hours(rule.weekday, day_time(start), day_time(start + 1)) for start in starts}
            weekly_hours.set_weekly_hours(host_id=rule.host_id, offering_id=rule.offering_id, hours=[*hours])

    def remove_hours(self) -> None:
        if rule := self.rule():
            availability.remove_rule(host_id=rule.host_id, rule_id=rule.id, cancel_booked=self.random.random() < 0.5)

    def follow_zone(self) -> None:
        host = self.random.choice(self.hosts)
        zone = self.random.choice(["Europe/Berlin", "Asia/Kathmandu"])
        people.update_profile(user_id=host.id, changes={"time_zone": zone})

    def offer(self) -> None:
        waiting.offer_all_free_seats()

    def deactivate(self) -> None:
        client = self.client()
        people.deactivate_person(user_id=client.id, now=clock.read_now())
        User.objects.filter(id=client.id).update(is_active=True)


def test_every_operation_at_once_leaves_every_rule_intact(transactional_db: None) -> None:
    clients = make_clients(12, credits=40)
    hosts = [make_person(login, is_host=True) for login in HOSTS]
    for number in range(8):
        make_slot(hosts[number % 3], hours=20 + 4 * number, capacity=2)
    deadlocks, missing = count_deadlocks(), set(NEEDED)
    results = together([Worker(seed, clients, hosts, missing).run for seed in range(THREADS)])
    surprises = [result for result in results if isinstance(result, Exception)]
    assert surprises == []
    seen: Counter[str] = sum(results, Counter())
    assert not missing, seen
    assert count_deadlocks() == deadlocks
    busy = sum(number for name, number in seen.items() if name.endswith(": busy"))
    assert busy <= 1 + seen.total() / 100, seen
    assert find_breaches() == {}
    balance = Subscription.objects.aggregate(sum=Sum("credits_remaining"))["sum"]
    assert balance == CreditEntry.objects.aggregate(sum=Sum("amount"))["sum"]
