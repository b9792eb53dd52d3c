"""Roles of the staff: an administrator is a superuser; any other role is the group that has its name."""

from collections.abc import Collection
from fnmatch import fnmatchcase
from uuid import UUID

from django.contrib.auth.models import Group, Permission

from accounts.models import User
from accounts.policies import ADMINISTRATOR, APPROVED, Rights


def write_role(role: str, patterns: Collection[str]) -> None:
    """Make the group of this role, with exactly the permissions that a pattern names."""
    Group.objects.bulk_create([Group(name=role)], ignore_conflicts=True)
    names = Permission.objects.values_list("id", "content_type__app_label", "codename")
    meant = {pk for pk, app, name in names if any(fnmatchcase(f"{app}.{name}", one) for one in patterns)}
    permissions = Group.objects.get(name=role).permissions
    if set(permissions.values_list("id", flat=True)) != meant:
        permissions.set(meant)


def read_rights(user_ids: Collection[UUID]) -> dict[UUID, Rights]:
    """What each of these people may do in the admin, whether or not they may use the account at present."""
    people = User.objects.filter(id__in=user_ids)
    held: dict[UUID, set[int]] = {}
    for path in ("user_permissions", "groups__permissions"):
        for user_id, permission in people.values_list("id", path):
            held.setdefault(user_id, set()).add(permission)
    superusers = set(people.filter(is_superuser=True).values_list("id", flat=True))
    return {user_id: Rights(user_id in superusers, frozenset(held[user_id] - {None})) for user_id in held}


def is_administrator(user_id: UUID) -> bool:
    return User.objects.filter(id=user_id, is_superuser=True).exists()


def lock_administrators() -> list[UUID]:
    """The administrators who can sign in, oldest first, their rows locked until the transaction ends."""
    able = User.objects.filter(is_superuser=True, is_staff=True, is_active=True, standing=APPROVED)
    return list(able.select_for_update(no_key=True).order_by("id").values_list("id", flat=True))


def read_role(user_id: UUID) -> str:
    """The role of a person; empty for none. Several groups, of an earlier release, are named together."""
    if is_administrator(user_id):
        return ADMINISTRATOR
    return ", ".join(Group.objects.filter(user=user_id).order_by("name").values_list("name", flat=True))


def set_role(user_id: UUID, role: str | None) -> None:
    """Give a person the rights of this role and no other; None takes all of them."""
    person = User.objects.get(id=user_id)
    person.groups.set(Group.objects.filter(name=role))
    person.user_permissions.clear()
    User.objects.filter(id=user_id).update(is_staff=role is not None, is_superuser=role == ADMINISTRATOR)
