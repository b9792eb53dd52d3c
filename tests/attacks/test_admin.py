"""The staff's admin: closed to everybody else, deaf to other sites, and hostile words in it stay words."""

import re
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client as Http
from django.urls import reverse

from accounts.models import User
from bookings.models import Booking, Slot
from bookings.services import booking
from tests.attacks.test_pages import WORDS, Forms
from tests.bookings.people import make_person, make_slot
from tests.tokens.in_process import sign_in
from tests.tokens.test_scopes import routes
from tokens.throttles import limiter

BACKEND = "accounts.authentication.StaffBackend"
PASSWORD = "correct horse battery staple"
# For everybody: the pages to sign in at, the way out, and the translations of the admin's own scripts.
OPEN = {"login/", "logout/", "jsi18n/"}


@pytest.fixture(autouse=True)
def _counted_from_zero() -> None:
    limiter.cache_clear()


@pytest.fixture
def staff(db: None) -> Http:
    client = Http(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("root", PASSWORD), backend=BACKEND)
    return client


def sign_in_while_staff(client: Http, person: User) -> None:
    """A session in the admin that is still there when the role is not."""
    User.objects.filter(id=person.id).update(is_staff=True)
    client.force_login(User.objects.get(id=person.id), backend=BACKEND)
    User.objects.filter(id=person.id).update(is_staff=False)


def addresses() -> list[str]:
    """Every address of the admin, with ids that nothing has."""
    found = [path for path, _ in routes(admin.site.urls[0]) if "(?P<app_label>" not in path]
    filled = (re.sub(r"<\w+:\w+>|<\w+>", str(uuid4()), path) for path in found)
    return [f"/admin/{path}" for path in filled if path not in OPEN]


def test_no_page_of_the_admin_is_for_people(client: Http, db: None) -> None:
    client.raise_request_exception = False
    assert len(addresses()) > 50
    for person in (None, make_person("grace", is_host=True)):
        if person:
            sign_in_while_staff(client, person)
        for path in addresses():
            for answer in (client.get(path), client.post(path)):
                assert answer.status_code in {302, 404}, path
                assert answer.headers.get("location", "/admin/login/").startswith("/admin/login/"), path


def test_a_token_is_no_admin_session(client: Http, db: None) -> None:
    person = make_person("sam")
    User.objects.filter(id=person.id).update(is_staff=True, is_superuser=True)
    bearer = {"Authorization": f"Bearer {sign_in(person).access_token}"}
    assert {client.get(path, headers=bearer).status_code for path in addresses()} == {302}


def poison() -> None:
    """Words in every text that a person has set, and in those that GitHub has."""
    grace, ada = make_person("grace", is_host=True), make_person("ada")
    slot = make_slot(grace)
    booking.book_slot(client_id=ada.id, slot_id=slot.id)
    Slot.objects.update(title=WORDS)
    User.objects.filter(id__in=[grace.id, ada.id]).update(
        display_name=WORDS[:100], standing_reason=WORDS, login=WORDS[:50]
    )
    sign_in(ada, label=WORDS[:100])


def test_the_words_of_people_run_in_no_list_and_on_no_page(staff: Http) -> None:
    poison()
    shown = 0
    for model in admin.site._registry:
        name = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        pages: list[Any] = [staff.get(name), staff.get(name, {"q": WORDS}), staff.get(name, {"e": WORDS, "p": "0"})]
        pages += [
            staff.get(f"{name}{row.pk}/{what}/")
            for row in model._default_manager.all()[:1]
            for what in ("change", "history")
        ]
        for page in pages:
            assert page.status_code < 500
            text = page.content.decode()
            assert "<xss" not in text
            assert not [one for one in Forms(text).dangers if "alert(1)" in one or "xss()" in one]
            shown += "&lt;xss" in text
    assert shown > 6


def test_the_words_of_people_run_on_no_page_of_the_front_desk(staff: Http) -> None:
    poison()
    booked, slot = Booking.objects.get(), Slot.objects.get()
    ways = {f"booking_{name}": booked.pk for name in ("move", "cancel", "give_back")}
    ways |= {"booking_book": booked.client_id, "slot_cancel": slot.pk}
    said = {"refund": "full", "message": WORDS, "credits": "1", "note": WORDS[:200], "free": "on"}
    for name, pk in ways.items():
        address = reverse(f"admin:bookings_{name}", args=[pk])
        for page in (staff.get(address, {"host": WORDS}), staff.post(address, {**said, "step": "look", "seen": WORDS})):
            text = page.content.decode()
            assert page.status_code == 200
            assert "&lt;xss" in text
            assert "<xss" not in text
            assert not [one for one in Forms(text).dangers if "alert(1)" in one or "xss()" in one]


def test_no_page_of_the_admin_can_be_framed_or_kept(staff: Http) -> None:
    person = make_person("ada").pk
    for path in ("/admin/", "/admin/accounts/user/", f"/admin/accounts/user/{person}/change/", "/admin/login/"):
        page = staff.get(path)
        assert page.status_code in {200, 302}
        assert page["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in page["Content-Security-Policy"]
        assert "no-store" in page["Cache-Control"]
        assert "Cookie" in page.headers.get("Vary", "Cookie")


@pytest.mark.parametrize("token", ["", "d" * 32, "d" * 64])
def test_no_form_of_the_admin_is_taken_without_its_own_token(db: None, token: str) -> None:
    root = User.objects.create_superuser("root", PASSWORD)
    client = Http(enforce_csrf_checks=True)
    client.force_login(root, backend=BACKEND)
    client.get("/admin/login/")
    for path in [*addresses(), "/admin/login/", "/admin/logout/"]:
        answer = client.post(
            path, {"csrfmiddlewaretoken": token, "action": "suspend", "_selected_action": str(root.pk)}
        )
        assert answer.status_code in {403, 404}, path
    root.refresh_from_db()
    assert root.standing == "approved"


# Guessing


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(
    client: Http, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same page after the same work: a password is hashed for somebody who is not there, too."""
    for name, changes in (("root", {}), ("suspended", {"standing": "suspended"}), ("ada", {"is_staff": False})):
        root = User.objects.create_superuser(name, PASSWORD)
        User.objects.filter(id=root.id).update(**changes)
    hashed: list[str] = []

    def encode(hasher: MD5PasswordHasher, password: str, salt: str) -> str:
        hashed.append(password)
        return "md5$salt$hash"

    monkeypatch.setattr(MD5PasswordHasher, "encode", encode)
    pages = []
    for name in ("root", "nobody", "suspended", "ada"):
        hashed.clear()
        answer = client.post("/admin/login/", {"username": name, "password": "wrong"})
        pages.append(
            (answer.status_code, len(hashed), re.sub(rf'value="({name}|[^"]{{64}})"', "", answer.content.decode()))
        )
    assert len(set(pages)) == 1


def test_a_session_of_the_admin_is_a_new_one_after_signing_in(db: None) -> None:
    """Fixation: what was in the cookie before is worth nothing afterwards."""
    User.objects.create_superuser("root", PASSWORD)
    client = Http()
    client.cookies[settings.SESSION_COOKIE_NAME] = planted = "planted0planted0planted0planted0"
    client.post("/admin/login/", {"username": "root", "password": PASSWORD})
    assert client.get("/admin/").status_code == 200
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != planted
    client.cookies[settings.SESSION_COOKIE_NAME] = planted
    assert client.get("/admin/").status_code == 302
