"""Values of every length and encoding in every parameter, field and header: no crash, nothing kept above a limit."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from django.db import connection
from django.test import Client as Http

from accounts.models import SignInFlow
from config.http.openapi import whole_schema
from tests.attacks.test_types import BODIES, HEADERS
from tests.bookings.people import make_person
from tests.tokens.ci import EXCHANGE, known_repositories
from tests.tokens.in_process import CLI, post, sign_in
from tokens.policies import limits
from tokens.throttles import limiter

LONG = (10_000, 60_000)
# As they stand in an address: control characters, halves of characters, bytes that are no UTF-8.
ODD = ["%00", "%0d%0aX-Injected:+yes", "%1b[2J", "%ff%fe", "%c3%28", "%ed%a0%80", "%e2%80%ae", "%", "%zz", "%u0041"]
MOST_IN_A_ROW = 6_000
AUTHORIZE = {
    "client_id": CLI,
    "redirect_uri": "http://127.0.0.1:9876/callback",
    "response_type": "code",
    "state": "s",
    "code_challenge": "x" * 43,
    "code_challenge_method": "S256",
}


@pytest.fixture(autouse=True)
def unthrottled(settings: Any) -> Iterator[None]:
    settings.THROTTLE_SCALE = 1000.0
    limiter.cache_clear()
    with known_repositories():
        yield
    limiter.cache_clear()


@pytest.fixture
def host(db: None) -> str:
    return sign_in(make_person("grace", is_host=True)).access_token


def longest_row() -> int:
    """Characters of the longest row of any table of ours."""
    with connection.cursor() as cursor:
        tables = [name for name in connection.introspection.table_names(cursor) if not name.startswith("django_")]
        lengths = []
        for table in tables:
            cursor.execute(f"SELECT coalesce(max(length(t::text)), 0) FROM {table} t")
            lengths.append(cursor.fetchone()[0])
    return int(max(lengths))


def lengths_around(limit: int) -> list[str]:
    return ["x" * length for length in (1, limit, limit + 1, *LONG)]


def ask(client: Http, **parameters: str) -> Any:
    """The authorize request with values as they stand in an address."""
    asked = {name: quote(value) for name, value in AUTHORIZE.items()} | parameters
    return client.get("/oauth/authorize?" + "&".join(f"{name}={value}" for name, value in asked.items()))


def refusal_of(answer: Any) -> str:
    """What the page or the redirect says; empty where the browser is sent to GitHub."""
    if answer.status_code == 400:
        return str(answer.content.decode())
    return str(parse_qs(urlsplit(answer["Location"]).query).get("error_description", [""])[0])


@pytest.mark.parametrize("name", limits.AUTHORIZE)
def test_no_parameter_of_authorize_is_stored_above_its_limit(client: Http, db: None, name: str) -> None:
    client.raise_request_exception = False
    limit = limits.AUTHORIZE[name]
    path = "http://127.0.0.1:9876/"
    for text in lengths_around(limit):
        value = path + text[len(path) :] if name == "redirect_uri" else text
        refused = refusal_of(ask(client, **{name: quote(value)}))
        assert (f"{name} is too long: at most {limit} characters" in refused) == (len(value) > limit)
    for odd in ODD:
        answer = ask(client, **{name: odd})
        assert answer.status_code < 500, odd
        assert "X-Injected" not in answer.headers
    for flow in SignInFlow.objects.all():
        stored = parse_qs(urlsplit(flow.restart_path).query)
        assert all(len(stored.get(one, [""])[0]) <= most for one, most in limits.AUTHORIZE.items())
    assert longest_row() < MOST_IN_A_ROW


def test_a_redirect_uri_at_its_limit_carries_a_code_and_one_above_does_not_begin(client: Http, db: None) -> None:
    base = "http://127.0.0.1:9876/"
    fits = base + "a" * (limits.AUTHORIZE["redirect_uri"] - len(base))
    assert ask(client, redirect_uri=quote(fits)).status_code == 302
    page = ask(client, redirect_uri=quote(f"{fits}a"))
    assert page.status_code == 400
    assert "redirect_uri is too long: at most 500 characters" in page.content.decode()


def test_the_start_of_a_sign_in_stores_nothing_that_it_does_not_know(client: Http, db: None) -> None:
    addresses = [
        {**{f"unknown{number}": "x" * 500 for number in range(90)}, "login": "secret-word"},
        {"flood": "y" * 60_000},
        {"next": "/secret-word" + "y" * 60_000},
    ]
    for more in addresses:
        assert ask(client, **more).status_code == 302
    for name in ("next", "flood"):
        client.get("/admin/login/github/", {name: "/admin/" + "x" * 50_000})
    assert SignInFlow.objects.count() == 5
    for flow in SignInFlow.objects.all():
        assert "unknown" not in flow.restart_path
        assert "secret-word" not in json.dumps([flow.request, flow.upstream]) + flow.restart_path
    assert longest_row() < MOST_IN_A_ROW


GRANTS = ("authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code")
READ_BY: dict[str, dict[str, str]] = {
    "client_id": {"endpoint": "token"},
    "client_secret": {"endpoint": "token"},
    "grant_type": {"endpoint": "token"},
    "code": {"endpoint": "token", "grant_type": GRANTS[0], "redirect_uri": "x", "code_verifier": "x"},
    "redirect_uri": {"endpoint": "token", "grant_type": GRANTS[0], "code": "x"},
    "code_verifier": {"endpoint": "token", "grant_type": GRANTS[0], "code": "x", "redirect_uri": "x"},
    "refresh_token": {"endpoint": "token", "grant_type": GRANTS[1]},
    "device_code": {"endpoint": "token", "grant_type": GRANTS[2]},
    "scope": {"endpoint": "device_authorization"},
    "device_label": {"endpoint": "device_authorization"},
    "token": {"endpoint": "revoke"},
    **{
        name: {"endpoint": "token", "client_id": "insighta-ci", **EXCHANGE}
        for name in ("publisher", "subject_token_type", "requested_token_type")
    },
}

# Never stored: one that is too long is an unknown one.
COMPARED = {"code", "code_verifier", "refresh_token", "device_code", "token"}


@pytest.mark.parametrize("name", READ_BY)
def test_no_parameter_of_the_token_endpoints_is_taken_above_its_limit(client: Http, db: None, name: str) -> None:
    client.raise_request_exception = False
    limit, fields = limits.TOKEN.get(name, 512), {"client_id": CLI, "grant_type": "x", **READ_BY[name]}
    endpoint = fields.pop("endpoint")
    for text in lengths_around(limit):
        answer = post(client, endpoint, **(fields | {name: text}))
        assert answer.status_code < 500
        if len(text) > limit and name in COMPARED:
            assert (answer.json()["error"] if answer.content else "") == ("" if name == "token" else "invalid_grant")
        elif len(text) > limit:
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), len(text)
            assert answer.json()["error_description"] == f"{name} is too long: at most {limit} characters"
    for odd in ODD:
        body = "&".join(f"{key}={quote(value)}" for key, value in fields.items() if key != name) + f"&{name}={odd}"
        answer = client.post(f"/oauth/{endpoint}", body, content_type="application/x-www-form-urlencoded")
        assert answer.status_code < 500, odd
    assert longest_row() < MOST_IN_A_ROW


def test_every_parameter_of_the_endpoints_has_a_limit_that_is_tried() -> None:
    assert set(READ_BY) == set(limits.TOKEN) | COMPARED


TEXT_FIELDS = [
    (operation, field)
    for operation, body in BODIES.items()
    for field, value in body.items()
    if isinstance(value, str | list) or value is None
]


@pytest.mark.parametrize(("operation", "field"), TEXT_FIELDS, ids=str)
def test_no_field_of_the_api_is_stored_above_its_limit(
    client: Http, host: str, operation: tuple[str, str], field: str
) -> None:
    client.raise_request_exception = False
    method, path = operation
    others = {name: value for name, value in BODIES[operation].items() if value is not None}
    most = _limit_of(operation, field)
    for text in ["x", "x" * most, "x" * (most + 1), *("x" * length for length in LONG), "\x00", "\ud800", "\x1b[2J"]:
        value = [text] if isinstance(others.get(field), list) else text
        answer = client.generic(
            method,
            f"/api/v1{path}",
            json.dumps(others | {field: value}),
            "application/json",
            headers={"Authorization": f"Bearer {host}"},
        )
        assert answer.status_code < 500, text[:10]
        if len(text) > most:
            assert answer.status_code in {400, 403, 404, 413}
            assert answer.json()["code"] != "validation_error" or field in answer.json()["errors"]
    assert longest_row() < MOST_IN_A_ROW


def _limit_of(operation: tuple[str, str], field: str) -> int:
    """`maxLength` of the schema; 500 where a field has a form of its own, such as an instant."""
    schema = whole_schema()
    paths = {path.replace("/api/v1", ""): item for path, item in schema["paths"].items()}
    method, path = operation
    item = next(item for known, item in paths.items() if _matches(known, path))
    content = item[method.lower()]["requestBody"]["content"]["application/json"]["schema"]
    shape = schema["components"]["schemas"][content["$ref"].rpartition("/")[2]] if "$ref" in content else content
    return int(shape["properties"][field].get("maxLength", 500))


def _matches(known: str, path: str) -> bool:
    parts, given = known.split("/"), path.split("/")
    return len(parts) == len(given) and all(
        one == other or one.startswith("{") for one, other in zip(parts, given, strict=True)
    )


def test_every_parameter_of_an_address_of_the_api_takes_every_length(client: Http, host: str) -> None:
    client.raise_request_exception = False
    bearer, tried = {"Authorization": f"Bearer {host}"}, 0
    for path, item in whole_schema()["paths"].items():
        for method in {"get", "post", "delete"} & set(item):
            names = [one["name"] for one in item[method].get("parameters", []) if one["in"] == "path"]
            for text in ("x", "x" * 10_000, *ODD) if names else ():
                address = path
                for name in names:
                    address = address.replace(f"{{{name}}}", text)
                assert client.generic(method.upper(), address, headers=bearer).status_code < 500, (path, text[:10])
                tried += 1
    assert tried > 150


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_of_any_length_breaks_nothing_and_is_not_kept(client: Http, host: str, name: str) -> None:
    client.raise_request_exception = False
    for text in ("x", "x" * 255, "x" * 256, *("x" * length for length in LONG), "\x1b[2J", "\xff\xfe"):
        headers = {"Authorization": f"Bearer {host}"} | {name: text}
        assert client.get("/api/v1/me", headers=headers).status_code < 500
        assert client.get("/oauth/authorize", AUTHORIZE, headers={name: text}).status_code < 500
        form = {"client_id": CLI, "device_label": ""}
        assert client.post("/oauth/device_authorization", form, headers={name: text}).status_code < 500
    assert longest_row() < MOST_IN_A_ROW
