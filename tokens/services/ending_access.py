"""Ending access: one operation, whichever door it is asked for at.

It locks the person before anything else, as does whatever gives access, which then looks again: what is given is either
seen here and ended, or refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from accounts import signals
from accounts.services import people
from accounts.services.events import record_event
from accounts.services.lookup import get_person_called
from tokens import errors
from tokens.policies.clients import RESERVED_PREFIX
from tokens.policies.sessions import is_live
from tokens.repositories import applications, codes, devices, jobs, personal_tokens, publishers, sessions

if TYPE_CHECKING:
    from tokens.models import Session

BY_THE_PERSON, BY_THE_STAFF = "signed out by the person", "signed out by the staff"


@dataclass(frozen=True)
class EndedAccess:
    """How many sign-ins, personal access tokens and trusted publishers that could be used have ended, or would end."""

    sessions: int
    personal_tokens: int
    publishers: int = 0


def end_access(
    *, user_id: UUID, because: str, now: datetime, keep: UUID | None = None, with_personal_tokens: bool = False
) -> EndedAccess:
    """End all of a person's access but the session `keep`, inside the caller's transaction.

    Ends sessions (the staff's in the admin included), codes nobody has redeemed, devices that were approved and have
    not come, and sign-ins that GitHub has answered. With the personal access tokens goes what else outlives a sign-in:
    trusted publishers, and what the apps above end at `lasting_access_ended`. Raises PersonNotFound.
    """
    people.lock_person(user_id=user_id)
    people.note_access_end(user_id=user_id)
    devices.deny_approved_of(user_id)
    codes.void_codes_of(user_id, now=now)
    if with_personal_tokens:
        signals.lasting_access_ended.send(None, user_id=user_id)
    ended = sessions.revoke_sessions_of(user_id, because=because, now=now, keep=keep)
    _tell_applications(ended, user_id=user_id)
    return EndedAccess(
        sessions=len(ended),
        personal_tokens=personal_tokens.revoke_tokens_of(user_id, now=now) if with_personal_tokens else 0,
        publishers=publishers.remove_publishers_of(user_id) if with_personal_tokens else 0,
    )


@transaction.atomic(durable=True)
def sign_out_everywhere(
    *, user_id: UUID, actor_id: UUID | None, now: datetime, keep: UUID | None = None, with_personal_tokens: bool = False
) -> EndedAccess:
    """End the access of a person who asks for it, or for whom the staff do. Raises PersonNotFound."""
    because = BY_THE_PERSON if actor_id == user_id else BY_THE_STAFF
    ended = end_access(user_id=user_id, because=because, now=now, keep=keep, with_personal_tokens=with_personal_tokens)
    detail = {"sessions": ended.sessions}
    if with_personal_tokens:
        detail |= {"personal_tokens": ended.personal_tokens, "publishers": ended.publishers}
    kind = "session.others_ended" if keep else "session.all_ended"
    record_event(kind=kind, user_id=user_id, actor_id=actor_id, detail=detail)
    return ended


def sign_out_person_called(*, login_or_id: str, with_personal_tokens: bool, now: datetime) -> EndedAccess:
    """`sign_out_everywhere` by a command. Raises PersonNotFound or LoginAmbiguous."""
    user_id = get_person_called(login_or_id=login_or_id).pk
    return sign_out_everywhere(user_id=user_id, actor_id=None, now=now, with_personal_tokens=with_personal_tokens)


def count_access_of(*, login_or_id: str, with_personal_tokens: bool, now: datetime) -> EndedAccess:
    """What `sign_out_person_called` would end; nothing ends. Raises PersonNotFound or LoginAmbiguous."""
    user_id = get_person_called(login_or_id=login_or_id).pk
    return EndedAccess(
        sessions=len(sessions.list_live_sessions(user_id, now=now)),
        personal_tokens=len(personal_tokens.list_tokens(user_id, now=now)) if with_personal_tokens else 0,
        publishers=len(publishers.list_publishers(user_id)) if with_personal_tokens else 0,
    )


@transaction.atomic(durable=True)
def end_own_session(*, user_id: UUID, session_id: UUID, now: datetime) -> None:
    """End one of a person's own live sessions. Raises NotFound, also for somebody else's."""
    session = sessions.find_session(session_id)
    if session is None or session.user_id != user_id or session.revoked_at is not None:
        raise errors.NotFound
    end_session(session, because=BY_THE_PERSON, actor_id=user_id, now=now)


@transaction.atomic(durable=True)
def sign_out(*, session_id: UUID, because: str, now: datetime) -> None:
    """End one session, whoever asks; a second time does nothing."""
    session = sessions.find_session(session_id)
    if session is not None:
        end_session(session, because=because, actor_id=session.user_id, now=now)


@transaction.atomic(durable=True)
def end_session_as_staff(*, session_id: UUID, actor_id: UUID, now: datetime) -> bool:
    """End one sign-in of somebody; false where it had ended already."""
    session = sessions.find_session(session_id)
    return session is not None and end_session(session, because=BY_THE_STAFF, actor_id=actor_id, now=now)


def end_session(
    session: "Session",
    *,
    because: str,
    actor_id: UUID | None,
    now: datetime,
    kind: str = "session.ended",
    address: str | None = None,
    **detail: object,
) -> bool:
    """End one session inside the caller's transaction, and the devices that it approved and that have not come.

    False, and nothing recorded, where it had ended already.
    """
    people.lock_person(user_id=session.user_id)
    if not sessions.revoke_session(session.id, because=because, now=now):
        return False
    devices.deny_approved_by(session.id)
    if is_live(session, now=now):
        _tell_applications([(session.id, session.client_id)], user_id=session.user_id)
    record_event(
        kind=kind,
        user_id=session.user_id,
        actor_id=actor_id,
        session_id=session.id,
        client_id=session.client_id,
        address=address,
        detail=detail or {"because": because},
    )
    return True


def _tell_applications(ended: Sequence[tuple[UUID, str]], *, user_id: UUID) -> None:
    """Have the applications among the clients of these sign-ins told (OpenID Connect Back-Channel Logout 1.0 §2.5)."""
    clients = {client_id for _, client_id in ended if not client_id.startswith(RESERVED_PREFIX)}
    told = applications.list_told(clients) if clients else set()
    if told:
        jobs.defer_logouts([(sid, client_id) for sid, client_id in ended if client_id in told], user_id=user_id)
