from collections.abc import Collection
from typing import TYPE_CHECKING
from uuid import UUID

from accounts import errors
from accounts.repositories import people

if TYPE_CHECKING:
    from accounts.models import User


def get_person(*, user_id: UUID) -> "User":
    """Raises PersonNotFound."""
    person = people.find_person(user_id)
    if person is None:
        raise errors.PersonNotFound
    return person


def get_person_called(*, login_or_id: str) -> "User":
    """One person by id or by GitHub login. Raises PersonNotFound, and LoginAmbiguous where several bear the name."""
    try:
        return get_person(user_id=UUID(login_or_id))
    except ValueError:
        found = people.list_people_called(login_or_id)
    if not found:
        raise errors.PersonNotFound(f"Nobody called {login_or_id!r} has signed in here.")
    if len(found) > 1:
        ids = ", ".join(str(person.id) for person in found)
        raise errors.LoginAmbiguous(f"Several people have been called {login_or_id!r}: {ids}. Name one by id.")
    return found[0]


def find_id_of_username(*, username: str) -> UUID | None:
    """Whose name this is for signing in with a password."""
    return people.find_id_of_username(username)


def find_logins(*, user_ids: Collection[UUID]) -> dict[UUID, str]:
    """What these people are called; those who are unknown are left out."""
    return people.find_logins(user_ids)


def list_ids_called(*, words: str) -> list[UUID]:
    """The people whom a search names by id, login or address; empty for anything else."""
    try:
        return [UUID(words.strip())]
    except ValueError:
        return people.list_ids_called(words.strip())


def list_ids_beginning(*, words: str) -> list[UUID]:
    """As `list_ids_called`, for the beginning of a login or address; 200 at most."""
    try:
        return [UUID(words.strip())]
    except ValueError:
        return people.list_ids_beginning(words.strip())
