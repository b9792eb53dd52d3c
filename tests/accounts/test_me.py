"""`/api/v1/me`: what people see of themselves and may change."""

import pytest

from tests.accounts.github import fresh
from tests.people import HTTP, Browser, Pkce, Tokens, call, redeem
from tests.processes import Live

FIELDS = (
    "id login display_name email email_notifications hosting_notifications email_for_hosts avatar_url time_zone "
    "standing is_host is_staff scopes"
)
ALL_SCOPES = ["account:read", "account:write", "bookings:read", "bookings:write"]


@pytest.fixture
def ada(live: Live) -> Tokens:
    return Browser(live, fresh("ada")).sign_in()


def limited(live: Live, scope: str) -> Tokens:
    """Tokens of a session that asked for these scopes only."""
    pkce = Pkce()
    code = Browser(live, fresh("ada")).answer(pkce=pkce, scope=scope)["code"]
    return Tokens.of(redeem(live, code, pkce))


def test_a_person_sees_themselves(live: Live) -> None:
    login = fresh("ada")
    me = call(live, "/me", Browser(live, login).sign_in().access).json()
    assert list(me) == FIELDS.split()
    assert (me["login"], me["display_name"], me["email"]) == (login, login.capitalize(), f"{login}@users.example.test")
    assert (me["standing"], me["is_host"], me["is_staff"]) == ("approved", False, False)
    assert (me["email_notifications"], me["time_zone"], me["scopes"]) == (True, "UTC", ALL_SCOPES)
    assert me["avatar_url"].startswith(live.github_url)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer garbage"},
        {"Authorization": "Bearer a.b.c"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer insr_" + "A" * 91},
    ],
)
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_without_a_good_token_nobody_is_anybody(live: Live, method: str, headers: dict[str, str]) -> None:
    answer = HTTP.request(method, f"{live.backend_url}/api/v1/me", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["code"] == "not_authenticated"
    assert answer.json().keys() == {"type", "title", "status", "detail", "code"}


@pytest.mark.parametrize(
    ("change", "result"),
    [
        ({"display_name": "Ada L."}, {"display_name": "Ada L."}),
        ({"display_name": ""}, {"display_name": ""}),
        ({"display_name": "  Ada\n\tLovelace\u202e "}, {"display_name": "AdaLovelace"}),
        ({"time_zone": "Africa/Lagos"}, {"time_zone": "Africa/Lagos"}),
        ({"email_notifications": False}, {"email_notifications": False}),
        ({"hosting_notifications": "each"}, {"hosting_notifications": "each"}),
        ({"email_for_hosts": True}, {"email_for_hosts": True}),
        ({}, {}),
    ],
)
def test_a_person_changes_what_is_theirs(
    live: Live, ada: Tokens, change: dict[str, object], result: dict[str, object]
) -> None:
    before = call(live, "/me", ada.access).json()
    answer = call(live, "/me", ada.access, "PATCH", json=change)
    assert (answer.status_code, answer.json()) == (200, before | result)
    assert call(live, "/me", ada.access).json() == before | result


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"time_zone": "africa/lagos"}, "time_zone"),
        ({"time_zone": ""}, "time_zone"),
        ({"time_zone": None}, "time_zone"),
        ({"display_name": "x" * 101}, "display_name"),
        ({"display_name": None}, "display_name"),
        ({"display_name": "a\x00b"}, "display_name"),
        ({"display_name": ["a"]}, "display_name"),
        ({"email_notifications": "perhaps"}, "email_notifications"),
        ({"email_notifications": None}, "email_notifications"),
        ([], "non_field_errors"),
        ("me", "non_field_errors"),
    ],
)
def test_a_change_that_makes_no_sense_is_named_and_nothing_changes(
    live: Live, ada: Tokens, change: object, field: str
) -> None:
    before = call(live, "/me", ada.access).json()
    answer = call(live, "/me", ada.access, "PATCH", json=change)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "validation_error"
    assert list(answer.json()["errors"]) == [field]
    assert call(live, "/me", ada.access).json() == before


@pytest.mark.parametrize(
    "change",
    [
        {"id": "01a209c8-e9c8-7fb7-8694-72a18494512a"},
        {"login": "grace"},
        {"email": "grace@users.example.test"},
        {"standing": "suspended"},
        {"is_host": True},
        {"is_staff": True},
        {"is_superuser": True},
        {"scopes": []},
        {"github_id": 1},
        {"is_active": False},
    ],
)
def test_nobody_promotes_or_renames_themselves(live: Live, ada: Tokens, change: dict[str, object]) -> None:
    before = call(live, "/me", ada.access).json()
    assert call(live, "/me", ada.access, "PATCH", json=change).json() == before
    assert call(live, "/me", ada.access).json() == before


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "validation_error"),
        (b"\xff\xfe", "application/json", 400, "validation_error"),
        (b"display_name=x", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b'{"display_name": "x"}', "text/plain", 415, "unsupported_media_type"),
        (b'{"display_name": "' + b"x" * 70_000 + b'"}', "application/json", 413, "request_too_large"),
    ],
)
def test_a_body_that_cannot_be_read_is_a_problem_too(
    live: Live, ada: Tokens, body: bytes, content_type: str, status: int, code: str
) -> None:
    headers = {"Authorization": f"Bearer {ada.access}", "Content-Type": content_type}
    answer = HTTP.patch(f"{live.backend_url}/api/v1/me", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_reading_scope_does_not_write(live: Live) -> None:
    reader = limited(live, "account:read")
    assert call(live, "/me", reader.access).json()["scopes"] == ["account:read"]
    for method, path in [("PATCH", "/me"), ("POST", "/me/deactivate")]:
        answer = call(live, path, reader.access, method, json={"display_name": "x"})
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert call(live, "/me", reader.access).status_code == 200


def test_a_token_without_account_scopes_does_not_read(live: Live) -> None:
    answer = call(live, "/me", limited(live, "bookings:read").access)
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


def test_other_methods_are_refused_in_the_same_form(live: Live, ada: Tokens) -> None:
    answer = call(live, "/me", ada.access, "DELETE")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_an_unknown_address_of_the_api_is_a_problem(live: Live, ada: Tokens) -> None:
    answer = call(live, "/nothing-here", ada.access)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"


def test_mallory_sees_and_changes_nothing_of_ada(live: Live, ada: Tokens) -> None:
    before = call(live, "/me", ada.access).json()
    mallory = Browser(live, fresh("mallory")).sign_in()
    assert before["id"] != call(live, "/me", mallory.access).json()["id"]
    call(live, "/me", mallory.access, "PATCH", json={"display_name": "Mallory", "id": before["id"]})
    assert call(live, "/me", ada.access).json() == before
