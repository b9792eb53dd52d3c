"""People and slots for the booking tests, made through the same services that the product uses."""

import hashlib
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.db.models import F

from accounts.models import User
from accounts.services import people
from bookings.models import Booking, Slot, Subscription
from bookings.repositories import clock
from bookings.services import slots, subscriptions

HOUR = timedelta(hours=1)


def make_person(login: str, *, is_host: bool = False, time_zone: str = "UTC", credits: int = 0) -> User:
    """A person with the welcome credits (five) and `credits` more."""
    number = int.from_bytes(hashlib.sha256(login.encode()).digest()[:6])
    person = people.upsert_person(
        github_id=number, login=login, display_name=login.title(), email=f"{login}@example.org", now=datetime.now(UTC)
    )
    User.objects.filter(id=person.id).update(time_zone=time_zone)
    if is_host:
        people.mark_host(user_id=person.id, is_host=True)
    if credits:
        subscriptions.grant_credits(user_id=person.id, credits=credits)
    return User.objects.get(id=person.id)


def make_slot(host: User, *, hours: float = 72, minutes: int = 60, capacity: int = 3, title: str = "Session") -> Slot:
    """An open slot that starts `hours` from the database's now."""
    starts_at = clock.read_now() + timedelta(hours=hours)
    row = slots.create_slot(
        host_id=host.id,
        title=title,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=minutes),
        capacity=capacity,
    )
    return Slot.objects.get(id=row["id"])


def credits_of(person: User) -> int:
    """All credits the person has, usable or not."""
    return sum(Subscription.objects.filter(user=person).values_list("credits_remaining", flat=True))


def shift_start(slot: Slot, *, hours: float) -> None:
    """Let time pass until the slot starts in `hours` (negative: has started), for the slot and its bookings alike."""
    starts_at = clock.read_now() + timedelta(hours=hours)
    length = slot.ends_at - slot.starts_at
    Slot.objects.filter(id=slot.id).update(starts_at=starts_at, ends_at=starts_at + length, bookings_close_at=starts_at)
    Booking.objects.filter(slot_id=slot.id).update(
        scheduled_start_time=starts_at, scheduled_end_time=starts_at + length
    )


def pass_time(*, hours: float) -> None:
    """Let every session, booked or not, and every reminder be `hours` nearer."""
    passed = timedelta(hours=hours)
    Slot.objects.update(
        starts_at=F("starts_at") - passed,
        ends_at=F("ends_at") - passed,
        bookings_close_at=F("bookings_close_at") - passed,
    )
    Booking.objects.update(
        scheduled_start_time=F("scheduled_start_time") - passed,
        scheduled_end_time=F("scheduled_end_time") - passed,
        remind_at=F("remind_at") - passed,
    )


TABLES = (
    "bookings_slot", "bookings_booking", "bookings_bookingmove", "bookings_subscription", "bookings_creditentry",
    "bookings_waitlistentry", "bookings_availabilityrule", "accounts_user", "accounts_event", "procrastinate_jobs",
)  # fmt: skip


def state() -> dict[str, str]:
    """A digest of every table that an operation may change, for wholly-before or wholly-after comparisons."""
    digests = (f"SELECT '{table}', md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {table} t" for table in TABLES)
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(digests))
        return dict(cursor.fetchall())
