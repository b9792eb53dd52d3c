"""The account's pages of the portal: each in one call what the resources that it shows give, and no more."""

import json

import pytest
from django.test import Client as Http

from accounts.models import Event, User
from tests.tokens.in_process import PORTAL, call, client_called, make_person, now, sign_in
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
    for page in ("settings", "device", "sessions", "tokens", "device/BCDF-GHJK"):
        assert call(client, f"/pages/{page}", token).json()["person"] == me, page


def test_a_credential_that_may_not_read_the_account_sees_no_address(client: Http, ada: User) -> None:
    token = sign_in(ada, scope="account:write").access_token
    person = call(client, "/pages/tokens", token).json()["person"]
    assert set(person) == {"id", "login", "display_name", "avatar_url", "time_zone", "is_host"}


def test_sign_ins_are_listed_and_counted(client: Http, ada: User, token: str) -> None:
    sign_in(ada)
    listed = call(client, "/sessions", token).json()["results"]
    assert call(client, "/pages/sessions", token).json()["sessions"] == listed
    assert call(client, "/pages/settings", token).json()["session_count"] == len(listed) == 2


def test_tokens_are_listed_without_their_secrets(client: Http, token: str) -> None:
    made = call(client, "/personal-access-tokens", token, "POST", {"name": "job", "scopes": ["account:read"]}).json()
    page = call(client, "/pages/tokens", token)
    assert page.json()["tokens"] == call(client, "/personal-access-tokens", token).json()["results"]
    assert made["token"] not in page.text


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
