"""What the staff do with sign-ins: their own to the admin, and those of others."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from accounts.errors import SignInFlowNotFound
from accounts.services import flows, lookup, people
from accounts.services.events import record_event
from accounts.services.lookup import get_person
from tokens import errors
from tokens.repositories import personal_tokens, sessions

if TYPE_CHECKING:
    from accounts.models import User

_PATH = "admin_path"


@dataclass(frozen=True)
class StaffSignIn:
    """A member of the staff whom GitHub named, and the page of the admin they wanted."""

    person: "User"
    path: str


def describe_request(*, path: str) -> dict[str, object]:
    """What is kept with the flow of a member of the staff; no other flow looks like it."""
    return {_PATH: path}


@transaction.atomic(durable=True)
def sign_in_staff(*, flow_id: UUID, cookie: str, address: str | None, now: datetime) -> StaffSignIn:
    """Let the person GitHub named into the admin; the flow is used up.

    Raises SignInFlowNotFound, AccessDenied, NotStaff, AccountPending, AccountSuspended or AccountInactive.
    """
    flow = flows.get_finished_flow(flow_id=flow_id, cookie=cookie, now=now)
    if set(flow.request) != {_PATH}:
        raise SignInFlowNotFound
    if flow.refused_because:
        raise errors.AccessDenied("GitHub was not allowed to say who you are. Start again and allow it.")
    person = flows.get_person_of(flow)
    people.check_allowed(person)
    if not person.is_staff:
        raise errors.NotStaff
    flows.take_flow(flow_id=flow_id)
    record_event(kind="staff.signed_in", user_id=person.pk, actor_id=person.pk, address=address)
    return StaffSignIn(person, str(flow.request[_PATH]))


@transaction.atomic(durable=True)
def end_all_sessions(*, user_id: UUID, actor_id: UUID, now: datetime) -> int:
    """Sign somebody out everywhere, at once; how many sessions ended. Raises PersonNotFound of `accounts`."""
    get_person(user_id=user_id)
    ended = sessions.revoke_sessions_of(user_id, because="signed out by the staff", now=now)
    record_event(kind="session.all_ended", user_id=user_id, actor_id=actor_id, detail={"sessions": ended})
    return ended


@transaction.atomic(durable=True)
def end_session(*, session_id: UUID, actor_id: UUID, now: datetime) -> bool:
    """End one sign-in of somebody; false where it had ended already."""
    session = sessions.find_session(session_id)
    if session is None or not sessions.revoke_session(session_id, because="signed out by the staff", now=now):
        return False
    record_event(
        kind="session.ended",
        user_id=session.user_id,
        actor_id=actor_id,
        session_id=session_id,
        client_id=session.client_id,
        detail={"because": "signed out by the staff"},
    )
    return True


@transaction.atomic(durable=True)
def end_token(*, user_id: UUID, token_id: UUID, actor_id: UUID, now: datetime) -> bool:
    """End one personal access token of somebody; false where it had ended already."""
    if not personal_tokens.revoke_token(token_id, user_id=user_id, now=now):
        return False
    record_event(kind="token.revoked", user_id=user_id, actor_id=actor_id, detail={"token_id": str(token_id)})
    return True


def list_ids_called(*, words: str) -> list[UUID]:
    """Whom the words of a search name, by id, login or address."""
    return lookup.list_ids_called(words=words)
