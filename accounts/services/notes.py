from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.services.events import list_trail, record_event
from accounts.services.lookup import find_logins
from accounts.services.people import lock_person

KIND = "person.noted"
MOST = 20


@dataclass(frozen=True)
class Note:
    """What a member of the staff has written about a person; `author` is a login."""

    at: datetime
    author: str
    text: str


def write_note(*, user_id: UUID, text: str, actor_id: UUID) -> None:
    """Keep what the staff should know about a person, inside the caller's transaction. Raises PersonNotFound.

    It is an event, which only an erasure changes.
    """
    lock_person(user_id=user_id)
    record_event(kind=KIND, user_id=user_id, actor_id=actor_id, detail={"note": text})


def list_notes(*, user_id: UUID) -> Sequence[Note]:
    """The last notes on a person that an erasure has left, newest first."""
    found = [event for event in list_trail(user_id=user_id, kinds=(KIND,), limit=MOST) if event.detail.get("note")]
    logins = find_logins(user_ids={event.actor_id for event in found if event.actor_id})
    return [Note(event.created_at, _name(event.actor_id, logins), event.detail["note"]) for event in found]


def _name(actor_id: UUID | None, logins: dict[UUID, str]) -> str:
    return logins.get(actor_id, str(actor_id)) if actor_id else "The staff"
