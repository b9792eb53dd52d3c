"""People and slots for the booking tests, made through the same services that the product uses."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import F, Q

from accounts.models import User
from accounts.services import people
from bookings.models import Booking, BookingMove, Offering, Slot, Subscription
from bookings.repositories import clock
from bookings.services import hosting, offerings
from bookings.services.availability import add_rule
from bookings.services.credits import grant_credits
from bookings.services.series import BookedSeries, book_series, preview_series

HOUR = timedelta(hours=1)
SLOT_TIMES = ("starts_at", "ends_at", "bookings_close_at")
BOOKING_TIMES = (
    "scheduled_start_time", "scheduled_end_time", "remind_at", "created_at", "changed_at", "cancelled_at",
    "free_to_leave_until",
)  # fmt: skip
MOVE_TIMES = ("previous_start_time", "previous_end_time", "moved_at")


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
        grant_credits(user_id=person.id, credits=credits)
    return User.objects.get(id=person.id)


def make_offering(host: User, *, title: str = "Offered", public: bool = True, **values: Any) -> Offering:
    """The host's offering of that title, an hour for three."""
    says = {"title": title, "minutes": 60, "capacity": 3, "public": public} | values
    found = Offering.objects.filter(host=host, **says).first()
    return found or Offering.objects.get(id=offerings.add_offering(host_id=host.id, values=says)["id"])


def make_slot(
    host: User,
    *,
    hours: float = 72,
    minutes: int = 60,
    capacity: int = 3,
    title: str = "Session",
    offering: Offering | None = None,
) -> Slot:
    """An open slot that starts `hours` from the database's now."""
    starts_at = clock.read_now() + timedelta(hours=hours)
    row = hosting.create_slot(
        host_id=host.id,
        offering_id=offering and offering.id,
        title=title,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=minutes),
        capacity=capacity,
    )
    return Slot.objects.get(id=row["id"])


def make_weekly(host: User, *, hours: int = 1, weeks: int = 2, **values: Any) -> list[Slot]:
    """The sessions of an hour that weekly hours make from eight days ahead on, at no price unless `values` say one."""
    day = clock.read_now().astimezone(ZoneInfo(host.time_zone)).date() + timedelta(days=8)
    times = {"start_time": time(9), "end_time": time(9 + hours)}
    # The horizon is so many times 24 hours: with a day more it holds the last session before nine in the morning, too.
    terms = {"title": "Weekly", "capacity": 1, "price_credits": 0, "horizon_days": 7 * weeks + 2} | values
    rule = add_rule(host_id=host.id, values={"kind": "weekly", "weekday": day.isoweekday()} | times | terms).rule
    return list(Slot.objects.filter(rule_id=rule.id, rule_date__gte=day).order_by("starts_at"))


def series_of(client: User, slot: Slot, *, until: date, key: str | None = None) -> Callable[[], BookedSeries]:
    """Booking what a preview shows now."""
    preview = preview_series(client_id=client.id, slot_id=slot.id, until=until)
    return partial(
        book_series,
        client_id=client.id,
        slot_id=slot.id,
        slot_ids=[one.slot["id"] for one in preview.sessions if one.refusal is None],
        expected_credits_charged=preview.credits_charged,
        seen=preview.seen,
        idempotency_key=key,
    )


@contextmanager
def failing(table: str, *, id: UUID) -> Iterator[None]:
    """Let every change of one row fail, as a defect of its data would."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$"
        )
        cursor.execute(
            f"CREATE TRIGGER fail BEFORE UPDATE ON {table} FOR EACH ROW WHEN (OLD.id = '{id}') EXECUTE FUNCTION fail()"
        )
        yield
        cursor.execute("DROP FUNCTION fail() CASCADE")


def credits_of(person: User) -> int:
    """All credits the person has, usable or not."""
    return sum(Subscription.objects.filter(user=person).values_list("credits_remaining", flat=True))


def shift_start(slot: Slot, *, hours: float) -> None:
    """Let time pass until the slot starts in `hours` (negative: has started), for the slot and its bookings alike."""
    starts_at = clock.read_now() + timedelta(hours=hours)
    _pass(Slot.objects.get(id=slot.id).starts_at - starts_at, slots=Q(id=slot.id), bookings=Q(slot_id=slot.id))


def pass_time(*, hours: float) -> None:
    """Let every session, booked or not, and every reminder be `hours` nearer."""
    _pass(timedelta(hours=hours), slots=Q(), bookings=Q())


def _pass(passed: timedelta, *, slots: Q, bookings: Q) -> None:
    """What has happened to a booking was as long before its session as ever."""
    for found, columns in (
        (Slot.objects.filter(slots), SLOT_TIMES),
        (Booking.objects.filter(bookings), BOOKING_TIMES),
        (BookingMove.objects.filter(booking__in=Booking.objects.filter(bookings)), MOVE_TIMES),
    ):
        found.update(**{column: F(column) - passed for column in columns})


TABLES = (
    "bookings_slot", "bookings_booking", "bookings_bookingmove", "bookings_subscription", "bookings_creditentry",
    "bookings_waitlistentry", "bookings_availabilityrule", "bookings_offering",
    "bookings_unfinishedupgrade", "bookings_calendarfeed", "bookings_host", "bookings_plan",
    "accounts_user", "accounts_event", "procrastinate_jobs",
)  # fmt: skip


def state() -> dict[str, str]:
    """A digest of every table that an operation may change, for wholly-before or wholly-after comparisons."""
    digests = (f"SELECT '{table}', md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {table} t" for table in TABLES)
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(digests))
        return dict(cursor.fetchall())
