"""Applications in the admin: made with a secret that is shown once, disabled and enabled, never edited."""

import re
from typing import Any

import pytest
from django.test import Client as Http

from accounts.models import Event, User
from tests.tokens.applications import register
from tests.tokens.in_process import call as call_api
from tests.tokens.in_process import make_person, sign_in
from tokens.models import Application
from tokens.services.clients import find_client

ADD, LIST = "/admin/tokens/application/add/", "/admin/tokens/application/"
FORM = {
    "name": "Wiki",
    "redirect_uris": "https://wiki.example/callback\nhttps://wiki.example/other",
    "scopes": ["openid", "email"],
    "id_token_algorithm": "RS256",
}


@pytest.fixture
def root(db: None) -> Http:
    browser = Http()
    boss = User.objects.create_superuser("root", "a password of the staff")
    browser.force_login(boss, backend="accounts.authentication.StaffBackend")
    return browser


def act(root: Http, action: str, application: Application) -> Any:
    return root.post(LIST, {"action": action, "_selected_action": [str(application.pk)]}, follow=True)


def test_a_registration_shows_the_secret_once(root: Http) -> None:
    page = root.post(ADD, FORM)
    found = re.search(r"client_secret +(\w{40,})", page.text)
    assert found is not None, page.text
    application = Application.objects.get()
    client = find_client(application.client_id)
    assert client is not None
    assert client.has_secret(found[1])
    assert application.redirect_uris == FORM["redirect_uris"].split()  # type: ignore[attr-defined]  # the first is a text
    assert "no-store" in page["Cache-Control"]
    for address in (LIST, f"{LIST}{application.pk}/change/"):
        shown = root.get(address)
        assert shown.status_code == 200
        assert found[1] not in shown.text
        assert application.secret_digests[0] not in shown.text
    assert Event.objects.get(kind="application.registered").actor_id == User.objects.get(username="root").pk


@pytest.mark.parametrize(
    "change", [{"redirect_uris": "http://wiki.example/"}, {"name": ""}, {"scopes": ["account:write"]}]
)
def test_what_no_application_may_be_is_said_in_the_form(root: Http, change: dict[str, Any]) -> None:
    page = root.post(ADD, FORM | change)
    assert (page.status_code, "Nothing was done." in page.text) == (200, True)
    assert not Application.objects.exists()


def test_it_is_disabled_and_enabled_there(root: Http) -> None:
    application = register().application
    token = sign_in(make_person("ada"), client_id="wiki", scope="account:read").access_token
    assert "1 application changed" in act(root, "disable", application).text
    assert call_api(Http(), "/me", token).status_code == 401
    assert "0 applications changed" in act(root, "disable", application).text
    assert "1 application changed" in act(root, "enable", application).text
    assert call_api(Http(), "/me", token).status_code == 200


def test_staff_without_the_right_and_people_get_no_form(db: None) -> None:
    helper = make_person("sam")
    User.objects.filter(pk=helper.pk).update(is_staff=True)
    browser = Http()
    browser.force_login(User.objects.get(pk=helper.pk), backend="accounts.authentication.StaffBackend")
    assert browser.get(ADD).status_code == 403
    assert Http().get(ADD).status_code == 302


def test_sign_ins_are_filtered_by_application(root: Http) -> None:
    register("wiki", name="Team wiki")
    ada = make_person("ada")
    for client_id, label in (("wiki", "in the wiki"), ("insighta-cli", "in the terminal")):
        sign_in(ada, client_id=client_id, scope="account:read", label=label)
    page = root.get("/admin/tokens/session/", {"client": "wiki"})
    assert "Team wiki (wiki)" in page.text
    assert "in the wiki" in page.text
    assert "in the terminal" not in page.text
