from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings

from bookings import policies
from bookings.repositories import bookings, clock, jobs, people, slots, subscriptions
from bookings.repositories.rows import Row
from bookings.services import transactions
from bookings.services.calendar import render_booking

# So many reminders are ordered in one transaction.
REMINDERS_AT_ONCE = 500


@dataclass(frozen=True)
class Notice:
    """A mail that is still true: `template` is filled with `context`. The same notice has the same `message_id`."""

    template: str
    recipient: str
    message_id: str
    context: dict[str, Any]
    calendar: bytes | None = field(default=None, repr=False)


def find_notice(*, kind: str, user_id: UUID, subject_id: UUID, revision: int) -> Notice | None:
    """What to write about a booking, slot or subscription.

    None where the person gets no mail, or the subject has changed since and another notice tells of it.
    """
    person = people.find_mail_recipient(user_id)
    if person is None:
        return None
    zone = ZoneInfo(person["time_zone"])
    found = _about(kind, user_id, subject_id, revision, zone)
    if found is None:
        return None
    context, calendar = found
    return Notice(
        template=kind,
        recipient=person["email"],
        message_id=f"<{kind}.{subject_id}.{user_id}.{revision}@{urlsplit(settings.BACKEND_URL).hostname}>",
        context={"name": person["display_name"] or person["login"], **context},
        calendar=calendar,
    )


def find_reminder(*, booking_id: UUID, revision: int) -> Notice | None:
    """The reminder of a booking that is still as it was when the reminder was ordered, and has not started."""
    booking = bookings.find_booking(booking_id)
    if booking is None or booking.status != "active" or clock.read_now() >= booking.scheduled_start_time:
        return None
    return find_notice(kind="reminder", user_id=booking.client_id, subject_id=booking_id, revision=revision)


def order_reminders() -> int:
    """Order every reminder that is due; how many that were. Two at once order none twice."""
    ordered = 0
    while newly := transactions.run(_order_reminders):
        ordered += newly
    return ordered


def _order_reminders(now: datetime) -> int:
    due = bookings.take_due_reminders(now=now, limit=REMINDERS_AT_ONCE)
    jobs.defer_reminders([(booking.id, booking.revision) for booking in due])
    return len(due)


def _about(
    kind: str, user_id: UUID, subject_id: UUID, revision: int, zone: ZoneInfo
) -> tuple[dict[str, Any], bytes | None] | None:
    if kind.startswith("subscription_"):
        return _about_subscription(subject_id, zone)
    if kind == "seat_free":
        return _about_slot(subject_id, user_id, zone)
    row = bookings.find_booking_row(subject_id)
    if row is None or row["revision"] != revision:
        return None
    return _booking_context(row, zone), render_booking(row)


def _booking_context(row: Row, zone: ZoneInfo) -> dict[str, Any]:
    start, window = row["scheduled_start_time"], row["refund_window"]
    ends_at: datetime = row["subscription__ends_at"]
    return {
        "title": row["slot__title"],
        "host": row["host__display_name"] or row["host__login"],
        "when": policies.describe_period(start, row["scheduled_end_time"], zone=zone),
        "deadline": policies.describe_instant(
            policies.refund_deadline(scheduled_start_time=start, refund_window=window), zone=zone
        ),
        "credits_charged": row["credits_charged"],
        "credits_refunded": row["credits_refunded"],
        "usable_until": policies.describe_instant(ends_at, zone=zone) if row["now"] < ends_at else "",
        "url": f"{settings.PORTAL_URL}/bookings/{row['id']}",
    }


def _about_slot(slot_id: UUID, user_id: UUID, zone: ZoneInfo) -> tuple[dict[str, Any], None] | None:
    row = slots.find_slot_row(slot_id, viewer_id=user_id)
    if row is None or not row["waiting"] or row["seats_taken"] >= row["capacity"]:
        return None
    context = {
        "title": row["title"],
        "host": row["host__display_name"] or row["host__login"],
        "when": policies.describe_period(row["starts_at"], row["ends_at"], zone=zone),
        "url": f"{settings.PORTAL_URL}/slots",
    }
    return context, None


def _about_subscription(subscription_id: UUID, zone: ZoneInfo) -> tuple[dict[str, Any], None] | None:
    subscription = subscriptions.find_subscription(subscription_id)
    if subscription is None:
        return None
    context = {
        "plan": subscription.plan.name,
        "credits": subscription.credits_remaining,
        "ends_at": policies.describe_instant(subscription.ends_at, zone=zone),
        "url": f"{settings.PORTAL_URL}/credits",
    }
    return context, None
