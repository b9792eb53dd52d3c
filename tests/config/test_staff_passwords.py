"""Staff passwords: changed by whoever knows the current one, taken exactly as typed, without rules about characters."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "correct horse battery staple"
LONG = " Ünïcödé and spaces \U0001f510 lower-case-words-alone, no digits: " * 2


@pytest.fixture(autouse=True)
def _unlimited(settings: Settings) -> None:
    """How often a password may be tried is another test's business."""
    settings.THROTTLE_SCALE = 100.0


@pytest.fixture
def root() -> User:
    return User.objects.create_superuser("root", PASSWORD)


def sign_in(password: str) -> Client | None:
    """A browser in the admin; None where the password is refused."""
    browser = Client()
    form = {"username": "root", "password": password, "next": "/admin/"}
    return browser if browser.post("/admin/login/", form).status_code == 302 else None


def signed_in(password: str) -> Client:
    browser = sign_in(password)
    assert browser is not None
    return browser


def change(browser: Client, *, old: str, new: str) -> Any:
    form = {"old_password": old, "new_password1": new, "new_password2": new}
    return browser.post("/admin/password_change/", form)


def test_a_change_needs_the_current_password_and_works_with_it(root: User) -> None:
    browser = signed_in(PASSWORD)
    assert change(browser, old="not the current one", new=LONG).status_code == 200
    assert sign_in(LONG) is None
    assert change(browser, old=PASSWORD, new=LONG).status_code == 302
    assert sign_in(PASSWORD) is None


def test_any_characters_and_any_length_are_taken_exactly(root: User) -> None:
    assert len(LONG) > 64
    assert change(signed_in(PASSWORD), old=PASSWORD, new=LONG).status_code == 302
    for near in (LONG.strip(), LONG.lower(), LONG[:64], LONG[:-1]):
        assert sign_in(near) is None
    signed_in(LONG)


def test_the_fields_are_masked_and_open_to_password_managers(root: User) -> None:
    pages = {"/admin/login/": Client(), "/admin/password_change/": signed_in(PASSWORD)}
    for path, browser in pages.items():
        page = browser.get(path).content.decode()
        fields = re.findall(r'<input[^>]*name="[a-z_]*password[12]?"[^>]*>', page)
        assert len(fields) == (1 if path == "/admin/login/" else 3)
        for field in fields:
            assert 'type="password"' in field
            assert 'autocomplete="off"' not in field
        assert "onpaste" not in page


def test_a_password_of_years_ago_is_still_good(root: User) -> None:
    long_ago = timezone.now() - timedelta(days=3000)
    User.objects.update(created_at=long_ago, last_login=long_ago)
    signed_in(PASSWORD)


def test_a_change_ends_the_other_sessions_of_the_admin(root: User) -> None:
    here, elsewhere = signed_in(PASSWORD), signed_in(PASSWORD)
    assert change(here, old=PASSWORD, new=LONG).status_code == 302
    assert here.get("/admin/").status_code == 200
    assert elsewhere.get("/admin/").status_code == 302
