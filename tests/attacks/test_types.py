"""Values of another type than the one that is meant, in every field, parameter and header: refused, never a crash."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client as Http

from accounts.policies import clean_text
from bookings.views.answers import KEY_FORM
from config.http.openapi import whole_schema
from config.http.request_middleware import _REQUEST_ID
from config.observability.logs import mask_secrets
from portal.cookies import is_access_token, is_refresh_token
from tests.bookings.people import make_person
from tests.tokens.ci import known_repositories
from tests.tokens.in_process import CLI, post, sign_in
from tokens.policies.clients import Client
from tokens.policies.device_codes import normalize_user_code
from tokens.policies.labels import browser_label
from tokens.policies.personal_tokens import is_well_formed
from tokens.throttles import limiter

# As JSON text: what json.dumps would never write is sent, too.
ODD = [
    "null", "true", "0", "-1", "1e999", "-0.0", "NaN", "9" * 400, '""', '" "', '"\\u0000"', '"\\ud800"', '"\\u202e"',
    "[]", "[[]]", "[null]", "{}", '{"$gt": ""}', '{"a": {"b": []}}', '"%s"' % ("x" * 10_000), '"\' OR 1=1 --"',
    '"2026-13-45T99:99:99Z"', '"0001-01-01T00:00:00+14:00"', '"9999-12-31T23:59:59-14:00"', '"../../etc/passwd"',
]  # fmt: skip
TEXTS = ["\0", "\ud800", "%00", "\u202e", "9" * 5000, "' OR 1=1 --", "[]", "{}", "\r\nX-Injected: yes", "a" * 9000]
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PATCH", "/me"): {"display_name": "x", "time_zone": "UTC", "email_notifications": True},
    ("POST", "/personal-access-tokens"): {
        "name": "x", "scopes": ["account:read"], "expires_at": None, "expires_in_days": None,
    },
    ("POST", "/trusted-publishers"): {
        "repository": "ada/site", "workflow": "ci.yml", "environment": "x", "ref": "refs/heads/main", "issuer": "",
        "scopes": ["bookings:read"],
    },
    ("POST", "/bookings"): {"slot_id": "01a209d7-49e7-70e4-88f6-3a2d2b204cea"},
    ("POST", "/bookings/01a209d7-49e7-70e4-88f6-3a2d2b204cea/cancel"): {"expected_credits_refunded": 1},
    ("POST", "/bookings/01a209d7-49e7-70e4-88f6-3a2d2b204cea/reschedule"): {
        "slot_id": "01a209d7-49e7-70e4-88f6-3a2d2b204cea"
    },
    ("POST", "/slots"): {
        "title": "x", "starts_at": "2098-01-01T10:00Z", "ends_at": "2098-01-01T11:00Z", "capacity": 1,
    },
    ("POST", "/offerings"): {
        "title": "x", "description": "x", "place": "x", "link": "https://x.example", "minutes": 60, "capacity": 1,
        "price_credits": 1, "refund_window_hours": 12, "public": True,
    },
    ("PATCH", "/offerings/01a209d7-49e7-70e4-88f6-3a2d2b204cea"): {
        "title": "x", "minutes": 60, "public": True, "message": "x", "preview": True, "seen": "x",
    },
    ("PATCH", "/availability-rules/01a209d7-49e7-70e4-88f6-3a2d2b204cea"): {
        "title": "x", "capacity": 1, "cancel_booked": True, "message": "x", "preview": True, "seen": "x",
    },
    ("POST", "/slots/01a209d7-49e7-70e4-88f6-3a2d2b204cea/waitlist"): {"expected_credits_charged": 1},
    ("POST", "/availability-rules"): {
        "kind": "weekly", "weekday": 1, "start_time": "10:00", "end_time": "11:00", "title": "x", "capacity": 1,
        "slot_minutes": 60, "buffer_minutes": 0, "minimum_notice_minutes": 0, "horizon_days": 30, "date": None,
    },
    ("PUT", "/offerings/01a209d7-49e7-70e4-88f6-3a2d2b204cea/weekly-hours"): {
        "hours": [], "buffer_minutes": 0, "preview": True, "seen": "x",
    },
    ("POST", "/hosts/me/cancel-day"): {"date": "2098-01-01", "message": "x"},
    ("POST", "/slots/01a209d7-49e7-70e4-88f6-3a2d2b204cea/bookings"): {"login": "x", "charge": True},
    ("POST", "/bookings/01a209d7-49e7-70e4-88f6-3a2d2b204cea/remove"): {"message": "x"},
    ("PATCH", "/slots/01a209d7-49e7-70e4-88f6-3a2d2b204cea"): {
        "title": "x", "description": "x", "place": "x", "link": "https://meet.example/", "capacity": 1,
        "starts_at": "2098-01-01T10:00Z", "ends_at": "2098-01-01T11:00Z", "message": "x", "preview": True,
    },
}  # fmt: skip


@pytest.fixture
def host(db: None) -> str:
    return sign_in(make_person("grace", is_host=True)).access_token


@pytest.fixture(autouse=True)
def unthrottled(settings: Any) -> Iterator[None]:
    settings.THROTTLE_SCALE = 1000.0
    limiter.cache_clear()
    with known_repositories():
        yield
    limiter.cache_clear()


def send(client: Http, method: str, path: str, token: str, text: str) -> Any:
    bearer = {"Authorization": f"Bearer {token}"}
    return client.generic(
        method, f"/api/v1{path}", text.encode(errors="surrogatepass"), "application/json", headers=bearer
    )


@pytest.mark.parametrize("operation", BODIES, ids=" ".join)
def test_a_value_of_another_type_is_refused_by_name(client: Http, host: str, operation: tuple[str, str]) -> None:
    client.raise_request_exception = False
    method, path = operation
    for field in BODIES[operation]:
        for odd in ODD:
            others = {name: value for name, value in BODIES[operation].items() if name != field and value is not None}
            text = json.dumps(others)[:-1] + (", " if others else "") + f'"{field}": {odd}}}'
            answer = send(client, method, path, host, text)
            assert answer.status_code < 500, (field, odd[:50])
            assert answer.status_code < 300 or answer.json()["code"], (field, odd[:50])


@pytest.mark.parametrize(
    "body", ["[" * 30_000, '{"a":' * 10_000, "[" * 500 + "]" * 500, '{"a":1,"a":2}', "", "\ufeff{}", "{}{}"]
)
@pytest.mark.parametrize("operation", [("PATCH", "/me"), ("POST", "/bookings")], ids=" ".join)
def test_a_body_nested_without_end_is_refused(client: Http, host: str, operation: tuple[str, str], body: str) -> None:
    client.raise_request_exception = False
    assert send(client, *operation, host, body).status_code in {200, 400}


def test_the_last_of_two_fields_of_one_name_counts_everywhere_alike(client: Http, host: str) -> None:
    """No other reader of the body stands before this one, so there is nobody to disagree with."""
    answer = send(client, "PATCH", "/me", host, '{"display_name": "first", "display_name": "second"}')
    assert answer.json()["display_name"] == "second"


def test_every_parameter_of_the_schema_takes_odd_text(client: Http, host: str) -> None:
    client.raise_request_exception = False
    asked = 0
    for path, item in whole_schema()["paths"].items():
        for one in item.get("get", {}).get("parameters", []):
            for text in TEXTS if one["in"] == "query" else ():
                address = path.replace("/api/v1", "").replace("{", "").replace("}", "")
                bearer = {"Authorization": f"Bearer {host}"}
                given = {one["name"]: text.encode(errors="surrogatepass")}
                answer = client.get(f"/api/v1{address}", given, headers=bearer)
                assert answer.status_code < 500, (path, one["name"], text[:20])
                asked += 1
    assert asked > 80


@pytest.mark.parametrize("text", [*TEXTS, "a" * 60_000], ids=lambda text: ascii(text[:12]))
def test_every_parameter_of_the_token_endpoints_takes_odd_text(client: Http, db: None, text: str) -> None:
    client.raise_request_exception = False
    names = "client_id grant_type code redirect_uri code_verifier refresh_token device_code scope client_secret token"
    grants = ("authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code")
    clean = text.encode(errors="surrogatepass").decode("latin-1")
    for endpoint in ("token", "revoke", "introspect", "device_authorization"):
        for name in names.split():
            for grant in grants if endpoint == "token" else ("",):
                fields = {"client_id": CLI, "grant_type": grant} | {name: clean}
                assert post(client, endpoint, **fields).status_code < 500, (endpoint, name)


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text[:12]))
def test_every_parameter_of_the_pages_for_browsers_takes_odd_text(client: Http, db: None, text: str) -> None:
    client.raise_request_exception = False
    asked = {"client_id": CLI, "redirect_uri": "http://127.0.0.1:9876/callback", "response_type": "code", "state": "s"}
    asked |= {
        "code_challenge": "x" * 43,
        "code_challenge_method": "S256",
        "scope": "",
        "prompt": "",
        "device_label": "",
    }
    for name in (*asked, "flow"):
        answer = client.get("/oauth/authorize", asked | {name: text.encode(errors="surrogatepass")})
        assert answer.status_code < 500, name
        assert "X-Injected" not in answer.headers
    for path in ("/auth/complete/github/", "/admin/login/", "/admin/login/github/", "/admin/login/github/return/"):
        for name in ("state", "code", "error", "flow", "next"):
            assert client.get(path, {name: text.encode(errors="surrogatepass")}).status_code < 500, (path, name)


HEADERS = ["Authorization", "Idempotency-Key", "X-Request-ID", "X-Forwarded-For", "Cookie", "Accept", "Content-Type",
           "If-None-Match", "Range", "User-Agent", "Accept-Language", "Host"]  # fmt: skip


@pytest.mark.parametrize("name", HEADERS)
def test_every_header_takes_odd_text(client: Http, host: str, name: str) -> None:
    client.raise_request_exception = False
    # A NUL never comes this far: the server refuses it in a header.
    for text in (
        *TEXTS[1:],
        "Bearer",
        "Bearer ",
        "Basic =",
        "bytes=0-,0-",
        "*/*;q=NaN",
        "application/json; charset=x",
        "é",
    ):
        given = {"Authorization": f"Bearer {host}", name: text.encode(errors="surrogatepass").decode("latin-1")}
        answer = client.post("/api/v1/bookings", "{}", content_type="application/json", headers=given)
        assert answer.status_code < 500, text[:20]
        assert "X-Injected" not in answer.headers


TYPED = {
    "BCDF-GHJK": True,
    "bcdf ghjk": True,
    "BCDF - GHJK": True,
    " bcdf\u2013ghjk\t": True,
    "BCDF\u2014GHJK": True,
    "BCDF\u2212GHJK": True,
    "b.c_d/f:g\u00a0h j k": True,
    "".join(chr(0xFF21 + ord(letter) - 65) for letter in "BCDF") + "\uff0dGHJK": True,  # full width
    "B\u200bCDFGHJK": True,  # a space of no width
    "\u0412\u0421DF-GHJK": False,  # Cyrillic
    "BCDF-GHJ": False,
    "BCDF-GHJKL": False,
    "BCDF-GHJ1": False,
    "BCDF-GHJA": False,
    "BCDF-GHJK" + " " * 60: False,
    "": False,
}


@pytest.mark.parametrize("typed", TYPED, ids=ascii)
def test_a_user_code_is_read_however_it_is_typed_and_lookalikes_are_none(typed: str) -> None:
    assert normalize_user_code(typed) == ("BCDFGHJK" if TYPED[typed] else None)


LONG = 60_000
SLOW_READERS: dict[str, Callable[[], object]] = {
    "personal token": lambda: is_well_formed("insp_" + "a" * LONG),
    "user code": lambda: normalize_user_code("- " * LONG),
    "idempotency key": lambda: KEY_FORM.fullmatch("k" * LONG + "\n"),
    "request id": lambda: _REQUEST_ID.fullmatch("r" * LONG + " "),
    "access token cookie": lambda: is_access_token("a." * LONG),
    "refresh token cookie": lambda: is_refresh_token("insr_" + "a" * LONG + "!"),
    "label": lambda: clean_text(" \t" * LONG, limit=100),
    "browser": lambda: browser_label("Firefox " * LONG),
    "masked secrets": lambda: mask_secrets("secret_token_" * 5000 + "=" * 5000 + "://" + "a" * LONG),
    "masked addresses": lambda: mask_secrets("://a:" * 12_000),
    "loopback address": lambda: Client("x", "x", frozenset(), frozenset(), loopback=True).allows_redirect_to(
        "http://127.0.0.1:" + "9" * LONG + "/" + "a/" * LONG
    ),
}


@pytest.mark.parametrize("reader", SLOW_READERS)
def test_no_pattern_takes_its_time_over_long_nonsense(reader: str) -> None:
    """Each reads as much as a request can hold; one that backtracked would need minutes."""
    began = time.process_time()
    SLOW_READERS[reader]()
    assert time.process_time() - began < 5
