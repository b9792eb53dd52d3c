"""`/api/v1/personal-access-tokens` and what such a token is worth: shown once, limited, revoked at once."""

import binascii
import json
import re
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.db import connection
from django.test import Client as Http
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.services import people
from tests.bookings.committed import together
from tests.tokens.in_process import CLI, PORTAL, call, make_person, now, post, send_security_mails, sign_in
from tokens.errors import NotAuthenticated
from tokens.models import PersonalAccessToken
from tokens.services import personal_tokens
from tokens.services.credentials import get_credential

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TOKENS = "/personal-access-tokens"


@pytest.fixture
def ada(db: None) -> User:
    return make_person("ada")


@pytest.fixture
def session(ada: User) -> str:
    """An access token of Ada's with every scope."""
    return sign_in(ada).access_token


@pytest.fixture
def mallory(db: None) -> str:
    return sign_in(make_person("mallory")).access_token


def create(client: Http, session: str, **fields: object) -> dict[str, Any]:
    body = {"name": "nightly report", "scopes": ["account:read", "bookings:read"]} | fields
    response = call(client, TOKENS, session, "POST", body)
    assert response.status_code == 201, response.content
    return dict(response.json())


def refused(client: Http, session: str, **fields: object) -> dict[str, Any]:
    body = {"name": "nightly report", "scopes": ["account:read"]} | fields
    response = call(client, TOKENS, session, "POST", body)
    assert response.status_code == 400, response.content
    return dict(response.json())


# Form


def test_the_token_has_its_prefix_thirty_characters_and_their_checksum(client: Http, session: str) -> None:
    token = create(client, session)["token"]
    assert re.fullmatch(r"insp_[0-9A-Za-z]{36}", token)
    secret, checksum = token[5:35], token[35:]
    number = sum(BASE62.index(digit) * 62**place for place, digit in enumerate(reversed(checksum)))
    assert number == binascii.crc32(secret.encode())


def test_the_same_request_again_gives_the_same_token(client: Http, ada: User, session: str) -> None:
    body, key = {"name": "ci", "scopes": ["account:read"]}, "a-key-of-this-form"
    first, again = (call(client, TOKENS, session, "POST", body, key=key) for _ in range(2))
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    others = [
        call(client, TOKENS, session, "POST", body, key="another-key-of-mine"),
        call(client, TOKENS, session, "POST", body | {"name": "cd"}, key=key),
        call(client, TOKENS, sign_in(ada).access_token, "POST", body, key=key),
        call(client, TOKENS, sign_in(make_person("bob")).access_token, "POST", body, key=key),
    ]
    assert len({first.json()["token"], *(one.json()["token"] for one in others)}) == 5
    assert call(client, "/me", again.json()["token"]).status_code == 200


def test_a_token_that_was_revoked_is_not_made_again(client: Http, session: str) -> None:
    body, key = {"name": "ci", "scopes": ["account:read"]}, "a-key-of-this-form"
    made = call(client, TOKENS, session, "POST", body, key=key).json()
    assert call(client, f"{TOKENS}/{made['id']}", session, "DELETE").status_code == 204
    again = call(client, TOKENS, session, "POST", body, key=key)
    assert (again.status_code, again.json()["code"]) == (409, "idempotency_conflict")
    assert call(client, "/me", made["token"]).status_code == 401


@pytest.mark.parametrize("key", ["short", "ä" * 20, "x" * 256])
def test_a_malformed_key_is_refused(client: Http, session: str, key: str) -> None:
    body = {"name": "ci", "scopes": ["account:read"]}
    assert call(client, TOKENS, session, "POST", body, key=key).status_code == 400
    assert not PersonalAccessToken.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_make_one_token() -> None:
    session = sign_in(make_person("ada")).access_token
    body = {"name": "ci", "scopes": ["account:read"]}
    click = partial(call, Http(), TOKENS, session, "POST", body, key="a-key-of-this-form")
    answers = together([click] * 6)
    assert [answer.status_code for answer in answers] == [201] * 6
    assert len({answer.json()["token"] for answer in answers}) == PersonalAccessToken.objects.count() == 1


def test_the_secret_is_in_the_201_only_and_is_not_stored_by_caches(client: Http, session: str) -> None:
    response = call(client, TOKENS, session, "POST", {"name": "ci", "scopes": ["account:read"]})
    created = response.json()
    assert response["Cache-Control"] == "no-store"
    assert set(created) == {
        "id", "name", "prefix", "scopes", "expires_at", "last_used_at", "last_address", "created_at", "token",
    }  # fmt: skip
    (listed,) = call(client, TOKENS, session).json()["results"]
    assert listed == {name: value for name, value in created.items() if name != "token"}
    assert created["token"].startswith(listed["prefix"])
    assert len(listed["prefix"]) == 9
    (row,) = PersonalAccessToken.objects.values()
    assert created["token"] not in repr(row)
    assert created["token"][9:] not in json.dumps(row, default=repr)


# Expiry


@pytest.mark.parametrize("days", [7, 30, 90])
def test_a_token_may_live_for_some_days(client: Http, session: str, days: int) -> None:
    before = now()
    expires_at = datetime.fromisoformat(create(client, session, expires_in_days=days)["expires_at"])
    assert before + timedelta(days=days) <= expires_at <= now() + timedelta(days=days)


def last_day() -> date:
    return (now() + timedelta(days=366)).date()


def test_without_an_expiry_a_token_lives_to_the_end_of_the_last_day(client: Http, session: str) -> None:
    before, token = last_day(), create(client, session)
    # Midnight may pass in between.
    assert token["expires_at"].split("T")[0] in {str(before), str(last_day())}
    assert "T23:59:59" in token["expires_at"]
    assert get_credential(token=token["token"], now=now() + timedelta(days=365)).token_id is not None


def test_a_token_of_an_earlier_release_gets_its_end_and_its_owner_a_mail(
    client: Http, session: str, mailoutbox: list[EmailMessage]
) -> None:
    create(client, session)
    User.objects.update(email="ada@users.example.test", email_notifications=False)
    PersonalAccessToken.objects.update(expires_at=None)
    before = last_day()
    assert personal_tokens.end_endless_tokens(now=now(), limit=10) == 1
    assert personal_tokens.end_endless_tokens(now=now(), limit=10) == 0
    assert PersonalAccessToken.objects.get().expires_at.date() in {before, last_day()}  # type: ignore[union-attr]  # it has one now
    send_security_mails()
    made, ended = mailoutbox
    assert made.subject == "New access token: nightly report"
    assert ended.subject == "Your access token nightly report now has an end"
    assert "/tokens" in ended.body
    assert ended.extra_headers["Auto-Submitted"] == "auto-generated"


def test_a_mail_about_a_token_that_was_revoked_meanwhile_is_not_sent(
    client: Http, session: str, mailoutbox: list[EmailMessage]
) -> None:
    User.objects.update(email="ada@users.example.test")
    token = create(client, session)
    call(client, f"{TOKENS}/{token['id']}", session, "DELETE")
    send_security_mails()
    assert mailoutbox == []


def test_a_date_means_the_end_of_that_day_in_utc(client: Http, session: str) -> None:
    tomorrow = (now() + timedelta(days=1)).date()
    token = create(client, session, expires_at=tomorrow.isoformat())
    end = datetime.combine(tomorrow + timedelta(days=1), datetime.min.time(), tzinfo=UTC)
    assert abs(datetime.fromisoformat(token["expires_at"]) - end) <= timedelta(seconds=1)
    assert get_credential(token=token["token"], now=end - timedelta(seconds=2))
    with pytest.raises(NotAuthenticated):
        get_credential(token=token["token"], now=end)


@pytest.mark.parametrize("more", [{"expires_in_days": 367}, {"expires_at": "9999-12-31"}, {"expires_at": 1}])
def test_the_last_day_is_366_days_ahead_and_named_in_the_refusal(
    client: Http, session: str, more: dict[str, object]
) -> None:
    day = str(last_day())
    assert create(client, session, expires_at=day)["expires_at"].startswith(day)
    if more == {"expires_at": 1}:
        more = {"expires_at": str(last_day() + timedelta(days=1))}
    refusal = call(client, TOKENS, session, "POST", {"name": "x", "scopes": ["account:read"], **more})
    assert (refusal.status_code, list(refusal.json()["errors"])) == (400, list(more))


# What a person may not ask for


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"name": ""}, "name"),
        ({"name": "\u200b\u200b"}, "name"),
        ({"name": "n" * 101}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["account:read", "admin"]}, "scopes"),
        ({"scopes": "account:read"}, "scopes"),
        ({"expires_at": "2020-01-01"}, "expires_at"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "next week"}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at"),
        ({"expires_at": 7}, "expires_at"),
        ({"expires_in_days": 0}, "expires_in_days"),
        ({"expires_in_days": 10**12}, "expires_in_days"),
        ({"expires_in_days": 7, "expires_at": str((now() + timedelta(days=9)).date())}, "expires_in_days"),
    ],
)
def test_an_odd_wish_is_a_validation_error_of_its_field(
    client: Http, session: str, fields: dict[str, object], names: str
) -> None:
    problem = refused(client, session, **fields)
    assert problem["code"] == "validation_error"
    assert list(problem["errors"]) == [names]
    assert not PersonalAccessToken.objects.exists()


def test_a_token_cannot_have_more_scopes_than_its_creator(client: Http, ada: User) -> None:
    limited = sign_in(ada, scope="account:write bookings:read").access_token
    body = {"name": "wide", "scopes": ["bookings:read", "bookings:write"]}
    response = call(client, TOKENS, limited, "POST", body)
    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
    assert not PersonalAccessToken.objects.exists()
    assert create(client, limited, scopes=["bookings:read"])["scopes"] == ["bookings:read"]


def test_the_hundred_and_first_token_is_refused(client: Http, session: str, ada: User) -> None:
    digests = [number.to_bytes(32, "big") for number in range(100)]
    PersonalAccessToken.objects.bulk_create(
        PersonalAccessToken(user=ada, name="old", prefix="insp_old", token_hash=one, scope="") for one in digests
    )
    assert "Revoke one" in refused(client, session)["detail"]


# What a token may do


def test_a_token_calls_the_api_with_its_own_scopes(client: Http, session: str, ada: User) -> None:
    token = create(client, session, scopes=["account:read"])["token"]
    me = call(client, "/me", token)
    assert (me.json()["login"], me.json()["scopes"]) == ("ada", ["account:read"])
    assert call(client, "/me", token, "PATCH", {"display_name": "A"}).status_code == 403


def test_a_token_cannot_create_tokens(client: Http, session: str) -> None:
    token = create(client, session, scopes=["account:read", "account:write"])["token"]
    response = call(client, TOKENS, token, "POST", {"name": "child", "scopes": ["account:read"]})
    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
    assert PersonalAccessToken.objects.count() == 1


@pytest.mark.parametrize("state", ["expired", "revoked", "suspended", "deactivated"])
def test_a_token_that_is_over_is_refused_by_the_next_call(client: Http, session: str, ada: User, state: str) -> None:
    created = create(client, session, expires_in_days=7)
    assert call(client, "/me", created["token"]).status_code == 200
    if state == "expired":
        PersonalAccessToken.objects.update(expires_at=now())
    elif state == "revoked":
        assert call(client, f"{TOKENS}/{created['id']}", session, "DELETE").status_code == 204
    elif state == "suspended":
        people.suspend_person(user_id=ada.id, reason="spam", actor_id=None, now=now())
    else:
        people.deactivate_person(user_id=ada.id, now=now())
    refusal = call(client, "/me", created["token"])
    standing = {"suspended": (403, "account_suspended"), "deactivated": (403, "account_inactive")}
    expected = standing.get(state, (401, "not_authenticated"))
    assert (refusal.status_code, refusal.json()["code"]) == expected


def test_a_revoked_token_is_gone_from_the_list_and_cannot_be_revoked_again(client: Http, session: str) -> None:
    created = create(client, session)
    address = f"{TOKENS}/{created['id']}"
    assert call(client, address, session, "DELETE").status_code == 204
    assert call(client, TOKENS, session).json()["results"] == []
    assert call(client, address, session, "DELETE").status_code == 404


def test_mallory_neither_sees_nor_revokes_adas_token(client: Http, session: str, mallory: str) -> None:
    created = create(client, session)
    assert call(client, TOKENS, mallory).json()["results"] == []
    response = call(client, f"{TOKENS}/{created['id']}", mallory, "DELETE")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert call(client, "/me", created["token"]).status_code == 200


# What checking one costs


def test_checking_a_token_is_one_query_by_its_unique_index(client: Http, session: str) -> None:
    token = create(client, session)["token"]
    instant = now()
    get_credential(token=token, now=instant)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        credential = get_credential(token=token, now=instant)
        assert credential.person.login == "ada"
    (query,) = queries.captured_queries
    with connection.cursor() as cursor:
        # A table of one row would be read whole; the planner is told of a thousand.
        cursor.execute(
            "UPDATE pg_class SET relpages = 1, reltuples = 1000 WHERE oid = 'tokens_personalaccesstoken'::regclass"
        )
        cursor.execute(f"EXPLAIN {query['sql']}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert re.search(
        r"Index Scan using tokens_personalaccesstoken_token_hash\w* on tokens_personalaccesstoken", plan
    ), plan


def test_last_used_is_written_at_most_once_a_minute(client: Http, session: str) -> None:
    token = create(client, session)["token"]
    start = now()
    written = []
    for seconds in (0, 1, 59, 60.5, 61, 120, 121.5):
        with CaptureQueriesContext(connection) as queries:
            get_credential(token=token, now=start + timedelta(seconds=seconds))
        if any(query["sql"].startswith("UPDATE") for query in queries.captured_queries):
            written.append(seconds)
    assert written == [0, 60.5, 121.5]
    last_used_at = PersonalAccessToken.objects.get().last_used_at
    assert last_used_at == start + timedelta(seconds=121.5)


def test_a_mistyped_token_costs_no_query(client: Http, session: str) -> None:
    token = create(client, session)["token"]
    for place in range(5, len(token)):
        other = "a" if token[place] != "a" else "b"
        mistyped = token[:place] + other + token[place + 1 :]
        with CaptureQueriesContext(connection) as queries, pytest.raises(NotAuthenticated):
            get_credential(token=mistyped, now=now())
        assert not queries.captured_queries, mistyped


@pytest.mark.parametrize("client_id", [CLI, PORTAL])
def test_whoever_holds_a_token_can_revoke_it(client: Http, session: str, client_id: str) -> None:
    """RFC 7009, for a scanner that found one: it is nobody's to keep."""
    token = create(client, session)["token"]
    for _ in range(2):
        assert post(client, "revoke", client_id=client_id, token=token).status_code == 200
    assert call(client, "/me", token).status_code == 401
    assert call(client, "/me", session).status_code == 200
