from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts import errors, policies, signals
from accounts.repositories import people
from accounts.services.events import record_event
from accounts.services.lookup import get_person, get_person_called

if TYPE_CHECKING:
    from social_django.models import UserSocialAuth

    from accounts.models import User


@dataclass(frozen=True)
class SignedIn:
    """Whom GitHub named: the person, their one association, and whether they are new here."""

    person: "User"
    association: "UserSocialAuth"
    is_new: bool


@transaction.atomic(durable=True)
def sign_in_person(*, identity: policies.GitHubIdentity, now: datetime) -> SignedIn:
    """Upsert the person GitHub names, and their association, in one transaction.

    A returning person is active again; their standing is not touched.
    """
    person, is_new = _upsert(identity, now=now)
    return SignedIn(person, people.associate_github(person), is_new)


@transaction.atomic
def upsert_person(
    *, github_id: int, login: str, display_name: str = "", email: str = "", avatar_url: str = "", now: datetime
) -> "User":
    """The person with this GitHub id, made if need be, without a sign-in of theirs: for commands and demos."""
    identity = policies.GitHubIdentity(github_id, login, display_name, email, avatar_url)
    person, _ = _upsert(identity, now=now)
    people.associate_github(person)
    return person


def _upsert(identity: policies.GitHubIdentity, *, now: datetime) -> "tuple[User, bool]":
    standing = policies.standing_for_new_person(settings.REGISTRATION)
    person, is_new = people.upsert_person(identity, standing=standing, now=now)
    if is_new:
        record_event(kind="person.created", user_id=person.id)
        signals.person_created.send(None, user_id=person.id, now=now)
    return person, is_new


def check_allowed(person: "User") -> None:
    """Raises AccountSuspended, AccountPending or AccountInactive when the person may not use the service."""
    code = policies.refusal(is_active=person.is_active, standing=person.standing)
    for error in (errors.AccountSuspended, errors.AccountPending, errors.AccountInactive):
        if error.code == code:
            raise error


def lock_allowed_person(*, user_id: UUID) -> "User":
    """The person, locked until the caller's transaction ends, so that a suspension comes wholly before or after it.

    Whoever gives a person something locks the person first. Raises PersonNotFound, AccountPending, AccountSuspended
    or AccountInactive.
    """
    person = _lock(user_id)
    check_allowed(person)
    return person


@transaction.atomic(durable=True)
def update_profile(*, user_id: UUID, changes: dict[str, object]) -> "User":
    """Set display name, time zone or the wish for mails. `changes` has been validated."""
    people.update_person(user_id, **changes)
    return get_person(user_id=user_id)


@transaction.atomic(durable=True)
def deactivate_person(*, user_id: UUID, now: datetime) -> None:
    """The person leaves: signed out everywhere, bookings cancelled by the client's rule. A sign-in brings them back."""
    _lock(user_id)
    people.update_person(user_id, is_active=False)
    record_event(kind="person.deactivated", user_id=user_id, actor_id=user_id)
    signals.person_deactivated.send(None, user_id=user_id, now=now)


@transaction.atomic(durable=True)
def suspend_person(*, user_id: UUID, reason: str, actor_id: UUID | None, now: datetime) -> None:
    """The staff's decision: every session ends at once, bookings stay as they are. Raises PersonNotFound."""
    _suspend(user_id, reason=reason, actor_id=actor_id, now=now)


@transaction.atomic(durable=True)
def approve_person(*, user_id: UUID, actor_id: UUID | None) -> None:
    """Approve a newcomer or reinstate somebody suspended. Raises PersonNotFound."""
    _set_standing(user_id, policies.APPROVED, reason="", actor_id=actor_id)


@transaction.atomic
def grant_staff(*, user_id: UUID, is_superuser: bool = True, actor_id: UUID | None = None) -> None:
    """Let a person into the admin. Raises PersonNotFound."""
    _lock(user_id)
    people.update_person(user_id, is_staff=True, is_superuser=is_superuser)
    record_event(kind="person.staff_granted", user_id=user_id, actor_id=actor_id)


@transaction.atomic
def mark_host(*, user_id: UUID, is_host: bool, actor_id: UUID | None = None) -> None:
    """Say whether the person offers slots; the booking domain keeps the rest. Raises PersonNotFound."""
    _lock(user_id)
    people.update_person(user_id, is_host=is_host)
    record_event(kind="person.host_changed", user_id=user_id, actor_id=actor_id, detail={"is_host": is_host})


@transaction.atomic(durable=True)
def approve_person_called(*, login_or_id: str) -> "User":
    """`approve_person` for a login or id. Raises PersonNotFound or LoginAmbiguous."""
    person = get_person_called(login_or_id=login_or_id)
    _set_standing(person.pk, policies.APPROVED, reason="", actor_id=None)
    return person


@transaction.atomic(durable=True)
def suspend_person_called(*, login_or_id: str, reason: str, now: datetime) -> "User":
    """`suspend_person` for a login or id. Raises PersonNotFound or LoginAmbiguous."""
    person = get_person_called(login_or_id=login_or_id)
    _suspend(person.pk, reason=reason, actor_id=None, now=now)
    return person


@transaction.atomic(durable=True)
def grant_staff_called(*, login_or_id: str) -> "User":
    """`grant_staff` for a login or id. Raises PersonNotFound or LoginAmbiguous."""
    person = get_person_called(login_or_id=login_or_id)
    grant_staff(user_id=person.pk)
    return person


def _suspend(user_id: UUID, *, reason: str, actor_id: UUID | None, now: datetime) -> None:
    _set_standing(user_id, policies.SUSPENDED, reason=reason, actor_id=actor_id)
    signals.person_suspended.send(None, user_id=user_id, now=now)


def _set_standing(user_id: UUID, standing: str, *, reason: str, actor_id: UUID | None) -> None:
    before = _lock(user_id).standing
    people.update_person(user_id, standing=standing, standing_reason=reason)
    detail: dict[str, object] = {"from": before, "to": standing, "reason": reason}
    record_event(kind="person.standing_changed", user_id=user_id, actor_id=actor_id, detail=detail)


def _lock(user_id: UUID) -> "User":
    person = people.lock_person(user_id)
    if person is None:
        raise errors.PersonNotFound
    return person
