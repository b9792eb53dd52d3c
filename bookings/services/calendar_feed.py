import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from accounts.services.events import record_event
from bookings.policies.calendars import Event, Party, write_feed, write_message, write_publication
from bookings.repositories import bookings, clock, feeds, slots
from bookings.repositories.rows import BookingRow, FeedSlotRow
from bookings.services.operations import operation
from bookings.services.secret_addresses import read_owner, write_secret
from tokens.errors import PermissionDenied
from tokens.services.callers import Credential
from tokens.services.giving_access import lock_sign_in

PREFIX, LABEL = "insf_", "calendar feed"
KEEP_PAST = timedelta(days=90)
REFRESH_EVERY = timedelta(hours=1)


def get_feed_secret(*, user_id: UUID) -> str:
    """The secret part of the person's feed address: the bare id and an HMAC over id and feed version."""
    return _secret(user_id, feeds.get_version(user_id))


def find_own_feed_secret(*, reader: Credential) -> str | None:
    """`get_feed_secret` for the person of a sign-in. None for tokens and applications, which it would outlive."""
    return get_feed_secret(user_id=reader.person.pk) if reader.is_own_sign_in else None


def get_own_feed_secret(*, reader: Credential) -> str:
    """As `find_own_feed_secret`. Raises PermissionDenied for a token."""
    secret = find_own_feed_secret(reader=reader)
    if secret is None:
        raise PermissionDenied("The calendar's address is shown in the portal and the terminal only. Sign in there.")
    return secret


@operation
def rotate_feed(now: datetime, /, *, owner: Credential) -> str:
    """Make every earlier address of the person unknown; the new secret.

    Raises PermissionDenied for a personal access token, NotAuthenticated for a sign-in that has ended, Busy.
    """
    lock_sign_in(owner, now=now)
    user_id = owner.person.pk
    version = feeds.raise_version(user_id)
    record_event(kind="calendar_feed.rotated", user_id=user_id, actor_id=user_id)
    return _secret(user_id, version)


def end_address(*, user_id: UUID) -> None:
    """Make every address of the person unknown, inside the transaction that ends their access."""
    feeds.raise_version(user_id)


def _secret(user_id: UUID, version: int) -> str:
    return write_secret(prefix=PREFIX, parts=(LABEL, str(version)), user_id=user_id)


def _named_by_feed(user_id: UUID) -> tuple[str, ...] | None:
    version = feeds.find_usable_version(user_id)
    return None if version is None else (LABEL, str(version))


def render_feed(*, secret: str) -> tuple[bytes, str]:
    """The owner's calendar, RFC 5545, and its entity tag: bookings, cancelled ones too, and the slots the owner hosts.

    Raises NotFound for a forged or rotated secret and for people who may not use the account.
    """
    owner_id = read_owner(secret=secret, prefix=PREFIX, parts_of=_named_by_feed)
    since = clock.read_now() - KEEP_PAST
    booked = [booking_event(row) for row in bookings.list_rows_since(owner_id, since=since)]
    hosted = [slot_event(row) for row in slots.list_for_feed(owner_id, since=since)]
    content = write_feed([*booked, *hosted], refresh_every=REFRESH_EVERY)
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def render_booking(row: BookingRow, *, organizer: Party, attendee: Party) -> tuple[str, bytes]:
    """One booking for the mail that tells of it, as method and calendar (RFC 5546): same UID as in the feed."""
    return write_message(booking_event(row), organizer=organizer, attendee=attendee, now=row["now"])


def render_bookings(rows: Sequence[BookingRow], *, organizer: Party) -> tuple[str, bytes]:
    """As `render_booking`, of many that one mail tells of."""
    return write_publication([booking_event(row) for row in rows], organizer=organizer, now=rows[0]["now"])


def booking_event(row: BookingRow) -> Event:
    """The UID stays over every move; a cancelled booking stays, as cancelled. Its URL is the session's link."""
    page = f"{settings.PORTAL_URL}/bookings/{row['id']}"
    return Event(
        uid=f"booking-{row['id']}@insighta",
        sequence=row["revision"],
        changed_at=row["changed_at"],
        starts_at=row["scheduled_start_time"],
        ends_at=row["scheduled_end_time"],
        summary=f"{row['title']} with {row['host']['display_name'] or row['host']['login']}",
        is_cancelled=row["status"] == "cancelled",
        url=row["link"] or page,
        location=row["place"],
        description="\n\n".join(filter(None, [row["description"], row["link"], page])),
    )


def slot_event(row: FeedSlotRow) -> Event:
    """A slot in its host's own calendar, with the seats taken."""
    return Event(
        uid=f"slot-{row.id}@insighta",
        sequence=row.revision,
        changed_at=row.changed_at,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        summary=f"{row.title} ({row.seats_taken} of {row.capacity} seats taken)",
        is_cancelled=row.status == "cancelled",
        url=f"{settings.PORTAL_URL}/hosting/slots/{row.id}",
        location=row.place,
        description="\n\n".join(filter(None, [row.description, row.link])),
    )
