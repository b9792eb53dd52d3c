from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts import errors, policies, signals
from accounts.repositories import people, roles
from accounts.services.events import record_event
from accounts.services.lookup import get_person, get_person_called

if TYPE_CHECKING:
    from social_django.models import UserSocialAuth

    from accounts.models import User


_REFUSALS = {error.code: error for error in (errors.AccountSuspended, errors.AccountPending, errors.AccountInactive)}


@dataclass(frozen=True)
class SignedIn:
    """The person whom GitHub named, their association with GitHub, and whether they are new."""

    person: "User"
    association: "UserSocialAuth"
    is_new: bool


@transaction.atomic(durable=True)
def sign_in_person(*, identity: policies.GitHubIdentity, zone: str, now: datetime) -> SignedIn:
    """Upsert the person GitHub names, and their association, in one transaction.

    A new person's times are in `zone`. Neither standing nor `is_active` of a returning person is touched:
    `admit_person` ends the sign-in.
    """
    person, is_new = _upsert(identity, zone=zone, now=now)
    return SignedIn(person, people.associate_github(person), is_new)


@transaction.atomic
def upsert_person(
    *,
    github_id: int,
    login: str,
    display_name: str = "",
    email: str | None = None,
    avatar_url: str | None = None,
    now: datetime,
) -> "User":
    """The person with this GitHub id, created where there is none, without a sign-in: for commands and demos."""
    identity = policies.GitHubIdentity(github_id, login, display_name, email, avatar_url)
    person, _ = _upsert(identity, now=now)
    people.associate_github(person)
    return person


def _upsert(
    identity: policies.GitHubIdentity, *, now: datetime, zone: str = policies.DEFAULT_ZONE
) -> "tuple[User, bool]":
    standing = policies.standing_for_new_person(settings.REGISTRATION)
    person, is_new = people.upsert_person(identity, standing=standing, zone=zone, now=now)
    if is_new:
        record_event(kind="person.created", user_id=person.id)
        signals.person_created.send(None, user_id=person.id, now=now)
    return person, is_new


def check_allowed(person: "User") -> None:
    """Raises AccountSuspended, AccountPending or AccountInactive where the person may not use the account."""
    code = policies.refusal(is_active=person.is_active, standing=person.standing)
    if code is not None:
        raise _REFUSALS[code]


def lock_person(*, user_id: UUID) -> "User":
    """The person, locked until the caller's transaction ends, whatever their standing. Raises PersonNotFound."""
    person = people.lock_person(user_id)
    if person is None:
        raise errors.PersonNotFound
    return person


def lock_allowed_person(*, user_id: UUID) -> "User":
    """The person, locked until the caller's transaction ends, so that a suspension comes wholly before or after it.

    Whoever gives a person something locks the person first. Raises PersonNotFound, AccountPending, AccountSuspended
    or AccountInactive.
    """
    person = lock_person(user_id=user_id)
    check_allowed(person)
    return person


def admit_person(*, user_id: UUID, answered_at: datetime | None) -> "User":
    """The person whom GitHub named at `answered_at`, locked and active again, for the transaction that signs them in.

    Raises SignInFlowNotFound where all access has ended since, PersonNotFound, AccountPending or AccountSuspended.
    """
    person = lock_person(user_id=user_id)
    _check_not_ended_since(person, answered_at)
    if not person.is_active:
        person.is_active = True
        people.update_person(user_id, is_active=True)
        signals.person_returned.send(None, user_id=user_id)
    check_allowed(person)
    return person


def lock_verified_person(*, user_id: UUID, verified_at: datetime) -> "User":
    """`lock_allowed_person` for somebody who was verified at `verified_at`; it makes nobody active again.

    Raises SignInFlowNotFound besides, where all access has ended since.
    """
    person = lock_allowed_person(user_id=user_id)
    _check_not_ended_since(person, verified_at)
    return person


def _check_not_ended_since(person: "User", verified_at: datetime | None) -> None:
    ended_at = person.access_ended_at
    if ended_at is not None and (verified_at is None or verified_at <= ended_at):
        raise errors.SignInFlowNotFound("All access was ended after this sign-in began. Start it again.")


def read_verification_time() -> datetime:
    """Now, by the clock that `admit_person` compares: read before a password is verified."""
    return people.read_now()


def note_access_end(*, user_id: UUID) -> None:
    """Refuse every sign-in that GitHub has answered until now, inside the transaction that locked the person."""
    people.note_access_end(user_id)


def keep_an_administrator(*, without: UUID) -> None:
    """For whatever takes a person's role or account, before it locks the person. Raises LastAdministrator.

    Of two at one moment, the second finds itself the last: the rows of all administrators are locked. Nobody else's
    change waits for them.
    """
    if roles.is_administrator(without) and roles.lock_administrators() == [without]:
        raise errors.LastAdministrator


@transaction.atomic(durable=True)
def update_profile(*, user_id: UUID, changes: dict[str, object]) -> "tuple[User, dict[str, Any]]":
    """Set columns of the person's own choice, such as `time_zone`; the person, and what the apps above did about it.

    `changes` has been validated.
    """
    zone = lock_person(user_id=user_id).time_zone
    people.update_person(user_id, **changes)
    person = get_person(user_id=user_id)
    if person.time_zone == zone:
        return person, {}
    answers: Sequence[tuple[object, Any]] = signals.time_zone_changed.send(None, user_id=user_id)
    return person, {name: effect for _receiver, effects in answers for name, effect in effects.items()}


@transaction.atomic(durable=True)
def deactivate_person(*, user_id: UUID, now: datetime) -> None:
    """Deactivate: end all access and cancel bookings by the client's rule. A sign-in reactivates.

    Raises PersonNotFound, LastAdministrator.
    """
    keep_an_administrator(without=user_id)
    lock_person(user_id=user_id)
    people.update_person(user_id, is_active=False)
    record_event(kind="person.deactivated", user_id=user_id, actor_id=user_id)
    signals.person_deactivated.send(None, user_id=user_id, now=now)


@transaction.atomic(durable=True)
def suspend_person(*, user_id: UUID, reason: str, actor_id: UUID | None, now: datetime) -> None:
    """Suspend: all access ends at once, bookings stay as they are. Raises PersonNotFound, LastAdministrator."""
    keep_an_administrator(without=user_id)
    _set_standing(user_id, policies.SUSPENDED, reason=reason, actor_id=actor_id)
    signals.person_suspended.send(None, user_id=user_id, now=now)


@transaction.atomic(durable=True)
def approve_person(*, user_id: UUID, actor_id: UUID | None) -> None:
    """Approve a newcomer or reinstate somebody suspended. Raises PersonNotFound."""
    _set_standing(user_id, policies.APPROVED, reason="", actor_id=actor_id)
    signals.person_returned.send(None, user_id=user_id)


@transaction.atomic
def mark_host(*, user_id: UUID, is_host: bool, actor_id: UUID | None = None) -> None:
    """Set whether the person offers slots. Raises PersonNotFound."""
    lock_person(user_id=user_id)
    people.update_person(user_id, is_host=is_host)
    record_event(kind="person.host_changed", user_id=user_id, actor_id=actor_id, detail={"is_host": is_host})


def approve_person_called(*, login_or_id: str) -> "User":
    """`approve_person` for a login or id. Raises PersonNotFound or LoginAmbiguous."""
    person = get_person_called(login_or_id=login_or_id)
    approve_person(user_id=person.pk, actor_id=None)
    return person


def suspend_person_called(*, login_or_id: str, reason: str, now: datetime) -> "User":
    """`suspend_person` for a login or id. Raises PersonNotFound, LoginAmbiguous or LastAdministrator."""
    person = get_person_called(login_or_id=login_or_id)
    suspend_person(user_id=person.pk, reason=reason, actor_id=None, now=now)
    return person


def _set_standing(user_id: UUID, standing: str, *, reason: str, actor_id: UUID | None) -> None:
    before, reason = lock_person(user_id=user_id).standing, policies.clean_paragraphs(reason)
    people.update_person(user_id, standing=standing, standing_reason=reason)
    detail = {"from": before, "to": standing, "reason": reason}
    record_event(kind="person.standing_changed", user_id=user_id, actor_id=actor_id, detail=detail)
