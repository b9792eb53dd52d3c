"""`/oauth/logout`: an application ends its sign-in and no other, and the browser goes where it is registered."""

from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest
from django.test import Client as Http

from tests.accounts.github import fresh
from tests.people import HTTP, Browser, call
from tests.processes import Live
from tests.tokens.applications import Application, register, register_live
from tests.tokens.in_process import client_called, make_person, now, sign_in
from tokens.models import Session
from tokens.services.id_tokens import add_id_token, subject_of

BYE = "https://wiki.example/bye"


@pytest.fixture
def wiki(live: Live) -> Application:
    return register_live(live, "--post-logout-redirect-uri", BYE, "--post-logout-redirect-uri", f"{BYE}?a=1")


@pytest.fixture
def ada(live: Live) -> Browser:
    return Browser(live, fresh("ada"))


def log_out(live: Live, method: str = "GET", **parameters: str) -> httpx.Response:
    address = f"{live.backend_url}/oauth/logout"
    return HTTP.get(address, params=parameters) if method == "GET" else HTTP.post(address, data=parameters)


def is_live(live: Live, given: dict[str, Any]) -> bool:
    return call(live, "/me", given["access_token"]).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("uri", "target"), [(BYE, f"{BYE}?state=s+1%26x"), (f"{BYE}?a=1", f"{BYE}?a=1&state=s+1%26x")])
def test_the_sign_in_of_the_hint_ends_and_no_other(
    live: Live, wiki: Application, ada: Browser, method: str, uri: str, target: str
) -> None:
    ended, other, own = wiki.sign_in(ada), wiki.sign_in(ada), ada.sign_in()
    said = {"id_token_hint": ended["id_token"], "post_logout_redirect_uri": uri, "state": "s 1&x"}
    answered = log_out(live, method, **said)
    assert (answered.status_code, answered.headers["location"]) == (303, target)
    assert not is_live(live, ended)
    assert is_live(live, other)
    assert call(live, "/me", own.access).status_code == 200
    # The browser may come twice: the hint of an ended sign-in is as good.
    assert log_out(live, method, **said).headers["location"] == target


def test_without_an_address_a_page_says_so_and_leads_to_the_devices(
    live: Live, wiki: Application, ada: Browser
) -> None:
    given = wiki.sign_in(ada)
    page = log_out(live, id_token_hint=given["id_token"], client_id=wiki.client_id)
    assert page.status_code == 200
    assert "Signed out" in page.text
    assert f"{live.portal_url}/sessions" in page.text
    assert not is_live(live, given)


def test_without_a_hint_nothing_ends_and_nobody_is_sent_anywhere(live: Live, wiki: Application, ada: Browser) -> None:
    given = wiki.sign_in(ada)
    for said in ({}, {"client_id": wiki.client_id}, {"client_id": wiki.client_id, "post_logout_redirect_uri": BYE}):
        page = log_out(live, **said)
        assert (page.status_code, "Nothing has ended" in page.text) == (200, True)
    assert is_live(live, given)


def test_a_hint_that_has_expired_is_good(client: Http, db: None) -> None:
    register(id_token_algorithm="ES256")
    pair = sign_in(make_person("ada"), client_id="wiki", scope="openid", at=now() - timedelta(days=80))
    hint = add_id_token(
        pair, client=client_called("wiki"), subject=subject_of(make_person("ada")), auth_time=None,
        now=now() - timedelta(days=80),
    ).id_token  # fmt: skip
    assert "Signed out" in client.get("/oauth/logout", {"id_token_hint": hint}).text
    assert Session.objects.get(id=pair.session_id).revoked_because == "signed out by the application"


@pytest.mark.parametrize("kind", ["nothing", "access_token", "forged", "unsigned", "changed"])
def test_what_is_no_hint_ends_nothing(live: Live, wiki: Application, ada: Browser, kind: str) -> None:
    given = wiki.sign_in(ada)
    claims = jwt.decode(given["id_token"], options={"verify_signature": False})
    header = jwt.get_unverified_header(given["id_token"])
    body, _, signature = given["id_token"].rpartition(".")
    hints = {
        "nothing": "x",
        "access_token": given["access_token"],
        "forged": jwt.encode(claims, "k" * 32, algorithm="HS256", headers=header | {"alg": "HS256"}),
        "unsigned": jwt.encode(claims, "", algorithm="none", headers={"kid": header["kid"]}),
        "changed": f"{body}.{signature[:-6]}AAAAAA",
    }
    page = log_out(live, id_token_hint=hints[kind], post_logout_redirect_uri=BYE)
    assert (page.status_code, "Nothing has ended" in page.text) == (200, True)
    assert is_live(live, given)


@pytest.mark.parametrize("uri", ["https://evil.example/", f"{BYE}/", f"{BYE}?a=2", "https://wiki.example/callback"])
def test_an_address_that_is_not_registered_gets_a_page(live: Live, wiki: Application, ada: Browser, uri: str) -> None:
    given = wiki.sign_in(ada)
    page = log_out(live, id_token_hint=given["id_token"], post_logout_redirect_uri=uri)
    assert (page.status_code, "<code>unknown_redirect_uri</code>" in page.text) == (400, True)
    assert "evil.example" not in page.text


def test_the_hint_of_another_application_is_refused(live: Live, wiki: Application, ada: Browser) -> None:
    given, shop = wiki.sign_in(ada), register_live(live)
    page = log_out(live, id_token_hint=given["id_token"], client_id=shop.client_id)
    assert page.status_code == 400
    assert log_out(live, id_token_hint=given["id_token"], post_logout_redirect_uri=BYE, client_id="").status_code == 303
    assert not is_live(live, given)


def test_a_repeated_parameter_is_refused(live: Live) -> None:
    assert HTTP.get(f"{live.backend_url}/oauth/logout?state=a&state=b").status_code == 400
