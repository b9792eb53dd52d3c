"""Consent: asked once, for https only remembered, shown, withdrawn."""

from typing import Any

import pytest
from django.test import Client as Http

from accounts.models import Event
from accounts.services.erasure import erase_person, export_person
from tests.accounts.github import fresh
from tests.people import Browser, call, query
from tests.processes import Live
from tests.tokens.applications import WIKI, Application, register, register_live
from tests.tokens.in_process import EVERY_SCOPE, make_person, now, post, sign_in
from tests.tokens.in_process import call as call_here
from tokens.models import Consent, Session
from tokens.services.consents import is_remembered, note_consent


@pytest.fixture
def wiki(live: Live) -> Application:
    return register_live(live)


@pytest.fixture
def ada(live: Live) -> Browser:
    return Browser(live, fresh("ada"))


def is_asked(application: Application, browser: Browser, **changes: Any) -> bool:
    """Whether a page asks before the application gets its answer."""
    response = application.authorize(browser, **changes)
    if response.is_redirect:
        assert "code" in query(response)
        return False
    return "Sign in to Wiki" in response.text


def test_the_page_names_application_address_person_and_what_it_may_do(wiki: Application, ada: Browser) -> None:
    page = wiki.authorize(ada)
    for words in ("wiki.example", ada.login, "See your email address", "Book, move and cancel", "or 90 days are over"):
        assert words in page.text
    assert "form-action 'self' https://wiki.example" in page.headers["content-security-policy"]
    refused = query(ada.submit(page, decision="deny"))
    assert (refused["error"], refused["iss"]) == ("access_denied", wiki.live.backend_url)


def test_it_is_asked_once_for_the_same_scopes_or_fewer(wiki: Application, ada: Browser) -> None:
    assert is_asked(wiki, ada, scope="openid email offline_access")
    assert is_asked(wiki, ada, scope="openid email offline_access")
    wiki.sign_in(ada, scope="openid email offline_access")
    assert not is_asked(wiki, ada, scope="openid email offline_access")
    assert not is_asked(wiki, ada, scope="openid")
    assert is_asked(wiki, ada, scope="openid email bookings:write")
    wiki.sign_in(ada, scope="bookings:write")
    assert not is_asked(wiki, ada, scope="openid email bookings:write")
    assert is_asked(register_live(wiki.live), ada, scope="openid")


@pytest.mark.parametrize(
    "changes", [{"prompt": "consent"}, {"prompt": "login"}, {"prompt": "select_account"}, {"max_age": "60"}]
)
def test_who_asks_for_a_page_gets_one(wiki: Application, ada: Browser, changes: dict[str, Any]) -> None:
    wiki.sign_in(ada)
    assert is_asked(wiki, ada, **changes)


@pytest.mark.parametrize("uri", ["http://127.0.0.2:8080/callback", "http://localhost:8080/callback"])
def test_on_loopback_it_is_asked_each_time(live: Live, ada: Browser, uri: str) -> None:
    wiki = register_live(live, redirect_uri=uri)
    wiki.sign_in(ada)
    assert is_asked(wiki, ada)


def test_another_person_is_asked_for_themselves(wiki: Application, ada: Browser) -> None:
    wiki.sign_in(ada)
    assert is_asked(wiki, Browser(wiki.live, fresh("mallory")))


def test_a_withdrawal_ends_the_applications_sign_ins_and_is_asked_again(wiki: Application, ada: Browser) -> None:
    own, other = ada.sign_in(), register_live(wiki.live)
    given, kept = wiki.sign_in(ada), other.sign_in(ada)
    (shop, shown) = call(wiki.live, "/applications", own.access).json()["results"]
    assert (shop["client_id"], shown["client_id"]) == (other.client_id, wiki.client_id)
    assert shown.keys() == {"client_id", "name", "home_page", "scopes", "first_used_at", "last_used_at", "last_address"}
    assert shown["scopes"] == wiki.scope.split()
    waiting = wiki.answer(ada)["code"]
    assert call(wiki.live, f"/applications/{wiki.client_id}", own.access, "DELETE").status_code == 204
    assert call(wiki.live, "/me", given["access_token"]).status_code == 401
    assert wiki.refresh(given["refresh_token"]).json()["error"] == "invalid_grant"
    assert (
        wiki.post(
            "token", grant_type="authorization_code", code=waiting, redirect_uri=WIKI, code_verifier="v" * 43
        ).status_code
        == 400
    )
    assert (
        call(wiki.live, "/me", own.access).status_code
        == call(wiki.live, "/me", kept["access_token"]).status_code
        == 200
    )
    assert call(wiki.live, f"/applications/{wiki.client_id}", own.access, "DELETE").status_code == 404
    assert is_asked(wiki, ada)


def test_only_sign_ins_of_portal_and_terminal_see_and_withdraw(wiki: Application, ada: Browser, live: Live) -> None:
    given = wiki.sign_in(ada)
    own = ada.sign_in()
    body = {"name": "script", "scopes": ["account:read", "account:write"]}
    personal = call(live, "/personal-access-tokens", own.access, "POST", json=body).json()["token"]
    for token in (given["access_token"], personal):
        assert call(live, "/applications", token).status_code == 403
        assert call(live, f"/applications/{wiki.client_id}", token, "DELETE").status_code == 403
    mallory = Browser(live, fresh("mallory")).sign_in()
    assert call(live, f"/applications/{wiki.client_id}", mallory.access, "DELETE").status_code == 404
    assert call(live, "/me", given["access_token"]).status_code == 200


def test_the_withdrawal_is_in_the_trail_and_the_consent_in_export_and_erasure(client: Http, db: None) -> None:
    register()
    ada = make_person("ada")
    pair = sign_in(ada, scope=EVERY_SCOPE)
    for _ in range(2):
        note_consent(user_id=ada.pk, client_id="wiki", scope="openid", now=now())
    assert [row["client_id"] for row in export_person(login_or_id="ada")["applications"]] == ["wiki"]
    assert call_here(client, "/applications/wiki", pair.access_token, "DELETE").status_code == 204
    assert Event.objects.get(kind="application.withdrawn").actor_id == ada.pk
    note_consent(user_id=ada.pk, client_id="wiki", scope="openid", now=now())
    erase_person(login_or_id="ada", now=now())
    assert not Consent.objects.exists()


def test_what_is_remembered_holds_for_its_person_client_and_scopes(db: None) -> None:
    ada, eve = make_person("ada"), make_person("eve")
    note_consent(user_id=ada.pk, client_id="wiki", scope="openid", now=now())
    note_consent(user_id=ada.pk, client_id="wiki", scope="email", now=now())
    asked: dict[str, Any] = {"user_id": ada.pk, "client_id": "wiki", "scope": "openid email", "redirect_uri": WIKI}
    assert is_remembered(**asked)
    for change in (
        {"user_id": eve.pk},
        {"client_id": "shop"},
        {"scope": "profile"},
        {"redirect_uri": "http://localhost/"},
    ):
        assert not is_remembered(**(asked | change))


def test_signing_out_everywhere_ends_applications_too(client: Http, db: None) -> None:
    secret = str(register().secret)
    ada = make_person("ada")
    pair = sign_in(ada, client_id="wiki", scope="account:read offline_access")
    own = sign_in(ada)
    assert call_here(client, "/sessions?keep=current", own.access_token, "DELETE").status_code == 204
    assert call_here(client, "/me", pair.access_token).status_code == 401
    ended = post(
        client,
        "token",
        client_id="wiki",
        client_secret=secret,
        grant_type="refresh_token",
        refresh_token=pair.refresh_token,
    )
    assert ended.json()["error"] == "invalid_grant"
    assert Session.objects.filter(revoked_at=None).count() == 1
