from typing import TYPE_CHECKING
from uuid import UUID

from accounts.services import events
from bookings.errors import NotValid
from bookings.policies.timeline import done_by
from bookings.policies.trail import KINDS, name_of
from bookings.repositories import booked_sessions
from bookings.repositories.keyset import PAGE_SIZE, Page
from bookings.repositories.rows import EntrySession, TrailRow

if TYPE_CHECKING:
    from accounts.models import Event


def list_trail(*, user_id: UUID, cursor: str = "") -> Page[TrailRow]:
    """What happened to a person's account and bookings, newest first. Raises NotValid."""
    found = events.list_trail(user_id=user_id, kinds=KINDS, before=_read_cursor(cursor), limit=PAGE_SIZE + 1)
    shown = found[:PAGE_SIZE]
    ids = {UUID(event.detail["booking_id"]) for event in shown if event.detail.get("booking_id")}
    sessions = booked_sessions.find_sessions(ids, client_id=user_id)
    rows = [_row(event, user_id, sessions) for event in shown]
    return Page(rows, next=str(shown[-1].id) if len(found) > PAGE_SIZE else None, previous=None)


def _read_cursor(cursor: str) -> UUID | None:
    try:
        return UUID(cursor) if cursor else None
    except ValueError:
        raise NotValid("This cursor is of no page. Start from the first.") from None


def _row(event: "Event", user_id: UUID, sessions: dict[UUID, EntrySession]) -> TrailRow:
    booking_id = UUID(event.detail["booking_id"]) if event.detail.get("booking_id") else None
    return {
        "id": event.id,
        "kind": event.kind,
        "created_at": event.created_at,
        "by_you": event.actor_id in {None, user_id}
        and not done_by(event.kind, event.detail, has_actor=event.actor_id is not None),
        "address": event.address,
        "client_id": event.client_id,
        "name": name_of(event.detail),
        "booking_id": booking_id,
        "session": sessions.get(booking_id) if booking_id else None,
    }
