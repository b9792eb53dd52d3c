"""Scopes of the API: every operation names one, every operation refuses a credential without it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client as Http
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from tests.tokens.in_process import EVERY_SCOPE, call, make_person, sign_in

ID = "01a209d7-49e7-70e4-88f6-3a2d2b204cea"

# What docs and clients rely on: the scope of each operation.
TABLE = {
    "account:read": ["GET /me", "GET /sessions", "GET /applications", "GET /trail"],
    "account:write": [
        "PATCH /me",
        "POST /me/deactivate",
        "DELETE /sessions",
        "DELETE /sessions/{id}",
        "GET /personal-access-tokens",
        "POST /personal-access-tokens",
        "DELETE /personal-access-tokens/{id}",
        "GET /trusted-publishers",
        "POST /trusted-publishers",
        "DELETE /trusted-publishers/{id}",
        "DELETE /applications/{id}",
        "GET /device-requests/{code}",
        "POST /device-requests/{code}/approve",
        "POST /device-requests/{code}/deny",
    ],
    "bookings:read": [
        "GET /hosts",
        "GET /hosts/{login}",
        "GET /slots/days",
        "GET /slots",
        "GET /bookings",
        "GET /bookings/{id}",
        "GET /bookings/{id}/refund-preview",
        "GET /subscriptions",
        "GET /credit-entries",
        "GET /calendar-feed",
    ],
    "bookings:write": [
        "POST /calendar-feed/rotate",
        "POST /slots",
        "POST /slots/{id}/cancel",
        "PUT /offerings/{id}/weekly-hours",
        "GET /availability-rules",
        "POST /availability-rules",
        "PATCH /availability-rules/{id}",
        "DELETE /availability-rules/{id}",
        "POST /bookings",
        "POST /bookings/{id}/cancel",
        "POST /bookings/{id}/reschedule",
        "POST /slots/{id}/waitlist",
        "DELETE /slots/{id}/waitlist",
        "GET /slots/{id}/bookings",
        "POST /bookings/{id}/no-show",
        "POST /hosts/me/cancel-day",
    ],
}
PUBLIC = {"GET /schema", "GET /docs"}
METHODS = ("get", "post", "put", "patch", "delete")


def routes(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        else:
            yield path, pattern


def operations() -> dict[str, str | None]:
    """Every operation of the API with the scope it names, from the URL configuration itself."""
    found: dict[str, str | None] = {}
    for path, pattern in routes(get_resolver().url_patterns):
        view = getattr(pattern.callback, "view_class", None)
        if path.startswith("api/v1/") and view is not None:
            path = path.removeprefix("api/v1").replace("<str:user_code>", "{code}").replace("<str:login>", "{login}")
            path = re.sub(r"<(uuid:\w+|slug:client_id)>", "{id}", path)
            scopes = getattr(view, "required_scopes", {})
            found |= {
                f"{method.upper()} {path}": scopes.get(method.upper()) for method in METHODS if hasattr(view, method)
            }
    return found


SCOPE_OF = {operation: scope for operation, scope in operations().items() if scope}


@pytest.fixture
def ada(db: None) -> User:
    return make_person("ada")


def address(operation: str) -> tuple[str, str]:
    """Method and path with an id that nothing has."""
    method, _, path = operation.partition(" ")
    return method, path.replace("{id}", ID).replace("{code}", "BCDF-GHJK")


def test_each_operation_has_the_scope_that_is_documented() -> None:
    documented = {operation: scope for scope, listed in TABLE.items() for operation in listed}
    assert documented.items() <= SCOPE_OF.items()


def test_every_operation_names_a_scope() -> None:
    assert set(SCOPE_OF.values()) == set(EVERY_SCOPE.split())
    assert operations().keys() - SCOPE_OF.keys() <= PUBLIC


@pytest.mark.parametrize("operation", SCOPE_OF)
def test_a_credential_without_the_scope_is_refused(client: Http, ada: User, operation: str) -> None:
    others = " ".join(scope for scope in EVERY_SCOPE.split() if scope != SCOPE_OF[operation])
    method, path = address(operation)
    refusal = call(client, path, sign_in(ada, scope=others).access_token, method, {})
    assert (refusal.status_code, refusal.json()["code"]) == (403, "permission_denied")
    assert "scope" in refusal.json()["detail"]
    assert 'error="insufficient_scope"' in refusal["WWW-Authenticate"]


@pytest.mark.parametrize("operation", SCOPE_OF)
def test_its_scope_alone_is_enough(client: Http, ada: User, operation: str) -> None:
    method, path = address(operation)
    answer = call(client, path, sign_in(ada, scope=SCOPE_OF[operation]).access_token, method, {})
    problem = answer.json() if answer.content else {}
    assert "scope" not in str(problem.get("detail", "")), problem
    assert answer.status_code not in {401, 405}


@pytest.mark.parametrize("operation", SCOPE_OF)
def test_nobody_is_answered_without_a_credential(client: Http, db: None, operation: str) -> None:
    method, path = address(operation)
    refusal = client.generic(method, f"/api/v1{path}")
    assert (refusal.status_code, refusal.json()["code"]) == (401, "not_authenticated")
    # RFC 6750 §3.1: where no credential was sent there is no error to name.
    assert refusal["WWW-Authenticate"] == 'Bearer realm="insighta"'


READS = [operation for operation in SCOPE_OF if operation.startswith("GET ") and "account" not in SCOPE_OF[operation]]


@pytest.mark.parametrize("operation", READS)
def test_the_account_is_shown_to_no_credential_without_its_scope(client: Http, ada: User, operation: str) -> None:
    User.objects.filter(id=ada.id).update(email="ada@example.org", is_host=True)
    _, path = address(operation)
    answer = call(client, path, sign_in(ada, scope="bookings:read bookings:write").access_token)
    assert b"ada@example.org" not in answer.content
