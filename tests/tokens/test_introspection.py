"""`POST /oauth/introspect` (RFC 7662): what every kind of token is worth, in every state it can be in."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Http

from accounts.models import User
from accounts.services import people
from tests.tokens.in_process import (
    CLI,
    EVERY_SCOPE,
    PORTAL,
    call,
    client_called,
    make_person,
    now,
    post,
    present,
    sign_in,
)
from tokens.models import PersonalAccessToken, Session
from tokens.services.sessions import TokenPair

INACTIVE = {"active": False}


@pytest.fixture
def ada(db: None) -> User:
    return make_person("ada")


@pytest.fixture
def pair(ada: User) -> TokenPair:
    return sign_in(ada)


@pytest.fixture
def personal(client: Http, pair: TokenPair) -> str:
    body = {"name": "ci", "scopes": ["account:read"], "expires_in_days": 7}
    response = call(client, "/personal-access-tokens", pair.access_token, "POST", body)
    return str(response.json()["token"])


@pytest.fixture
def tokens(pair: TokenPair, personal: str) -> dict[str, str]:
    """One token of each kind, all of Ada's."""
    return {"access": pair.access_token, "refresh": pair.refresh_token, "personal": personal}


def introspect(client: Http, token: str, **fields: str) -> dict[str, Any]:
    response = post(client, "introspect", client_id=PORTAL, token=token, **fields)
    assert response.status_code == 200, response.content
    assert response["Cache-Control"] == "no-store"
    return dict(response.json())


# Live


def test_an_access_token_is_described_by_its_claims(client: Http, pair: TokenPair, ada: User) -> None:
    described = introspect(client, pair.access_token)
    issuer = "http://127.0.0.1:8000"
    assert described["active"] is True
    assert (described["iss"], described["aud"]) == (issuer, issuer)
    assert (described["sub"], described["username"]) == (str(ada.id), "ada")
    assert (described["client_id"], described["token_type"]) == (CLI, "Bearer")
    assert set(described["scope"].split()) == set(EVERY_SCOPE.split())
    assert described["exp"] - described["iat"] == 180
    assert described["jti"]


def test_the_moment_of_github_s_answer_is_told(client: Http, ada: User, personal: str) -> None:
    """RFC 9470 §6.2, for both tokens of a sign-in."""
    then = now() - timedelta(minutes=40)
    pair = sign_in(ada)
    Session.objects.filter(id=pair.session_id).update(auth_time=then)
    told = [introspect(client, token).get("auth_time") for token in (pair.access_token, pair.refresh_token, personal)]
    assert told == [int(then.timestamp()), int(then.timestamp()), None]


def test_a_refresh_token_is_described_by_its_session(client: Http, pair: TokenPair, ada: User) -> None:
    described = introspect(client, pair.refresh_token)
    assert (described["active"], described["client_id"], described["sub"]) == (True, CLI, str(ada.id))
    month = (now() + timedelta(days=30)).timestamp()
    assert abs(described["exp"] - month) < 10


def test_a_personal_access_token_is_described_with_its_end(client: Http, personal: str, ada: User) -> None:
    described = introspect(client, personal)
    assert (described["active"], described["scope"], described["sub"]) == (True, "account:read", str(ada.id))
    assert abs(described["exp"] - (now() + timedelta(days=7)).timestamp()) < 10


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "made_up"])
def test_a_hint_changes_nothing(client: Http, pair: TokenPair, hint: str) -> None:
    assert introspect(client, pair.refresh_token, token_type_hint=hint)["active"] is True


# Over


def expire(tokens: dict[str, str], person: User) -> None:
    past = now() - timedelta(seconds=1)
    Session.objects.update(expires_at=past)
    PersonalAccessToken.objects.update(expires_at=past)


def revoke(tokens: dict[str, str], person: User) -> None:
    Session.objects.update(revoked_at=now())
    PersonalAccessToken.objects.update(revoked_at=now())


def suspend(tokens: dict[str, str], person: User) -> None:
    people.suspend_person(user_id=person.id, reason="spam", actor_id=None, now=now())


def wait_for_approval(tokens: dict[str, str], person: User) -> None:
    User.objects.filter(id=person.id).update(standing="pending")


def deactivate(tokens: dict[str, str], person: User) -> None:
    people.deactivate_person(user_id=person.id, now=now())


def spoil(tokens: dict[str, str], person: User) -> None:
    for kind, token in tokens.items():
        middle = len(token) // 2
        tokens[kind] = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]


@pytest.mark.parametrize("over", [expire, revoke, suspend, wait_for_approval, deactivate, spoil])
@pytest.mark.parametrize("kind", ["access", "refresh", "personal"])
def test_a_token_that_is_over_is_inactive_and_nothing_else_is_said(
    client: Http, tokens: dict[str, str], ada: User, kind: str, over: Callable[[dict[str, str], User], None]
) -> None:
    assert introspect(client, tokens[kind])["active"] is True
    over(tokens, ada)
    assert introspect(client, tokens[kind]) == INACTIVE


def test_a_refresh_token_that_was_rotated_away_is_inactive_and_introspecting_it_is_no_replay(
    client: Http, pair: TokenPair
) -> None:
    successor = present(pair.refresh_token, client=client_called(CLI), at=now())
    assert introspect(client, pair.refresh_token) == INACTIVE
    assert introspect(client, successor.refresh_token)["active"] is True


def test_an_access_token_past_its_three_minutes_is_inactive(client: Http, ada: User) -> None:
    old = sign_in(ada, at=now() - timedelta(seconds=181))
    assert introspect(client, old.access_token) == INACTIVE
    assert introspect(client, old.refresh_token)["active"] is True


@pytest.mark.parametrize("token", ["x", "insr_", "insp_", "a.b.c", "insc_" + "x" * 43, "\u0000", "é", "x" * 20_000])
def test_garbage_is_inactive(client: Http, db: None, token: str) -> None:
    assert introspect(client, token) == INACTIVE


# Who may ask


def test_a_public_client_may_not_ask(client: Http, pair: TokenPair) -> None:
    response = post(client, "introspect", token=pair.access_token)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "fields", [{"client_secret": "wrong"}, {"client_secret": ""}, {"client_id": "insighta-mallory"}]
)
def test_who_cannot_prove_to_be_the_portal_may_not_ask(client: Http, pair: TokenPair, fields: dict[str, str]) -> None:
    response = post(client, "introspect", **({"client_id": PORTAL, "token": pair.access_token} | fields))
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


def test_a_request_without_a_token_is_refused(client: Http, db: None) -> None:
    response = post(client, "introspect", client_id=PORTAL)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
