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


def list_people_called(*, login: str) -> "list[User]":
    """Everybody GitHub has last called so, oldest first."""
    return people.list_people_called(login)
