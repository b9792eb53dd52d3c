"""Members of the staff, their browsers, and what they do at the front desk of the admin."""

from typing import Any

from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.bookings.people import make_person, state

LOOK, CONFIRM, CHANGE = ({"step": step} for step in ("look", "confirm", "change"))


def make_staff(login: str, role: str) -> User:
    person = make_person(login)
    call_command("grant_staff", str(person.pk), "--role", role)
    return User.objects.get(pk=person.pk)


def look_only(*codenames: str) -> User:
    """A member of the staff with these permissions and no role."""
    person = make_person("looking")
    User.objects.filter(id=person.id).update(is_staff=True)
    person.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return User.objects.get(id=person.id)


def browser_of(person: User) -> Client:
    client = Client()
    client.force_login(person, backend="accounts.authentication.StaffBackend")
    return client


def address(name: str, row: Any) -> str:
    return reverse(f"admin:bookings_{name}", args=[row.pk])


def look(client: Client, path: str, given: dict[str, Any]) -> Any:
    """The page that says what would be done; nothing is different after it."""
    before = state()
    page = client.post(path, {**given, **LOOK})
    assert page.status_code == 200
    assert state() == before
    return page


def refusal(client: Client, path: str, given: dict[str, Any]) -> str:
    """What the form says where an operation is refused."""
    page = look(client, path, given)
    assert page.context["done"] is None
    text = page.content.decode()
    assert "<title>Error: " in text
    assert 'class="errornote" role="alert" tabindex="-1" autofocus>' in text, "first, and focused"
    return " ".join(text.replace("&#x27;", "'").replace("&quot;", '"').split())


def confirm(client: Client, path: str, given: dict[str, Any]) -> Any:
    """Looks, and confirms what was shown, as a browser without scripts sends it."""
    page = look(client, path, given)
    assert page.context["done"], page.context["form"].errors
    return client.post(path, {**given, **CONFIRM, "seen": page.context["done"].seen}, follow=True)


def lines(page: Any) -> dict[str, list[str]]:
    """What is shown of an operation, by heading; every mail has words."""
    shown: dict[str, list[str]] = dict(page.context["done"].lines)
    assert not [one for one in shown.get("Told by mail", []) if "_" in one]
    return shown
