"""The account's pages of the portal: each in one call what the resources that it shows give, and no more."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client as Http
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Event, User
from tests.tokens.in_process import PORTAL, call, client_called, make_person, now, sign_in
from tokens.models import Application, Consent, PersonalAccessToken, Session, TrustedPublisher
from tokens.policies.scopes import ALL_SCOPES
from tokens.services import devices
from tokens.services.ending_access import end_own_session


@pytest.fixture
def ada(db: None) -> User:
    return make_person("ada")


@pytest.fixture
def token(ada: User) -> str:
    return sign_in(ada, client_id=PORTAL).access_token


def test_the_person_is_the_one_of_me(client: Http, token: str) -> None:
    me = call(client, "/me", token).json()
    del me["scopes"]
    for page in ("settings", "device", "access", "device/BCDF-GHJK"):
        assert call(client, f"/pages/{page}", token).json()["person"] == me, page


def test_a_credential_that_may_not_read_the_account_sees_no_address(client: Http, ada: User) -> None:
    token = sign_in(ada, scope="account:write").access_token
    person = call(client, "/pages/device/BCDF-GHJK", token).json()["person"]
    assert set(person) == {"id", "login", "display_name", "avatar_url", "time_zone", "is_host"}


LISTS = {
    "sessions": "/sessions",
    "tokens": "/personal-access-tokens",
    "publishers": "/trusted-publishers",
    "applications": "/applications",
}


def test_everything_that_can_act_is_what_the_four_lists_say_without_a_secret(
    client: Http, ada: User, token: str
) -> None:
    give(ada, 1)
    made = call(client, "/personal-access-tokens", token, "POST", {"name": "job", "scopes": ["account:read"]}).json()
    answer = call(client, "/pages/access", token)
    page = answer.json()
    assert {frozenset(one.pop("scopes")) for one in page["sessions"]} == {frozenset(ALL_SCOPES), frozenset({"openid"})}
    assert {kind: page[kind] for kind in LISTS} == {
        kind: call(client, path, token).json()["results"] for kind, path in LISTS.items()
    }
    assert [len(page[kind]) for kind in LISTS] == [3, 2, 1, 1]
    assert made["token"] not in answer.text


def test_it_says_from_where_each_was_used_last(client: Http, ada: User, token: str) -> None:
    give(ada, 2)
    Session.objects.exclude(client_id=PORTAL).update(last_address="203.0.113.9")
    page = call(client, "/pages/access", token).json()
    assert {one["last_address"] for kind in ("publishers", "applications") for one in page[kind]} == {"203.0.113.9"}
    Session.objects.exclude(client_id=PORTAL).delete()
    page = call(client, "/pages/access", token).json()
    assert {one["last_address"] for kind in ("publishers", "applications") for one in page[kind]} == {None}


def test_the_page_of_access_is_five_statements_however_much_can_act(client: Http, ada: User, token: str) -> None:
    for number in (0, 1, 20):
        give(ada, number)
        with CaptureQueriesContext(connection) as queries:
            assert call(client, "/pages/access", token).status_code == 200
        assert len(queries) == 5, number


def test_without_the_right_to_change_the_account_no_token_is_listed(client: Http, ada: User) -> None:
    give(ada, 1)
    page = call(client, "/pages/access", sign_in(ada, scope="account:read", client_id=PORTAL).access_token).json()
    assert (page["tokens"], page["publishers"]) == (None, None)
    assert (len(page["applications"]), len(page["sessions"])) == (1, 3)


def test_neither_a_personal_token_nor_an_application_sees_what_can_act(client: Http, ada: User, token: str) -> None:
    body = {"name": "script", "scopes": ["account:read", "account:write"]}
    personal = call(client, "/personal-access-tokens", token, "POST", body).json()["token"]
    assert call(client, "/pages/access", personal).status_code == 403


def give(person: User, number: int) -> None:
    """So many tokens, trusted publishers with a job each, and applications with a sign-in each."""
    now = timezone.now()
    already = Consent.objects.filter(user=person).count()
    for place in range(already, already + number):
        name = f"app-{place}"
        Application.objects.create(client_id=name, name=name.title(), is_public=True, redirect_uris=[], scope="openid")
        Consent.objects.create(user=person, client_id=name, scope="openid", last_used_at=now)
        trusted = TrustedPublisher.objects.create(
            user=person, issuer="https://ci.example", repository="ada/site", repository_owner_id=1,
            workflow=f"{place}.yml", scope="bookings:read",
        )  # fmt: skip
        PersonalAccessToken.objects.create(
            user=person, name=name, scope="account:read", expires_at=now + timedelta(days=9),
            prefix="insp_", token_hash=name.encode(),
        )  # fmt: skip
        for client_id, publisher_id in ((name, None), ("insighta-ci", trusted.id)):
            Session.objects.create(
                user=person, client_id=client_id, scope="openid", publisher_id=publisher_id, current_hash=b"x",
                expires_at=now + timedelta(days=1), ends_at=now + timedelta(days=1),
            )  # fmt: skip


def test_one_sign_in_and_one_token_are_shown_with_where_they_came_from_ended_or_not(
    client: Http, ada: User, token: str
) -> None:
    Event.objects.filter(kind="session.opened").update(address="203.0.113.9")
    (session,) = call(client, "/sessions", token).json()["results"]
    page = call(client, f"/pages/sessions/{session['id']}", token).json()
    del page["person"]
    assert page == {"session": session, "address": "203.0.113.9", "ended_at": None}
    made = call(client, "/personal-access-tokens", token, "POST", {"name": "job", "scopes": ["account:read"]}).json()
    page = call(client, f"/pages/tokens/{made['id']}", token).json()
    assert (page["made_by"]["session"]["id"], page["ended_at"]) == (session["id"], None)
    assert made["token"] not in json.dumps(page)
    assert call(client, f"/personal-access-tokens/{made['id']}", token, "DELETE").status_code == 204
    assert call(client, f"/pages/tokens/{made['id']}", token).json()["ended_at"] is not None
    gone = sign_in(ada)
    end_own_session(user_id=ada.id, session_id=gone.session_id, now=now())
    assert call(client, f"/pages/sessions/{gone.session_id}", token).json()["ended_at"] is not None


def test_a_device_is_shown_to_whom_it_asks_and_an_unknown_code_is_null(client: Http, token: str) -> None:
    asked = devices.authorize_device(
        client=client_called("insighta-cli"), scope="account:read", label="laptop", address=None, now=now()
    )
    page = call(client, f"/pages/device/{asked.user_code}", token).json()
    assert page["device_request"] == call(client, f"/device-requests/{asked.user_code}", token).json()
    assert page["device_request"]["status"] == "pending"
    assert call(client, "/pages/device/ZZZZ-ZZZZ", token).json()["device_request"] is None
