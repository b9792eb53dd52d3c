"""`/api/v1/schema` and `/api/v1/docs`: valid OpenAPI 3.1, complete, and true of what the API answers."""

import base64
import re
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # comes without types
import pytest
import yaml
from django.test import Client as Http
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.validation import validate_schema

from accounts.models import User
from config.http.openapi import METHODS
from tests.api_codes import check_code, codes_of
from tests.processes import Live
from tests.tokens.in_process import PORTAL, call, make_person, post, sign_in
from tests.tokens.test_scopes import operations

pytestmark = pytest.mark.slow

CODES = {
    "validation_error", "not_authenticated", "permission_denied", "not_found", "account_pending", "account_suspended",
    "throttled", "slot_full", "slot_cancelled", "slot_started", "slot_overlaps", "already_booked",
    "insufficient_credits", "booking_not_active", "session_started", "late_reschedule", "idempotency_conflict",
    "not_a_host", "own_slot", "overlapping_booking", "refund_changed", "capacity_below_seats",
    "cannot_book_person", "busy",
}  # fmt: skip


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    response = Http().get("/api/v1/schema")
    assert response.status_code == 200
    return dict(yaml.safe_load(response.content))


@pytest.fixture
def ada(db: None) -> User:
    return make_person("ada")


@pytest.fixture
def session(ada: User) -> str:
    return sign_in(ada).access_token


def described(schema: dict[str, Any]) -> set[str]:
    """Every operation of the schema, as `GET /me`."""
    return {
        f"{method.upper()} {re.sub(r'{user_code}', '{code}', re.sub(r'{[a-z]+_id}', '{id}', path))}".replace(
            "/api/v1", ""
        )
        for path, item in schema["paths"].items()
        for method in item
        if method in {"get", "post", "put", "patch", "delete"}
    }


def by_name(schema: dict[str, Any]) -> dict[str, Any]:
    """Operations, as `GET /me`."""
    return {
        f"{method.upper()} {path.removeprefix('/api/v1')}": operation
        for path, item in schema["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def check(schema: dict[str, Any], operation: str, response: Any) -> None:
    """The answer is what the schema says of its operation and status."""
    method, path = operation.split(" ")
    answers = schema["paths"][f"/api/v1{path}"][method.lower()]["responses"]
    media_type = response["Content-Type"].split(";")[0]
    shape = answers[str(response.status_code)]["content"][media_type]["schema"]
    jsonschema.Draft202012Validator(
        shape | {"components": schema["components"]}, format_checker=jsonschema.FormatChecker()
    ).validate(response.json())


def test_the_schema_is_valid_openapi_3_1(schema: dict[str, Any]) -> None:
    assert schema["openapi"].startswith("3.1.")
    validate_schema(schema)


def test_anybody_may_read_schema_and_docs(client: Http) -> None:
    for address in ("/api/v1/schema", "/api/v1/docs"):
        assert client.get(address).status_code == 200


def test_every_operation_is_described(schema: dict[str, Any]) -> None:
    served = {operation for operation in operations() if not operation.startswith("GET /pages/")}
    served -= {"GET /schema", "GET /docs"}
    assert served - described(schema) == set()


def test_every_operation_says_what_it_does_and_who_may_call_it(schema: dict[str, Any]) -> None:
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict) and method != "parameters":
                assert operation.get("description"), (method, path)
                asked = [one["bearer"] for one in operation["security"]]
                assert len(asked) == (not path.startswith("/api/v1/calendar/")), (method, path)
                assert all(f"Scope: `{scope}`" in operation["description"] for one in asked for scope in one)


def test_every_error_code_refuses_some_operation(schema: dict[str, Any]) -> None:
    named = {code for operation in by_name(schema).values() for codes in codes_of(operation).values() for code in codes}
    documented = set(schema["components"]["schemas"]["Problem"]["properties"]["code"]["enum"])
    assert documented >= named >= CODES
    assert documented - named <= {"method_not_allowed", "not_acceptable"}


def test_an_operation_names_its_own_codes_with_sentences_and_examples(schema: dict[str, Any]) -> None:
    operations = by_name(schema)
    answers = operations["POST /bookings"]["responses"]
    assert codes_of(operations["POST /bookings"])[409] == [
        "already_booked", "busy", "idempotency_conflict", "insufficient_credits", "overlapping_booking", "own_slot",
        "price_changed", "slot_cancelled", "slot_full", "slot_started",
    ]  # fmt: skip
    assert "- `slot_full`: Every seat of this session is taken." in answers["409"]["description"]
    examples = answers["409"]["content"]["application/problem+json"]["examples"]
    assert examples["slot_full"] == {"$ref": "#/components/examples/slot_full"}
    assert schema["components"]["examples"]["slot_full"]["value"]["status"] == 409
    assert "409" not in operations["GET /me"]["responses"]
    assert set(codes_of(operations["GET /me"])) == {401, 403, 429, 500, 503}


def test_a_code_that_its_operation_does_not_name_is_found() -> None:
    """`tests/conftest.py` looks at every problem that a test is answered with."""
    check_code(method="POST", path="/api/v1/bookings", status=409, problem={"code": "slot_full"})
    for path, status in (("/api/v1/bookings", 400), ("/api/v1/slots", 409), ("/api/v1/slots/1/cancel", 409)):
        with pytest.raises(AssertionError, match="answers slot_full"):
            check_code(method="POST", path=path, status=status, problem={"code": "slot_full"})


def test_the_docs_page_has_nothing_inline_and_loads_nothing_from_elsewhere(client: Http) -> None:
    page = client.get("/api/v1/docs")
    assert not re.findall(r"<style|<script>|\bon\w+=", page.text)
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert all(re.match(r"/(?!/)", address) for address in loaded)
    assert "script-src 'self'" in page["Content-Security-Policy"]
    script = next(address for address in loaded if "script=" in address)
    assert "/api/v1/schema" in client.get(script).text


# What the schema says is true


def test_answers_are_as_described(client: Http, schema: dict[str, Any], session: str) -> None:
    code = post(client, "device_authorization").json()["user_code"]
    token = call(client, "/personal-access-tokens", session, "POST", {"name": "ci", "scopes": ["account:read"]})
    check(schema, "GET /me", call(client, "/me", session))
    check(schema, "PATCH /me", call(client, "/me", session, "PATCH", {"time_zone": "Africa/Lagos"}))
    check(schema, "GET /sessions", call(client, "/sessions", session))
    check(schema, "POST /personal-access-tokens", token)
    check(schema, "GET /personal-access-tokens", call(client, "/personal-access-tokens", session))
    for operation, method in (("", "GET"), ("/approve", "POST")):
        answer = call(client, f"/device-requests/{code}{operation}", session, method)
        check(schema, f"{method} /device-requests/{{user_code}}{operation}", answer)


def test_problems_are_as_described(client: Http, schema: dict[str, Any], session: str) -> None:
    wrong = call(client, "/personal-access-tokens", session, "POST", {"name": "", "scopes": ["x"]})
    assert set(wrong.json()["errors"]) == {"name", "scopes"}
    check(schema, "POST /personal-access-tokens", wrong)
    check(schema, "GET /me", client.get("/api/v1/me"))
    check(schema, "POST /device-requests/{user_code}/deny", call(client, "/device-requests/X/deny", session, "POST"))


@pytest.mark.parametrize(
    ("method", "path", "content_type", "body", "status", "code"),
    [
        ("GET", "/nowhere", "", "", 404, "not_found"),
        ("DELETE", "/nowhere/at/all", "", "", 404, "not_found"),
        ("PUT", "/me", "application/json", "{}", 405, "method_not_allowed"),
        ("PATCH", "/me", "application/json", "{", 400, "validation_error"),
        ("PATCH", "/me", "application/json", "[]", 400, "validation_error"),
        ("PATCH", "/me", "application/json", '"\ud800"', 400, "validation_error"),
        ("PATCH", "/me", "text/plain", "x", 415, "unsupported_media_type"),
        ("PATCH", "/me", "application/json", '{"display_name": "' + "x" * 70_000 + '"}', 413, "request_too_large"),
        ("GET", "/sessions/not-a-uuid", "", "", 404, "not_found"),
    ],
)
def test_every_refusal_is_a_problem(
    client: Http, session: str, method: str, path: str, content_type: str, body: str, status: int, code: str
) -> None:
    headers = {"Authorization": f"Bearer {session}"}
    answer = client.generic(
        method, f"/api/v1{path}", body.encode(errors="surrogatepass"), content_type, headers=headers
    )
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    problem = answer.json()
    assert (problem["code"], problem["status"]) == (code, status)
    assert problem["type"] == f"urn:insighta:problem:{code}"
    assert problem["title"]
    assert problem["detail"]


@pytest.mark.parametrize("endpoint", ["token", "revoke", "introspect", "device_authorization"])
def test_oauth_endpoints_refuse_in_their_own_standards_form(client: Http, db: None, endpoint: str) -> None:
    for answer in (
        client.get(f"/oauth/{endpoint}"),
        post(client, endpoint, client_id="nobody", token="x", grant_type="x"),
    ):
        assert answer["Content-Type"] == "application/json"
        assert answer["Cache-Control"] == "no-store"
        assert set(answer.json()) == {"error", "error_description"}
        assert answer.json()["error_description"].isascii()


@pytest.mark.parametrize(
    ("path", "content_type", "body", "status"),
    [
        ("/api/v1/me", "application/json", b"[" * 60_000, 400),
        ("/api/v1/me", "application/json", b'{"display_name": NaN}', 400),
        ("/oauth/token", "application/x-www-form-urlencoded; charset=latin-1", b"grant_type=x&client_id=y", 400),
        ("/oauth/token", "application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(101)), 413),
    ],
)
def test_a_request_that_makes_no_sense_never_breaks_the_server(
    client: Http, session: str, path: str, content_type: str, body: bytes, status: int
) -> None:
    client.raise_request_exception = False
    method = "POST" if "oauth" in path else "PATCH"
    answer = client.generic(method, path, body, content_type, headers={"Authorization": f"Bearer {session}"})
    assert answer.status_code == status
    assert "json" in answer["Content-Type"]


@pytest.mark.parametrize(
    "header", [b"[" * 20_000, b"[]", b"1" * 5000, b'{"alg": "none", "typ": "at+jwt", "kid": "x"}', b""]
)
def test_an_access_token_that_makes_no_sense_is_nobodys(client: Http, db: None, header: bytes) -> None:
    token = f"{base64.urlsafe_b64encode(header).decode()}.e30.AAAA"
    assert call(client, "/me", token).status_code == 401
    assert post(client, "introspect", client_id=PORTAL, token=token).json() == {"active": False}
    assert post(client, "revoke", token=token).status_code == 200


def test_reading_the_schema_again_costs_no_second_making_of_it(
    client: Http, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody may ask for it, in any number of spellings."""
    addresses = [
        "/api/v1/schema",
        "/api/v1/schema?x=1",
        "/api/v1/schema?format=json",
        "/api/v1/docs",
        "/api/v1/docs?x=1",
    ]
    for address in addresses:
        assert client.get(address).status_code == 200
    made = []
    monkeypatch.setattr(AutoSchema, "get_operation", lambda *given: made.append(given))
    for address in addresses:
        assert client.get(address).status_code == 200
    assert made == []


AT_ONCE = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from config.http.openapi import whole_schema
everybody = Barrier(8)
def ask(_): everybody.wait(); return whole_schema()["openapi"]
with ThreadPoolExecutor(8) as pool: print(*pool.map(ask, range(8)))
"""


def test_the_first_who_ask_a_new_process_all_get_the_schema(live: Live) -> None:
    """drf-spectacular fails in a thread while another one loads its extensions."""
    assert live.manage("shell", "-v0", "-c", AT_ONCE).split() == ["3.1.0"] * 8
