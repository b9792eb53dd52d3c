"""What members of the staff may do: by their role, and never to somebody who may do more."""

from collections.abc import Collection
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts import errors
from accounts.policies import ADMINISTRATOR
from accounts.repositories import roles
from accounts.services.events import record_event
from accounts.services.lookup import get_person_called
from accounts.services.people import keep_an_administrator, lock_person

if TYPE_CHECKING:
    from accounts.models import User


@transaction.atomic
def synchronise_roles() -> None:
    """Make the groups of the roles what `STAFF_ROLES` says."""
    for role, patterns in settings.STAFF_ROLES.items():
        roles.write_role(role, patterns)


def list_people_above(*, actor_id: UUID, user_ids: Collection[UUID]) -> set[UUID]:
    """Those of the people who have a right that the actor lacks: the actor may do nothing to them."""
    rights = roles.read_rights({actor_id, *user_ids})
    return {user_id for user_id in user_ids if not rights[actor_id].covers(rights[user_id])}


def get_role(*, user_id: UUID) -> str:
    """The role of a member of the staff; empty for anybody else."""
    return roles.read_role(user_id)


@transaction.atomic
def grant_staff(*, user_id: UUID, role: str = ADMINISTRATOR) -> None:
    """Let a person into the admin with exactly this role, whatever they had before.

    Raises PersonNotFound, and LastAdministrator where it would leave none.
    """
    synchronise_roles()
    if role != ADMINISTRATOR:
        keep_an_administrator(without=user_id)
    lock_person(user_id=user_id)
    roles.set_role(user_id, role)
    record_event(kind="person.staff_granted", user_id=user_id, detail={"role": role})


def grant_staff_called(*, login_or_id: str, role: str) -> "User":
    """`grant_staff` for a login or id. Raises PersonNotFound, LoginAmbiguous or LastAdministrator."""
    person = get_person_called(login_or_id=login_or_id)
    grant_staff(user_id=person.pk, role=role)
    return person


def revoke_staff(*, user_id: UUID) -> None:
    """Take a person's role, inside the caller's transaction.

    Raises PersonNotFound, NotOfTheStaff, and LastAdministrator where it would leave none.
    """
    keep_an_administrator(without=user_id)
    if not lock_person(user_id=user_id).is_staff:
        raise errors.NotOfTheStaff
    detail = {"role": roles.read_role(user_id)}
    roles.set_role(user_id, None)
    record_event(kind="person.staff_revoked", user_id=user_id, detail=detail)
