"""What happened to a person or to a booking, in words, from the audit trail and the ledger."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

from accounts.policies import describe_instant
from accounts.services import lookup
from accounts.services.events import list_trail
from accounts.services.notes import Note, list_notes
from accounts.services.roles import get_role
from bookings import errors
from bookings.policies import timeline as words
from bookings.policies.counts import count_credits
from bookings.repositories import bookings, subscriptions, timeline
from bookings.repositories.rows import BookingRow, EntryRow, RosterRow, SubscriptionRow
from tokens.policies.clients import CI, CLI, PORTAL, STAFF
from tokens.services.ending_access import EndedAccess, count_access_of

if TYPE_CHECKING:
    from accounts.models import Event, User

LINES, BOOKINGS = 50, 10
# An event has the id of its server's clock, a booking the instant of the database's.
CLOCK_SKEW = timedelta(minutes=10)
# What a host does to a session, as whoever has booked it is told.
_OF_SLOT = ("slot.changed", "slot.cancelled", "slot.reopened")
_CLIENTS = {PORTAL: "the portal", CLI: "the terminal", STAFF: "the admin", CI: "a CI job"}


@dataclass(frozen=True)
class Line:
    """One thing that happened. `actor` is who did it, empty for the person; `session` stands where SESSION does."""

    at: datetime
    topic: str
    actor: str
    text: str
    session: str
    note: str
    event_id: UUID | None = None
    booking_id: UUID | None = None
    slot_id: UUID | None = None

    @property
    def parts(self) -> tuple[str, str]:
        """The sentence before and after the session."""
        text = f"{self.actor} {self.text}" if self.actor else self.text[:1].upper() + self.text[1:]
        before, _, after = text.partition(words.SESSION)
        return before, after

    @property
    def sentence(self) -> str:
        before, after = self.parts
        return f"{before}{self.session}{after}"


@dataclass(frozen=True)
class PersonStory:
    """A person as the staff see them: what they have, what is ahead, what they can act with, and what happened.

    `access` counts sign-ins, access tokens and trusted publishers that can be used.
    """

    person: "User"
    role: str
    credits: int
    subscriptions: Sequence[SubscriptionRow]
    upcoming: Sequence[BookingRow]
    past: Sequence[BookingRow]
    access: EndedAccess
    notes: Sequence[Note]
    lines: Sequence[Line]


@dataclass(frozen=True)
class BookingStory:
    """A booking with its client, what it has cost and given back, and what happened to it."""

    row: RosterRow
    entries: Sequence[EntryRow]
    lines: Sequence[Line]


def list_person_lines(
    *,
    user_id: UUID,
    topic: str = "",
    among: Collection[str] = words.TOPICS,
    before: UUID | None = None,
    limit: int = LINES,
) -> list[Line]:
    """What happened to a person, newest first, older than the event `before`: of one topic or of all those `among`.

    Raises PersonNotFound, NotValid.
    """
    if topic and topic not in among:
        raise errors.NotValid(f"There is no topic {topic!r}. Choose one of: {', '.join(among)}.")
    topics = [topic] if topic else among
    if not topics:
        return []
    zone = ZoneInfo(lookup.get_person(user_id=user_id).time_zone)
    found = list_trail(user_id=user_id, kinds=words.kinds_of(topics), before=before, limit=limit)
    lines = _describe(found, about=user_id, zone=zone)
    if words.CREDITS in topics and len(found) < limit:
        lines += _welcomes(user_id)
    return sorted(lines, key=lambda line: line.at, reverse=True)[:limit]


def get_person_story(
    *,
    login_or_id: str,
    now: datetime,
    topic: str = "",
    among: Collection[str] = words.TOPICS,
    before: UUID | None = None,
) -> PersonStory:
    """Somebody, by login or id. Raises PersonNotFound and LoginAmbiguous of `accounts`, NotValid."""
    person = lookup.get_person_called(login_or_id=login_or_id)
    user_id: UUID = person.pk
    return PersonStory(
        person=person,
        role=get_role(user_id=user_id),
        credits=subscriptions.usable_credits(user_id, now=now),
        subscriptions=subscriptions.list_page(user_id).rows,
        upcoming=bookings.list_page(client_id=user_id, when="upcoming", size=BOOKINGS).rows,
        past=bookings.list_page(client_id=user_id, when="past", size=BOOKINGS).rows,
        access=count_access_of(login_or_id=str(user_id), with_personal_tokens=True, now=now),
        notes=list_notes(user_id=user_id),
        lines=list_person_lines(user_id=user_id, topic=topic, among=among, before=before),
    )


def get_booking_story(*, booking_id: UUID) -> BookingStory:
    """A booking, whoever asks, newest line first. Raises NotFound."""
    row = bookings.get_roster_row(booking_id)
    client_id, created_at = row["client"]["id"], row["created_at"]
    about = {"booking_id": str(booking_id)}
    found = list_trail(user_id=client_id, about=about, since=created_at - CLOCK_SKEW, limit=LINES)
    slot_ids = {row["slot_id"], *(move["slot_id"] for move in bookings.list_moves(booking_id))}
    for slot_id in slot_ids:
        of_slot = {"slot_id": str(slot_id)}
        found += list_trail(user_id=row["host"]["id"], kinds=_OF_SLOT, about=of_slot, since=created_at, limit=LINES)
    lines = _describe(found, about=client_id, zone=ZoneInfo(row["host"]["time_zone"]))
    return BookingStory(
        row=row,
        entries=subscriptions.list_entries(booking_id),
        lines=sorted(lines, key=lambda line: line.at, reverse=True),
    )


def _describe(found: "Sequence[Event]", *, about: UUID, zone: ZoneInfo) -> list[Line]:
    """Events in words, with the names of what their ids stand for, which are read in a few statements for all."""
    booking_ids = {booking_id for event in found if (booking_id := _id(event, "booking_id"))}
    slots_of = timeline.find_slot_ids(booking_ids)
    slots = timeline.find_slots({one for event in found if (one := _slot_id(event, slots_of))})
    prices = timeline.find_prices(booking_ids)
    logins = lookup.find_logins(user_ids={event.actor_id for event in found if event.actor_id})
    lines = []
    for event in found:
        said = words.describe_event(event.kind, event.detail)
        slot, booking_id = slots.get(_slot_id(event, slots_of) or event.id), _id(event, "booking_id")
        session = ""
        if words.SESSION in said.text:
            session = f"“{slot.title}”, {describe_instant(slot.starts_at, zone=zone)}" if slot else "a session"
        price = f" for {count_credits(prices.get(booking_id, 0))}" if booking_id else ""
        has_price = event.kind in {"booking.made", "booking.promoted"}
        lines.append(
            Line(
                at=event.created_at,
                topic=said.topic,
                actor=_actor(event, about=about, logins=logins),
                text=said.text + (price if has_price else ""),
                session=session,
                note=" · ".join(part for part in (said.note, *_origin(event)) if part),
                event_id=event.id,
                booking_id=booking_id,
                slot_id=slot.id if slot else None,
            )
        )
    return lines


def _actor(event: "Event", *, about: UUID, logins: dict[UUID, str]) -> str:
    by = words.done_by(event.kind, event.detail, has_actor=event.actor_id is not None)
    if event.actor_id is not None and (event.actor_id != about or by):
        return logins.get(event.actor_id, str(event.actor_id))
    if event.actor_id is None and by:
        return f"The {by}"
    # What a host has done to a session, in the story of somebody who has booked it.
    return "The host" if event.user_id != about else ""


def _origin(event: "Event") -> tuple[str, str]:
    client = _CLIENTS.get(event.client_id, event.client_id)
    return client, f"from {event.address}" if event.address else ""


def _id(event: "Event", name: str) -> UUID | None:
    found = event.detail.get(name)
    return UUID(str(found)) if found else None


def _slot_id(event: "Event", slots_of: dict[UUID, UUID]) -> UUID | None:
    """The slot that the event is about: the one that it names, or else the one that its booking is in now."""
    named = _id(event, "to_slot_id") or _id(event, "slot_id")
    return named or slots_of.get(_id(event, "booking_id") or event.id)


def _welcomes(user_id: UUID) -> list[Line]:
    """What no event tells; it stands at the end of the story."""
    given = timeline.list_welcomes(user_id)
    return [Line(at, words.CREDITS, "", f"got {count_credits(amount)} as a welcome", "", "") for at, amount in given]
