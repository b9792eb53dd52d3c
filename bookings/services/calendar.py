import base64
import hashlib
import hmac
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from icalendar import Calendar, Event

from accounts.services.events import record_event
from bookings import errors
from bookings.repositories import bookings, clock, feeds, slots
from bookings.repositories.rows import Row
from bookings.services import transactions

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX = "insf_"
LABEL = b"calendar feed"
MAC_BYTES = 24
KEEP_PAST = timedelta(days=90)
PRODUCT = "-//Insighta//Bookings//EN"


def get_feed_secret(*, user_id: UUID) -> str:
    """The secret part of the person's feed address: the bare id and an HMAC over id and feed version."""
    return _secret(user_id, feeds.get_version(user_id))


def rotate_feed(*, user_id: UUID) -> str:
    """Make every earlier address of the person unknown; the new secret. Raises Busy."""
    version = transactions.run(lambda now: _rotate(user_id))
    return _secret(user_id, version)


def _rotate(user_id: UUID) -> int:
    record_event(kind="calendar_feed.rotated", user_id=user_id, actor_id=user_id)
    return feeds.rotate(user_id)


def _secret(user_id: UUID, version: int) -> str:
    return PREFIX + _text(user_id.bytes + _mac(settings.TOKEN_KEYS[0], user_id, version))


def _mac(key: str, user_id: UUID, version: int) -> bytes:
    message = b"\0".join([LABEL, user_id.bytes, str(version).encode()])
    return hmac.new(key.encode(), message, hashlib.sha256).digest()[:MAC_BYTES]


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _owner_of(secret: str) -> UUID:
    """Whose feed this is. Raises NotFound for a forged or rotated secret and for people who may not use the account."""
    body = secret.removeprefix(PREFIX)
    try:
        raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars="-_", validate=True)
    except ValueError as error:
        raise errors.NotFound from error
    if len(raw) != 16 + MAC_BYTES or secret != PREFIX + _text(raw):
        raise errors.NotFound
    user_id, mac = UUID(bytes=raw[:16]), raw[16:]
    version = feeds.find_usable_version(user_id)
    if version is None or not any(hmac.compare_digest(mac, _mac(key, user_id, version)) for key in settings.TOKEN_KEYS):
        raise errors.NotFound
    return user_id


def render_feed(*, secret: str) -> bytes:
    """The owner's calendar, RFC 5545: bookings, cancelled ones too, and the slots the owner hosts. Raises NotFound."""
    owner_id = _owner_of(secret)
    since = clock.read_now() - KEEP_PAST
    booked = [booking_event(row) for row in bookings.rows_since(owner_id, since=since)]
    hosted_rows = slots.hosted_rows(owner_id, now=since)
    return _calendar([*booked, *(slot_event(row) for row in hosted_rows)])


def render_booking(row: Row) -> bytes:
    """One booking as a calendar of its own, to be attached to a mail: same UID as in the feed."""
    return _calendar([booking_event(row)])


def _calendar(events: "Iterable[Event]") -> bytes:
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", "Insighta")
    for event in events:
        calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content


def booking_event(row: Row) -> Event:
    """The UID stays over every move; SEQUENCE counts the changes; a cancelled booking stays, as cancelled."""
    event = Event()
    event.add("uid", f"booking-{row['id']}@insighta")
    event.add("dtstamp", row["changed_at"])
    event.add("sequence", row["revision"])
    event.add("dtstart", row["scheduled_start_time"])
    event.add("dtend", row["scheduled_end_time"])
    event.add("summary", f"{row['slot__title']} with {row['host__display_name'] or row['host__login']}")
    event.add("status", "CANCELLED" if row["status"] == "cancelled" else "CONFIRMED")
    event.add("url", f"{settings.PORTAL_URL}/bookings/{row['id']}")
    return event


def slot_event(row: Row) -> Event:
    """A slot in its host's own calendar, with the seats taken."""
    event = Event()
    event.add("uid", f"slot-{row['id']}@insighta")
    event.add("dtstamp", row["cancelled_at"] or row["created_at"])
    event.add("sequence", 1 if row["status"] == "cancelled" else 0)
    event.add("dtstart", row["starts_at"])
    event.add("dtend", row["ends_at"])
    event.add("summary", f"{row['title']} ({row['seats_taken']} of {row['capacity']} seats taken)")
    event.add("status", "CANCELLED" if row["status"] == "cancelled" else "CONFIRMED")
    event.add("url", f"{settings.PORTAL_URL}/hosting/slots/{row['id']}")
    return event
