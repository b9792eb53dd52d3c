from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import connection
from django.db.models import Q
from django.db.models.functions import Now
from social_django.models import UserSocialAuth

from accounts.models import User
from accounts.policies import GitHubIdentity

PROVIDER = "github"
# The most people that a search shows.
MOST_FOUND = 200


def upsert_person(identity: GitHubIdentity, *, standing: str, zone: str, now: datetime) -> tuple[User, bool]:
    """`INSERT … ON CONFLICT (github_id) DO UPDATE`: the person, and whether they are new.

    `zone` is a new person's. A returning person keeps display name, standing, everything they have set here, and what
    GitHub did not say.
    """
    said = [name for name in ("email", "avatar_url") if getattr(identity, name) is not None]
    proposed = User(
        github_id=identity.github_id,
        login=identity.login,
        display_name=identity.name,
        email=identity.email or "",
        avatar_url=identity.avatar_url or "",
        password=make_password(None),
        standing=standing,
        time_zone=zone,
        is_active=True,
        last_login=now,
    )
    User.objects.bulk_create(
        [proposed],
        update_conflicts=True,
        unique_fields=["github_id"],
        update_fields=["login", "last_login", *said],
    )
    # On a conflict the object keeps the id that was discarded, so the row is read again by its real key.
    person = User.objects.get(github_id=identity.github_id)
    return person, person.id == proposed.id


def associate_github(person: User) -> UserSocialAuth:
    """The one association of this person with GitHub, made if it is not there. No GitHub token is kept."""
    key = {"provider": PROVIDER, "uid": str(person.github_id)}
    UserSocialAuth.objects.bulk_create([UserSocialAuth(user=person, id_key="id", **key)], ignore_conflicts=True)
    return UserSocialAuth.objects.get(**key)


def find_person(user_id: UUID) -> User | None:
    return User.objects.filter(id=user_id).first()


def find_id_of_username(username: str) -> UUID | None:
    return User.objects.filter(username=username).values_list("id", flat=True).first()


def lock_person(user_id: UUID) -> User | None:
    """The person with the row locked until the transaction ends."""
    return User.objects.select_for_update(no_key=True).filter(id=user_id).first()


def list_people_called(login: str) -> list[User]:
    """People whom GitHub has last called `login`, case-insensitively, oldest first."""
    return list(User.objects.filter(login__iexact=login, erased_at=None).order_by("id"))


def list_ids_called(words: str) -> list[UUID]:
    """People whose login or address is `words`, case-insensitively, oldest first."""
    called = User.objects.filter(Q(login__iexact=words) | Q(email__iexact=words))
    return list(called.order_by("id").values_list("id", flat=True)[:MOST_FOUND])


def find_logins(user_ids: Collection[UUID]) -> dict[UUID, str]:
    return dict(User.objects.filter(id__in=user_ids).values_list("id", "login"))


def list_ids_beginning(words: str) -> list[UUID]:
    """People whose login or address begins with `words`, case-insensitively, in no order, `MOST_FOUND` at most."""
    # Each by its own index, which stops where enough are found; with both in one condition all have to be looked at.
    logins, addresses = User.objects.filter(login__istartswith=words), User.objects.filter(email__istartswith=words)
    like = logins.values_list("id", flat=True)[:MOST_FOUND].union(addresses.values_list("id", flat=True)[:MOST_FOUND])
    return list(like[:MOST_FOUND])


def read_now() -> datetime:
    """The database's time, which `access_ended_at` is written by."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        (now,) = cursor.fetchone()
    return now  # type: ignore[no-any-return]  # the driver's row is untyped


def note_access_end(user_id: UUID) -> None:
    """Set `access_ended_at` to the database's time, as `answered_at` of a sign-in flow is."""
    User.objects.filter(id=user_id).update(access_ended_at=Now())


def update_person(user_id: UUID, **fields: object) -> int:
    """Set columns of one person; the number of rows changed (0 or 1)."""
    return User.objects.filter(id=user_id).update(**fields)
