"""Everything at once, for `BOOKINGS_STORM_SECONDS` (8 unless told): no deadlock, no surprise, every rule intact."""

import os
import random
import time
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

from django.db.models import Sum

from accounts.models import User
from accounts.services import people
from bookings import errors
from bookings.models import Booking, CreditEntry, Slot, Subscription
from bookings.repositories import clock
from bookings.services import bookings, cancellations, rescheduling, slots, subscriptions, waitlist
from bookings.services.audit import find_breaches
from tests.bookings.committed import count_deadlocks, make_crowd, together
from tests.bookings.people import make_person, make_slot

SECONDS = float(os.environ.get("BOOKINGS_STORM_SECONDS", "8"))
THREADS = 10
HOSTS = ("grace", "linus", "margaret")


class Storm:
    """One thread's share: operations drawn at random over few people and few seats, so that they meet."""

    def __init__(self, seed: int, clients: list[User], hosts: list[User]) -> None:
        self.random = random.Random(seed)
        self.clients, self.hosts = clients, hosts
        self.seen: Counter[str] = Counter()

    def run(self) -> Counter[str]:
        acts = [self.book] * 6 + [self.cancel] * 3 + [self.move] * 3 + [self.wait] * 2
        acts += [self.leave_queue, self.grant, self.cancel_slot, self.make_slot, self.make_slot, self.cancel_day]
        acts += [self.deactivate, self.cancel_as_staff]
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            act = self.random.choice(acts)
            try:
                act()
            except errors.BookingsError as refusal:
                self.seen[f"{act.__name__}: {refusal.code}"] += 1
            else:
                self.seen[f"{act.__name__}: done"] += 1
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
        bookings.book_slot(client_id=self.client().id, slot_id=self.slot_id(), idempotency_key=key)

    def cancel(self) -> None:
        if booking := self.booking():
            cancellations.cancel_booking(client_id=booking.client_id, booking_id=booking.id)

    def cancel_as_staff(self) -> None:
        if booking := self.booking():
            cancellations.cancel_booking_as_staff(booking_id=booking.id, actor_id=None)

    def move(self) -> None:
        if booking := self.booking():
            rescheduling.reschedule_booking(client_id=booking.client_id, booking_id=booking.id, slot_id=self.slot_id())

    def wait(self) -> None:
        waitlist.join_waitlist(client_id=self.client().id, slot_id=self.slot_id())

    def leave_queue(self) -> None:
        waitlist.leave_waitlist(client_id=self.client().id, slot_id=self.slot_id())

    def grant(self) -> None:
        subscriptions.grant_credits(user_id=self.client().id, credits=1)

    def cancel_slot(self) -> None:
        if slot := Slot.objects.filter(status="open").order_by("?").first():
            cancellations.cancel_slot(host_id=slot.host_id, slot_id=slot.id)

    def make_slot(self) -> None:
        starts_at = clock.read_now() + timedelta(hours=self.random.randint(20, 60))
        slots.create_slot(
            host_id=self.random.choice(self.hosts).id,
            title="Storm",
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=50),
            capacity=self.random.randint(1, 3),
        )

    def cancel_day(self) -> None:
        if self.random.random() < 0.2:
            day = (clock.read_now() + timedelta(days=self.random.randint(1, 2))).date()
            cancellations.cancel_day(host_id=self.random.choice(self.hosts).id, day=day)

    def deactivate(self) -> None:
        client = self.client()
        people.deactivate_person(user_id=client.id, now=clock.read_now())
        User.objects.filter(id=client.id).update(is_active=True)


def test_a_storm_of_everything_leaves_every_rule_intact(transactional_db: None) -> None:
    clients = make_crowd(12, credits=40)
    hosts = [make_person(login, is_host=True) for login in HOSTS]
    for number in range(8):
        make_slot(hosts[number % 3], hours=20 + 4 * number, capacity=2)
    deadlocks = count_deadlocks()
    results = together([partial(Storm(seed, clients, hosts).run) for seed in range(THREADS)])
    surprises = [result for result in results if isinstance(result, Exception)]
    assert surprises == []
    seen: Counter[str] = sum(results, Counter())
    done = Counter({name.partition(":")[0]: n for name, n in seen.items() if name.endswith(": done")})
    assert done.keys() >= {"book", "cancel", "move", "cancel_slot", "make_slot", "grant", "deactivate"}, seen
    assert count_deadlocks() == deadlocks
    busy = sum(number for name, number in seen.items() if name.endswith(": busy"))
    assert busy <= seen.total() / 100, seen
    assert find_breaches() == {}
    balance = Subscription.objects.aggregate(sum=Sum("credits_remaining"))["sum"]
    assert balance == CreditEntry.objects.aggregate(sum=Sum("amount"))["sum"]
