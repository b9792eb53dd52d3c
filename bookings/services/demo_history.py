"""What has happened in the demo before it is first looked at: one example of everything that a page can show."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from bookings import errors
from bookings.repositories import transactions
from bookings.services.booking import book_slot
from bookings.services.cancelling import cancel_booking
from bookings.services.hosting import cancel_slot, create_slot, mark_no_show
from bookings.services.moving import reschedule_booking
from bookings.services.renewing import settle_subscriptions
from bookings.services.waiting import join_waitlist

BEGAN = timedelta(days=40)

# Name of a session: its host, title and seats, and how many days before now it began.
SESSIONS = {
    "early": ("grace", "Compilers, office hours", 12, 20),
    "office": ("grace", "Compilers, office hours", 12, 9),
    "workshop": ("margaret", "Mission software, workshop", 3, 5),
    "later workshop": ("margaret", "Mission software, workshop", 12, 3),
    "review": ("linus", "Code review, one to one", 1, 2),
    "cancelled": ("linus", "Code review, one to one", 1, 1),
}

# Days before now, what was done, by whom, in which session (and to which other one), in the order of time.
ACTS = (
    (22, "open", "grace", "early"),
    (21, "book", "edsger", "early"),
    (21, "book", "ada", "early"),
    (21, "book", "alan", "early"),
    (19.9, "miss", "alan", "early"),
    (13, "open", "grace", "office"),
    (13, "open", "margaret", "workshop"),
    (13, "open", "margaret", "later workshop"),
    (13, "open", "linus", "review"),
    (12, "book", "ada", "office"),
    (12, "book", "barbara", "office"),
    (12, "book", "katherine", "workshop"),
    (12, "book", "alan", "workshop"),
    (11, "book", "barbara", "workshop"),
    (9.9, "settle", "", ""),
    (8, "book", "ada", "review"),
    (7.5, "wait", "barbara", "review"),
    (7, "move", "ada", "review", "later workshop"),  # which promotes barbara
    (6, "cancel", "katherine", "workshop"),  # in time
    (5.2, "cancel", "alan", "workshop"),  # too late for a refund
    (4, "open", "linus", "cancelled"),
    (3.5, "book", "katherine", "cancelled"),
    (2.5, "close", "linus", "cancelled"),
)


@dataclass
class _Story:
    """What the acts so far have made, by name."""

    ids: dict[str, UUID]
    now: datetime
    slots: dict[str, UUID] = field(default_factory=dict)
    bookings: dict[tuple[str, str], UUID] = field(default_factory=dict)

    def open(self, who: str, session: str) -> None:
        _, title, capacity, days = SESSIONS[session]
        start = self.now.replace(minute=0, second=0, microsecond=0) - timedelta(days=days)
        times = {"starts_at": start, "ends_at": start + timedelta(hours=1)}
        self.slots[session] = create_slot(host_id=self.ids[who], title=title, capacity=capacity, **times)["id"]

    def book(self, who: str, session: str) -> None:
        row = book_slot(client_id=self.ids[who], slot_id=self.slots[session])
        self.bookings[who, session] = row["id"]

    def cancel(self, who: str, session: str) -> None:
        cancel_booking(client_id=self.ids[who], booking_id=self.bookings[who, session])

    def move(self, who: str, session: str, other: str) -> None:
        booking_id = self.bookings[who, session]
        reschedule_booking(client_id=self.ids[who], booking_id=booking_id, slot_id=self.slots[other])

    def wait(self, who: str, session: str) -> None:
        join_waitlist(client_id=self.ids[who], slot_id=self.slots[session])

    def miss(self, who: str, session: str) -> None:
        host, *_ = SESSIONS[session]
        mark_no_show(host_id=self.ids[host], booking_id=self.bookings[who, session])

    def close(self, who: str, session: str) -> None:
        cancel_slot(host_id=self.ids[who], slot_id=self.slots[session])

    def settle(self, who: str, session: str) -> None:
        settle_subscriptions()


def tell_history(*, ids: dict[str, UUID], now: datetime) -> None:
    """Do what was done, each act at its own time. What the people have done since in its way is left as it is."""
    story = _Story(ids, now)
    for days, verb, *whom_and_where in ACTS:
        act: Callable[..., None] = getattr(story, str(verb))
        with transactions.at_demo_time(now - timedelta(days=float(days))), suppress(errors.BookingsError, KeyError):
            act(*whom_and_where)
