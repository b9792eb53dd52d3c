"""`/api/v1/sessions`: where a person is signed in, by names they recognise, and ending it at once."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client as Http
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.services import people
from tests.accounts.github import fresh
from tests.people import CLI, PORTAL, Browser, Pkce, Tokens, redeem, refresh
from tests.people import call as call_live
from tests.processes import Live
from tests.tokens.in_process import call, make_person, now, post, sign_in
from tokens.models import Session

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
BROWSERS = {
    FIREFOX: "Firefox on Linux",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36": (
        "Chrome on Windows"
    ),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 "
    "Safari/537.36 Edg/142.0.0.0": "Edge on Windows",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
    "Safari/605.1.15": "Safari on macOS",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
    "Mobile/15E148 Safari/604.1": "Safari on iPhone",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile "
    "Safari/537.36": "Chrome on Android",
    "curl/8.14": "A browser",
    "": "A browser",
}


@pytest.fixture
def ada(db: None) -> User:
    return make_person("ada")


@pytest.fixture
def mallory(db: None) -> User:
    return make_person("mallory")


def listed(client: Http, token: str) -> list[dict[str, Any]]:
    answer = call(client, "/sessions", token).json()
    assert (answer["next"], answer["previous"]) == (None, None)
    return list(answer["results"])


# Labels


@pytest.mark.parametrize("user_agent", BROWSERS, ids=lambda agent: BROWSERS[agent])
def test_a_browsers_sign_in_is_named_after_browser_and_system(live: Live, user_agent: str) -> None:
    browser = Browser(live, fresh("ada"))
    browser.http.headers["User-Agent"] = user_agent
    tokens = browser.sign_in(PORTAL)
    (session,) = call_live(live, "/sessions", tokens.access).json()["results"]
    assert (session["label"], session["client_id"]) == (BROWSERS[user_agent], PORTAL)


def test_a_terminals_sign_in_bears_the_name_that_the_terminal_gave(live: Live) -> None:
    browser, pkce = Browser(live, fresh("ada")), Pkce()
    code = browser.answer(CLI, pkce=pkce, device_label="Insighta CLI on build-7")["code"]
    tokens = Tokens.of(redeem(live, code, pkce))
    (session,) = call_live(live, "/sessions", tokens.access).json()["results"]
    assert (session["label"], session["client_id"]) == ("Insighta CLI on build-7", CLI)


# The list


def test_the_list_shows_live_sign_ins_newest_first_and_which_one_asks(client: Http, ada: User) -> None:
    terminal = sign_in(ada, label="Insighta CLI on build-7")
    browser = sign_in(ada, client_id=PORTAL, label="Firefox on Linux")
    for gone in ({"revoked_at": now()}, {"expires_at": now()}):
        Session.objects.filter(id=sign_in(ada).session_id).update(**gone)
    sessions = listed(client, terminal.access_token)
    assert [(one["id"], one["label"], one["current"]) for one in sessions] == [
        (str(browser.session_id), "Firefox on Linux", False),
        (str(terminal.session_id), "Insighta CLI on build-7", True),
    ]
    times = {"created_at", "last_used_at", "last_address"}
    assert set(sessions[0]) == {"id", "client_id", "client_name", "label", "current"} | times
    created, used = (datetime.fromisoformat(sessions[0][name]) for name in ("created_at", "last_used_at"))
    assert abs(created - now()) < timedelta(minutes=1)
    assert used >= created


def test_last_used_follows_the_refreshes(live: Live) -> None:
    tokens = Browser(live, fresh("ada")).sign_in()
    (before,) = call_live(live, "/sessions", tokens.access).json()["results"]
    renewed = Tokens.of(refresh(live, tokens.refresh))
    (after,) = call_live(live, "/sessions", renewed.access).json()["results"]
    assert after["created_at"] == before["created_at"]
    assert after["last_used_at"] > before["last_used_at"]


def test_mallory_sees_only_her_own(client: Http, ada: User, mallory: User) -> None:
    sign_in(ada)
    own = sign_in(mallory)
    assert [one["id"] for one in listed(client, own.access_token)] == [str(own.session_id)]


def test_a_personal_access_token_sees_the_list_and_is_none_of_it(client: Http, ada: User) -> None:
    session = sign_in(ada).access_token
    body = {"name": "ci", "scopes": ["account:read"]}
    token = call(client, "/personal-access-tokens", session, "POST", body).json()["token"]
    assert [one["current"] for one in listed(client, token)] == [False]


# Ending


def test_one_sign_in_is_ended_for_its_very_next_call(client: Http, ada: User) -> None:
    here, there = sign_in(ada), sign_in(ada)
    assert call(client, "/me", there.access_token).status_code == 200
    assert call(client, f"/sessions/{there.session_id}", here.access_token, "DELETE").status_code == 204
    refusal = call(client, "/me", there.access_token)
    assert (refusal.status_code, refusal.json()["code"]) == (401, "not_authenticated")
    assert 'error="invalid_token"' in refusal["WWW-Authenticate"]
    assert call(client, "/me", here.access_token).status_code == 200
    assert [one["id"] for one in listed(client, here.access_token)] == [str(here.session_id)]


def test_a_person_can_end_the_sign_in_that_asks(client: Http, ada: User) -> None:
    here = sign_in(ada)
    assert call(client, f"/sessions/{here.session_id}", here.access_token, "DELETE").status_code == 204
    assert call(client, "/me", here.access_token).status_code == 401


@pytest.mark.parametrize("whose", ["Ada's", "nobody's", "ended"])
def test_what_is_not_hers_to_end_is_not_found(client: Http, ada: User, mallory: User, whose: str) -> None:
    hers, adas = sign_in(mallory), sign_in(ada)
    session_id = {"Ada's": adas.session_id, "nobody's": uuid4(), "ended": sign_in(mallory).session_id}[whose]
    if whose == "ended":
        Session.objects.filter(id=session_id).update(revoked_at=now())
    refusal = call(client, f"/sessions/{session_id}", hers.access_token, "DELETE")
    assert (refusal.status_code, refusal.json()["code"]) == (404, "not_found")
    assert call(client, "/me", adas.access_token).status_code == 200


def test_all_others_are_ended_and_the_one_that_asks_goes_on(client: Http, ada: User, mallory: User) -> None:
    here, hers = sign_in(ada), sign_in(mallory)
    others = [sign_in(ada), sign_in(ada, client_id=PORTAL)]
    assert call(client, "/sessions?keep=current", here.access_token, "DELETE").status_code == 204
    assert [call(client, "/me", one.access_token).status_code for one in others] == [401, 401]
    assert call(client, "/me", here.access_token).status_code == 200
    assert call(client, "/me", hers.access_token).status_code == 200


def test_without_keep_every_sign_in_is_ended(client: Http, ada: User) -> None:
    sessions = [sign_in(ada), sign_in(ada)]
    assert call(client, "/sessions", sessions[0].access_token, "DELETE").status_code == 204
    assert [call(client, "/me", one.access_token).status_code for one in sessions] == [401, 401]


# Effect and cost


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ("suspended", 403, "account_suspended"),
        ("deactivated", 403, "account_inactive"),
        ("session ended", 401, "not_authenticated"),
        ("session expired", 401, "not_authenticated"),
    ],
)
def test_a_change_is_seen_by_the_very_next_call(client: Http, ada: User, change: str, status: int, code: str) -> None:
    pair = sign_in(ada)
    assert call(client, "/me", pair.access_token).status_code == 200
    if change == "suspended":
        people.suspend_person(user_id=ada.id, reason="spam", actor_id=None, now=now())
    elif change == "deactivated":
        people.deactivate_person(user_id=ada.id, now=now())
    elif change == "session ended":
        Session.objects.update(revoked_at=now())
    else:
        Session.objects.update(expires_at=now())
    refusal = call(client, "/me", pair.access_token)
    assert (refusal.status_code, refusal.json()["code"]) == (status, code)


def test_a_suspension_at_one_process_is_seen_by_the_next_call_at_every_other(live: Live) -> None:
    browser = Browser(live, fresh("mallory"))
    tokens = browser.sign_in()
    for _ in range(8):
        assert call_live(live, "/me", tokens.access).status_code == 200
    live.manage("suspend_user", browser.login, "--reason", "spam")
    refusals = [call_live(live, "/me", tokens.access) for _ in range(8)]
    assert {(one.status_code, one.json()["code"]) for one in refusals} == {(403, "account_suspended")}


def test_an_authenticated_call_costs_one_query(client: Http, ada: User) -> None:
    pair = sign_in(ada)
    call(client, "/me", pair.access_token)
    for _ in range(3):
        with CaptureQueriesContext(connection) as queries:
            assert call(client, "/me", pair.access_token).json()["login"] == "ada"
        (query,) = queries.captured_queries
        assert "tokens_session" in query["sql"]
        assert "accounts_user" in query["sql"]


@pytest.mark.parametrize("keep", ["curent", "", "current&keep=others"])
def test_a_misspelt_keep_ends_nothing(client: Http, ada: User, keep: str) -> None:
    here, there = sign_in(ada), sign_in(ada)
    refused = call(client, f"/sessions?keep={keep}", here.access_token, "DELETE")
    assert (refused.status_code, refused.json()["code"]) == (400, "validation_error")
    assert list(refused.json()["errors"]) == ["keep"]
    assert [call(client, "/me", one.access_token).status_code for one in (here, there)] == [200, 200]


def test_it_says_from_where_a_sign_in_and_a_token_were_used_last(ada: User) -> None:
    pair, http = sign_in(ada), Http()
    elsewhere = Http(REMOTE_ADDR="203.0.113.9")
    answer = post(elsewhere, "token", grant_type="refresh_token", refresh_token=pair.refresh_token)
    fresh_token = answer.json()["access_token"]
    assert call(http, "/sessions", fresh_token).json()["results"][0]["last_address"] == "203.0.113.9"
    made = call(http, "/personal-access-tokens", fresh_token, "POST", {"name": "job", "scopes": ["account:write"]})
    bearer = {"Authorization": f"Bearer {made.json()['token']}"}
    found = Http(REMOTE_ADDR="203.0.113.10").get("/api/v1/personal-access-tokens", headers=bearer).json()["results"]
    assert [one["last_address"] for one in found] == ["203.0.113.10"]
