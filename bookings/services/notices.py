from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parseaddr
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings

from accounts.policies import describe_instant, describe_period
from bookings.policies.calendars import Party
from bookings.policies.credits import has_started, usable_until
from bookings.repositories import bookings, clock, jobs, people, slots, subscriptions, waitlist
from bookings.repositories.rows import BookingRow, HostRow, RecipientRow, SlotRow
from bookings.services.booking import refund_window
from bookings.services.calendar_feed import render_booking, render_bookings
from bookings.services.mail_choices import stop_address
from bookings.services.operations import operation

# So many reminders are ordered in one transaction.
REMINDERS_AT_ONCE = 500
# What these say is over with the session; a cancellation is told whenever it can be.
WHILE_BOOKED = frozenset(
    {
        "booking_made",
        "booking_made_by_host",
        "booking_made_by_staff",
        "booking_promoted",
        "booking_rescheduled",
        "session_changed",
        "reminder",
    }
)
# Each change is told, with what is so now: what a later one tells does not say what was different before.
EACH_TOLD = frozenset({"session_changed"})

# What a host may change besides the time, as mails name it.
CHANGES = {
    "title": "the title",
    "place": "the place",
    "link": "the link",
    "description": "the description",
}

Told = jobs.Told
Calendar = tuple[str, bytes]
Facts = tuple[dict[str, Any], Calendar | None]


@dataclass(frozen=True)
class Notice:
    """A mail that is still true: `template` is filled with `context`. The same notice has the same `message_id`.

    `calendars` are methods and contents (RFC 5546), of which a REQUEST and a CANCEL are about one booking each.
    `stop_url` stops such mails (RFC 8058).
    """

    template: str
    recipient: str
    message_id: str
    stop_url: str
    context: dict[str, Any]
    calendars: Sequence[Calendar] = field(default=(), repr=False)


class Subject(NamedTuple):
    """A booking, slot or subscription as it was; `told` is what was said of it when the mail was ordered."""

    id: UUID
    revision: int
    told: Told


def find_notice(*, kind: str, user_id: UUID, subjects: Sequence[Subject]) -> Notice | None:
    """What to write about the subjects, those left out that have changed since: another notice tells of each.

    None where none is left, or the person gets no mail.
    """
    person = people.find_recipient(user_id)
    if person is None:
        return None
    found = list(filter(None, (_about_subject(kind, user_id, subject, person) for subject in subjects)))
    if not found:
        return None
    if len(found) > 1:
        found.sort(key=lambda one: one[0]["starts_at"])
    contexts = [context for context, _ in found]
    stop_url = stop_address(kind="bookings", user_id=user_id)
    return Notice(
        template=kind if len(found) == 1 else f"{kind}_several",
        recipient=person["email"],
        message_id=f"<{kind}.{subjects[0].id}.{user_id}.{subjects[0].revision}@{urlsplit(settings.BACKEND_URL).hostname}>",
        stop_url=stop_url,
        context={
            "name": _name(person),
            "stop_url": stop_url,
            "about": "your bookings and credits",
            **(contexts[0] if len(found) == 1 else _together(contexts)),
        },
        calendars=[calendar for _, calendar in found if calendar],
    )


def _about_subject(kind: str, user_id: UUID, subject: Subject, person: RecipientRow) -> Facts | None:
    if kind == "series_booked":
        found = _about_series(subject.told, user_id, person)
    else:
        found = _about(kind, user_id, subject.id, subject.revision, person)
    if found is None:
        return None
    context, calendar = found
    return {**_words(subject.told, zone=ZoneInfo(person["time_zone"])), **context}, calendar


def _together(sessions: list[dict[str, Any]]) -> dict[str, Any]:
    """The context of several `sessions`: what is the same of all of them is said once."""
    first, *others = sessions
    same = {name: value for name, value in first.items() if all(one[name] == value for one in others)}
    return {"url": f"{settings.PORTAL_URL}/bookings", **same, "sessions": sessions}


def find_reminder(*, booking_id: UUID, revision: int) -> Notice | None:
    """The reminder of a booking that is still as it was when the reminder was ordered, and has not started."""
    booking = bookings.find_booking(booking_id)
    if booking is None or booking.status != "active" or clock.read_now() >= booking.scheduled_start_time:
        return None
    return find_notice(kind="reminder", user_id=booking.client_id, subjects=[Subject(booking_id, revision, {})])


def order_reminders() -> int:
    """Order every reminder that is due; how many that were. Two at once order none twice."""
    return sum(iter(_order_some, 0))


@operation
def _order_some(now: datetime, /) -> int:
    due = bookings.take_due_reminders(now=now, limit=REMINDERS_AT_ONCE)
    jobs.defer_reminders([(booking.id, booking.revision) for booking in due])
    return len(due)


def _about(kind: str, user_id: UUID, subject_id: UUID, revision: int, person: RecipientRow) -> Facts | None:
    zone = ZoneInfo(person["time_zone"])
    if kind.startswith("subscription_"):
        return _about_subscription(kind, subject_id, revision, zone)
    if kind == "seat_free":
        return _about_free_seat(subject_id, user_id, zone)
    if kind == "waiting_changed":
        return _about_wait(subject_id, user_id, zone)
    if kind in {"waitlist_closed", "slot_cancelled_by_staff"}:
        return _about_slot(slots.find_row(subject_id, viewer_id=user_id, refund_window=refund_window()), zone)
    if kind == "passed_over":
        return _about_waiting(subject_id, zone)
    if kind == "credits_given_back":
        return _about_entry(subject_id, zone)
    row = bookings.find_row(subject_id)
    if row is None or (row["revision"] != revision and kind not in EACH_TOLD):
        return None
    if kind in WHILE_BOOKED and row["status"] != "active":
        return None
    context = _booking_context(row, zone)
    if kind == "booking_rescheduled":
        context |= _difference(row["id"])
    organizer = _organizer(row)
    attendee = Party(_name(person), person["email"])
    return context, render_booking(row, organizer=organizer, attendee=attendee)


def _about_series(told: Told, user_id: UUID, person: RecipientRow) -> Facts | None:
    """What was booked at once and is still as it was then; a later change of one has a notice of its own."""
    rows = bookings.list_rows([UUID(booking_id) for booking_id in told["booking_ids"]], client_id=user_id)
    rows = [row for row in rows if row["status"] == "active" and not row["revision"]]
    if not rows:
        return None
    zone = ZoneInfo(person["time_zone"])
    sessions = [_booking_context(row, zone) for row in rows]
    context = {
        **sessions[0],
        "sessions": sessions,
        "credits_charged": sum(row["credits_charged"] for row in rows),
        "url": f"{settings.PORTAL_URL}/bookings",
    }
    return context, render_bookings(rows, organizer=_organizer(rows[0]))


def _organizer(row: BookingRow) -> Party:
    return Party(_name(row["host"]), parseaddr(settings.DEFAULT_FROM_EMAIL)[1])


def _difference(booking_id: UUID) -> dict[str, Any]:
    """What the last move of a booking has cost more, negative: less."""
    difference = -subscriptions.find_last_difference(booking_id)
    return {"difference": difference, "difference_back": -difference}


def _name(person: HostRow | RecipientRow) -> str:
    return person["display_name"] or person["login"]


def _words(told: Told, *, zone: ZoneInfo) -> dict[str, Any]:
    """What was said when the mail was ordered: the host's message, what was different before, and a new time."""
    was, changed = told.get("was", {}), told.get("changed", [])
    names = [name for name in CHANGES if name in changed]
    lines = [f"{CHANGES[name]}, which was {was[name]}" if was.get(name) else CHANGES[name] for name in names]
    before, after = (_period(told.get(name), zone=zone) for name in ("moved_from", "moved_to"))
    if before:
        lines.insert(0, f"the time, which was {before}")
    return {
        "message": told.get("message", ""),
        "is_by_staff": told.get("by_staff", False),
        "changes": lines,
        "is_moved": bool(before),
        "moved_to": after,
    }


def _period(instants: list[str] | None, *, zone: ZoneInfo) -> str:
    if instants is None:
        return ""
    starts_at, ends_at = map(datetime.fromisoformat, instants)
    return describe_period(starts_at, ends_at, zone=zone)


def _booking_context(row: BookingRow, zone: ZoneInfo) -> dict[str, Any]:
    """What is so at the row's `now`."""
    until = _end_of_credit(row)
    return {
        "title": row["title"],
        "host": _name(row["host"]),
        "starts_at": row["scheduled_start_time"],
        "when": describe_period(row["scheduled_start_time"], row["scheduled_end_time"], zone=zone),
        "place": row["place"],
        "link": row["link"],
        "stage": _stage(row),
        "deadline": describe_instant(row["refund_deadline"], zone=zone),
        "cancelled_at": describe_instant(row["cancelled_at"], zone=zone) if row["cancelled_at"] else "",
        "credits_charged": row["credits_charged"],
        "credits_refunded": row["credits_refunded"],
        "usable_until": describe_instant(until, zone=zone) if until else "",
        "url": f"{settings.PORTAL_URL}/bookings/{row['id']}",
    }


def _stage(row: BookingRow) -> str:
    """What cancelling does now: `free` until the start, `refundable`, `late`, or nothing once it has `started`."""
    if has_started(now=row["now"], scheduled_start_time=row["scheduled_start_time"]):
        return "started"
    if row["free_to_leave_until"] is not None and row["now"] < row["free_to_leave_until"]:
        return "free"
    return "refundable" if row["now"] < row["refund_deadline"] else "late"


def _end_of_credit(row: BookingRow) -> datetime | None:
    """Until when the credit that went back, or would, can be spent; None: not until a renewal."""
    ends_at = subscriptions.find_end_of_refund(row["id"])
    return row["usable_until"] if ends_at is None else usable_until(ends_at=ends_at, now=row["now"])


def _about_free_seat(slot_id: UUID, user_id: UUID, zone: ZoneInfo) -> Facts | None:
    """A seat that the queue does not get by itself, still free and still to be booked."""
    row = slots.find_row(slot_id, viewer_id=user_id, refund_window=refund_window())
    now = clock.read_now()
    if row is None or not row["waiting"] or row["seats_left"] < 1 or row["status"] != "open":
        return None
    if not row["refund_deadline"] <= now < row["bookings_close_at"]:
        return None
    return _about_slot(row, zone)


def _about_wait(slot_id: UUID, user_id: UUID, zone: ZoneInfo) -> Facts | None:
    """A session that has changed, as long as somebody waits for it."""
    row = slots.find_row(slot_id, viewer_id=user_id, refund_window=refund_window())
    if row is None or not row["waiting"] or clock.read_now() >= row["starts_at"]:
        return None
    about = _about_slot(row, zone)
    return about and ({**about[0], "url": f"{settings.PORTAL_URL}/slots/{slot_id}/book"}, None)


def _about_waiting(entry_id: UUID, zone: ZoneInfo) -> Facts | None:
    """Why somebody was passed over, as long as they wait."""
    entry = waitlist.find_entry(entry_id)
    if entry is None or entry.status != "waiting" or not entry.passed_over:
        return None
    row = slots.find_row(entry.slot_id, viewer_id=entry.client_id, refund_window=refund_window())
    about = _about_slot(row, zone)
    page = f"slots/{entry.slot_id}/book" if entry.passed_over == "changed" else "bookings"
    return about and ({**about[0], "reason": entry.passed_over, "url": f"{settings.PORTAL_URL}/{page}"}, None)


def _about_entry(entry_id: UUID, zone: ZoneInfo) -> Facts | None:
    """What host or staff have given back, and until when it can be spent."""
    entry = subscriptions.find_entry(entry_id)
    if entry is None or entry.booking_id is None:
        return None
    row = bookings.get_row(entry.booking_id)
    ends_at = describe_instant(entry.subscription.ends_at, zone=zone)
    given = {"credits": entry.amount, "note": entry.note, "ends_at": ends_at}
    return {**_booking_context(row, zone), **given}, None


def _about_slot(row: SlotRow | None, zone: ZoneInfo) -> Facts | None:
    if row is None:
        return None
    context = {
        "title": row["title"],
        "host": _name(row["host"]),
        "starts_at": row["starts_at"],
        "when": describe_period(row["starts_at"], row["ends_at"], zone=zone),
        "place": row["place"],
        "link": row["link"],
        "price": row["price_credits"],
        "closes_at": describe_instant(row["bookings_close_at"], zone=zone),
        "url": f"{settings.PORTAL_URL}/slots",
    }
    return context, None


def _about_subscription(kind: str, subscription_id: UUID, revision: int, zone: ZoneInfo) -> Facts | None:
    """A period that has begun and is not over, or one that is over and was not renewed."""
    subscription = subscriptions.find_subscription(subscription_id)
    if subscription is None or int(subscription.ends_at.timestamp()) != revision:
        return None
    if (clock.read_now() >= subscription.ends_at) is not (kind == "subscription_expired"):
        return None
    context = {
        "plan": subscription.plan.name,
        "credits": subscription.credits_remaining,
        "ends_at": describe_instant(subscription.ends_at, zone=zone),
        "url": f"{settings.PORTAL_URL}/credits",
    }
    return context, None
