"""The staff's sessions in the admin: rows beside everybody's sign-ins, so that whatever ends those ends them."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from uuid6 import uuid7

from accounts.services import people
from accounts.services.events import record_event
from tokens.errors import NotStaff
from tokens.policies.clients import STAFF
from tokens.policies.sessions import STAFF_OPENED, is_live
from tokens.repositories import jobs, sessions
from tokens.services.ending_access import end_session
from tokens.services.sessions import mail_about

WRITTEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Verification:
    """That `password` or `github` named a person, and when, by the database's clock."""

    by: str
    at: datetime


@transaction.atomic
def open_staff_session(
    *, user_id: UUID, verified: Verification, label: str, address: str | None, now: datetime
) -> UUID:
    """A sign-in to the admin: the id that Django's session carries. Its row has no refresh token.

    The person gets a mail as for any sign-in from a device or network that was not seen before.
    Raises SignInFlowNotFound where all access has ended since the verification, and AccountPending,
    AccountSuspended, AccountInactive or NotStaff.
    """
    if not people.lock_verified_person(user_id=user_id, verified_at=verified.at).is_staff:
        raise NotStaff
    ends_at = now + settings.STAFF_SESSION_LIFETIME
    session = sessions.build_session(
        id=uuid7(),
        user_id=user_id,
        client_id=STAFF,
        label=label,
        scope="",
        current_hash=secrets.token_bytes(32),
        auth_time=verified.at,
        expires_at=min(now + settings.STAFF_IDLE_LIFETIME, ends_at),
        ends_at=ends_at,
    )
    mail = mail_about(session, address=address)
    sessions.insert_session(session)
    if mail:
        jobs.defer_security_mail(mail, user_id=user_id, subject_id=session.id)
    record_event(
        kind=STAFF_OPENED,
        user_id=user_id,
        actor_id=user_id,
        session_id=session.id,
        client_id=STAFF,
        address=address,
        detail={"by": verified.by},
    )
    return session.id


def use_staff_session(*, session_id: UUID, user_id: UUID, now: datetime) -> bool:
    """Whether a staff session can still be used; its idle time begins again, written once a minute."""
    session = sessions.find_session(session_id)
    if session is None or (session.user_id, session.client_id) != (user_id, STAFF):
        return False
    if not is_live(session, now=now):
        return False
    if session.last_used_at < now - WRITTEN_EVERY:
        expires_at = min(now + settings.STAFF_IDLE_LIFETIME, session.ends_at)
        sessions.note_use(session.id, expires_at=expires_at, now=now)
    return True


@transaction.atomic(durable=True)
def end_staff_session(*, session_id: UUID, user_id: UUID, now: datetime) -> None:
    """End a staff session of this person by their own sign-out; nothing where it has ended or expired already."""
    session = sessions.find_session(session_id)
    if session is None or (session.user_id, session.client_id) != (user_id, STAFF) or not is_live(session, now=now):
        return
    end_session(session, because="signed out", actor_id=user_id, now=now)
