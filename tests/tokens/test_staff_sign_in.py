"""Signing in to the admin, by password or with GitHub: every attempt is an event, and guesses are limited."""

import re
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client as Http
from django.urls import reverse

from accounts.authentication import flow_cookie_name
from accounts.models import Event, User
from accounts.services import flows, roles
from tests.tokens.in_process import make_person, now
from tests.tokens.test_access_races import Person, answered_flow
from tests.tokens.test_throttles import Clock, clock
from tokens.models import Session
from tokens.services import staff

__all__ = ["clock"]
pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "correct horse battery staple"
TYPED = "hunter2 in the wrong box"


@pytest.fixture
def root() -> User:
    return User.objects.create_superuser("root", PASSWORD)


@pytest.fixture
def sam() -> Person:
    """A member of the staff who has a password, too, and signs in with GitHub."""
    person = make_person("sam")
    roles.grant_staff(user_id=person.id)
    user = User.objects.get(id=person.id)
    user.username = "sam"
    user.set_password(PASSWORD)
    user.save()
    return Person(user, Any)  # type: ignore[arg-type]  # signed in nowhere


def try_password(name: str, password: str = "wrong", address: str = "192.0.2.1") -> Any:
    return Http().post("/admin/login/", {"username": name, "password": password}, REMOTE_ADDR=address)


def come_back(person: Person) -> Any:
    """The browser's return from GitHub, which has named the person."""
    flow_id, cookie = answered_flow(person, staff.describe_request(path="/admin/"))
    person.browser.cookies[flow_cookie_name(flow_id)] = cookie
    return person.browser.get(f"{reverse('tokens:staff_return')}?flow={flow_id}")


def trail(kind: str = "staff.") -> list[Any]:
    events = Event.objects.filter(kind__startswith=kind).exclude(kind="person.staff_granted").order_by("id")
    return [(event.kind, event.user_id, event.address, event.detail) for event in events]


# Events


def test_a_sign_in_by_password_is_an_event(root: User) -> None:
    assert try_password("root", PASSWORD).status_code == 302
    assert trail() == [("staff.signed_in", root.id, "192.0.2.1", {"by": "password"})]


def test_a_sign_in_with_github_is_an_event(sam: Person) -> None:
    assert come_back(sam).status_code == 302
    assert trail() == [("staff.signed_in", sam.user.id, "127.0.0.1", {"by": "github"})]


@pytest.mark.parametrize("changes", [{}, {"is_staff": False}, {"standing": "suspended"}, {"is_active": False}], ids=str)
def test_a_failed_password_is_an_event_of_the_person(root: User, changes: dict[str, Any]) -> None:
    User.objects.filter(id=root.id).update(**changes)
    assert try_password("root", PASSWORD if changes else "wrong").status_code == 200
    assert trail() == [("staff.sign_in_failed", root.id, "192.0.2.1", {"by": "password"})]


def test_of_an_unknown_name_nothing_is_kept(root: User) -> None:
    assert try_password(TYPED, TYPED).status_code == 200
    assert trail() == [("staff.sign_in_failed", None, "192.0.2.1", {"by": "password"})]
    assert TYPED not in str(list(Event.objects.values()))


@pytest.mark.parametrize(("name", "password"), [("root", ""), ("", PASSWORD), ("root\0", PASSWORD)])
def test_a_form_without_a_name_or_password_is_no_attempt(root: User, name: str, password: str) -> None:
    assert try_password(name, password).status_code in {200, 400}
    assert trail() == []


@pytest.mark.parametrize(
    ("changes", "is_active"),
    [({"is_staff": False}, True), ({"standing": "suspended"}, True), ({"is_staff": False, "is_active": False}, False)],
    ids=str,
)
def test_a_refused_return_from_github_is_one_event_and_changes_nobody(
    sam: Person, changes: dict[str, Any], is_active: bool
) -> None:
    User.objects.filter(id=sam.user.id).update(**changes)
    refused = come_back(sam)
    assert refused.status_code == 403
    again = sam.browser.get(f"{refused.request['PATH_INFO']}?{refused.request['QUERY_STRING']}")
    assert again.status_code == 403
    assert trail() == [("staff.sign_in_failed", sam.user.id, "127.0.0.1", {"by": "github"})]
    assert User.objects.get(id=sam.user.id).is_active == is_active
    assert not Session.objects.filter(user=sam.user).exists()


def test_an_answer_of_github_that_names_nobody_is_an_event(db: None) -> None:
    browser = Http()
    flow, cookie = flows.begin_flow(
        state="s",
        upstream={},
        request=staff.describe_request(path="/admin/"),
        resume_path="/",
        restart_path="/",
        now=now(),
    )
    flows.claim_flow(state="s", cookie=cookie, now=now())
    flows.finish_flow(flow_id=flow.id, refused_because="access_denied")
    browser.cookies[flow_cookie_name(flow.id)] = cookie
    assert browser.get(f"{reverse('tokens:staff_return')}?flow={flow.id}").status_code == 403
    assert trail() == [("staff.sign_in_failed", None, "127.0.0.1", {"by": "github"})]


# Limits


def shown(answer: Any, name: str) -> tuple[int, str, str]:
    """What somebody who guesses can tell answers apart by."""
    page = re.sub(rf'value="({re.escape(name)}|[^"]{{64}})"', "", answer.content.decode())
    return answer.status_code, answer.headers.get("Retry-After", ""), page


def test_an_account_is_guessed_five_times_a_minute_from_all_addresses(root: User, clock: Clock) -> None:
    """Whether there is such an account or not, the answers are the same."""
    found = {}
    for name in ("root", "nobody"):
        answers = [try_password(name, address=f"192.0.2.{number}") for number in range(7)]
        found[name] = [shown(answer, name) for answer in answers]
    assert found["root"] == found["nobody"]
    assert [status for status, _, _ in found["root"]] == [200] * 5 + [429] * 2
    assert int(found["root"][-1][1]) > 0
    assert len(trail("staff.sign_in_failed")) == 10


@pytest.mark.parametrize("name", [" root", "root ", "\uff52oot", "r\u200boot"], ids=ascii)
def test_another_spelling_of_a_name_is_no_further_guess(root: User, clock: Clock, name: str) -> None:
    """The form folds some: what it folds counts as one; the others name nobody."""
    for number in range(5):
        try_password(name, address=f"192.0.2.{number}")
    is_root = try_password("root", PASSWORD, address="198.51.100.1").status_code == 429
    assert is_root == ("\u200b" not in name)


def test_who_is_guessed_signs_in_with_github_and_later_by_password(sam: Person, clock: Clock) -> None:
    for number in range(6):
        try_password("sam", address=f"192.0.2.{number}")
    assert try_password("sam", PASSWORD, address="198.51.100.1").status_code == 429
    assert come_back(sam).status_code == 302
    assert sam.browser.get("/admin/").status_code == 200
    clock.seconds += 61
    assert try_password("sam", PASSWORD, address="198.51.100.1").status_code == 302


def test_the_refusal_is_a_page(root: User, clock: Clock) -> None:
    refused = [try_password("root", address=f"192.0.2.{number}") for number in range(6)][-1]
    assert refused["Content-Type"].startswith("text/html")
    assert "no-store" in refused["Cache-Control"]
    assert "Sign in" in refused.content.decode() or "again" in refused.content.decode()


# Passwords


WEAK = ["2", "fourteen chars", "123456789012345", "1q2w3e4r5t6y7u8i9o0p", "root-the-founder"]


def create_without_asking(password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", password)
    call_command("createsuperuser", "--noinput", "--username", "root-the-founder")


def create_and_insist(password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Django asks whether to pass over its validators; this one says yes."""

    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("getpass.getpass", lambda *_, **__: password)
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    call_command("createsuperuser", username="root-the-founder", stdin=Terminal(), stderr=StringIO())


def change_by_command(password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    User.objects.create_superuser("root-the-founder", PASSWORD)
    monkeypatch.setattr("getpass.getpass", lambda *_, **__: password)
    call_command("changepassword", "root-the-founder", stdout=StringIO(), stderr=StringIO())


def change_in_the_admin(password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Http()
    browser.force_login(User.objects.create_superuser("root-the-founder", PASSWORD))
    form = {"old_password": PASSWORD, "new_password1": password, "new_password2": password}
    if browser.post("/admin/password_change/", form).status_code == 200:
        raise CommandError("refused")


DOORS = [create_without_asking, create_and_insist, change_by_command, change_in_the_admin]


@pytest.mark.parametrize("password", [*WEAK, "a sentence of my own"])
@pytest.mark.parametrize("door", DOORS)
def test_no_door_takes_a_weak_password(
    door: Callable[[str, pytest.MonkeyPatch], None], password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        door(password, monkeypatch)
    except CommandError:
        taken = False
    else:
        taken = User.objects.get(username="root-the-founder").check_password(password)
    assert taken == (password not in WEAK)
