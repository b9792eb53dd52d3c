from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from accounts.errors import AccountsError, SignInFlowNotFound
from accounts.policies import APPROVED
from accounts.services import flows, people, roles
from accounts.services.events import record_event
from accounts.services.lookup import find_id_of_username, get_person_called
from tokens import errors
from tokens.policies.clients import STAFF
from tokens.repositories import sessions
from tokens.services.ending_access import end_access

if TYPE_CHECKING:
    from accounts.models import SignInFlow, User

_PATH = "admin_path"
_REVOKED = "staff role revoked"


@dataclass(frozen=True)
class StaffSignIn:
    """A member of the staff whom GitHub named at `verified_at`, and the page of the admin they wanted.

    No person where another request of the same browser has signed them in.
    """

    person: "User | None"
    path: str
    verified_at: datetime | None


def describe_request(*, path: str) -> dict[str, object]:
    """What is kept with the flow of a member of the staff; no other flow looks like it."""
    return {_PATH: path}


def sign_in_staff(*, flow_id: UUID, cookie: str, address: str | None, now: datetime) -> StaffSignIn:
    """Let the person GitHub named into the admin, once. The first refusal is an event.

    Raises SignInFlowNotFound, SignInFlowOver, AccessDenied, NotStaff, AccountPending, AccountSuspended or
    AccountInactive.
    """
    outcome = _finish(flow_id=flow_id, cookie=cookie, address=address, now=now)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


@transaction.atomic(durable=True)
def _finish(
    *, flow_id: UUID, cookie: str, address: str | None, now: datetime
) -> StaffSignIn | errors.TokensError | AccountsError:
    flow = flows.get_finished_flow(flow_id=flow_id, cookie=cookie, now=now)
    if set(flow.request) != {_PATH}:
        raise SignInFlowNotFound
    try:
        with transaction.atomic():
            person = _admit(flow)
    except (errors.TokensError, AccountsError) as error:
        if flows.decide_flow(flow_id=flow_id, decision="refused", now=now):
            _record_failure(user_id=flow.user_id, by="github", address=address)
        return error
    is_first = flows.decide_flow(flow_id=flow_id, decision=APPROVED, now=now)
    return StaffSignIn(person if is_first else None, str(flow.request[_PATH]), flow.answered_at)


def _admit(flow: "SignInFlow") -> "User":
    if flow.refused_because:
        raise errors.AccessDenied("GitHub was not allowed to say who you are. Start again and allow it.")
    person = people.admit_person(user_id=flows.get_person_of(flow).pk, answered_at=flow.answered_at)
    if not person.is_staff:
        raise errors.NotStaff
    return person


@transaction.atomic(durable=True)
def note_failed_password(*, username: str, address: str | None) -> None:
    """Write down that a name and a password did not fit. The name is not kept: people type their password there."""
    _record_failure(user_id=find_id_of_username(username=username), by="password", address=address)


def _record_failure(*, user_id: UUID | None, by: str, address: str | None) -> None:
    record_event(kind="staff.sign_in_failed", user_id=user_id, client_id=STAFF, address=address, detail={"by": by})


@transaction.atomic(durable=True)
def revoke_staff_called(*, login_or_id: str, everywhere: bool, now: datetime) -> "tuple[User, int]":
    """Take somebody's role and end their sessions in the admin, or all their access; the person, and how many ended.

    Raises PersonNotFound, LoginAmbiguous, NotOfTheStaff or LastAdministrator.
    """
    person = get_person_called(login_or_id=login_or_id)
    roles.revoke_staff(user_id=person.pk)
    if everywhere:
        ended = end_access(user_id=person.pk, because=_REVOKED, now=now).sessions
    else:
        ended = len(sessions.revoke_sessions_of(person.pk, because=_REVOKED, now=now, client_id=STAFF))
    kind = "session.all_ended" if everywhere else "session.staff_ended"
    record_event(kind=kind, user_id=person.pk, detail={"sessions": ended})
    return person, ended


def read_verification_time() -> datetime:
    """When a password that is verified from now on has been, by the database's clock."""
    return people.read_verification_time()
