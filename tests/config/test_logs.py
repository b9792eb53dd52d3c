"""What the processes print: one request is one line with one id through all of them, and no secret in any."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.authentication import flow_cookie_name
from config.observability.logs import make_formatter, mask_secrets
from tests.config.conftest import add_slot
from tests.people import HTTP, PORTAL, Browser, Pkce, Tokens, call, post_token, query, redeem, refresh
from tests.processes import Live, Process, wait_until
from tests.tokens.in_process import call as call_api
from tests.tokens.in_process import make_person, post, sign_in
from tests.tokens.test_access_races import Person, answered_flow, returned_request
from tokens.services import authorization, sessions

REQUEST_ID = "journey-of-ada-1"


def lines(process: Process) -> Iterator[dict[str, Any]]:
    """The JSON lines of a process."""
    for line in process.text().splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def requests(process: Process, **wanted: object) -> list[dict[str, Any]]:
    """The request lines with these members."""
    found = [line for line in lines(process) if line["event"] == "request"]
    return [line for line in found if all(line.get(name) == value for name, value in wanted.items())]


@pytest.fixture(scope="module")
def grace(observed: Live) -> Tokens:
    """A host's tokens."""
    tokens = Browser(observed, "grace").sign_in()
    observed.manage("make_host", "grace")
    return tokens


def test_one_id_joins_portal_backend_and_worker(observed: Live, worker: Process, grace: Tokens) -> None:
    browser = Browser(observed, "ada")
    browser.follow(browser.get(f"{observed.portal_url}/login"), until="never")
    page = browser.http.get(f"{observed.portal_url}/bookings", headers={"X-Request-ID": REQUEST_ID})
    assert page.headers["X-Request-ID"] == REQUEST_ID
    (shown,) = requests(observed.portal, request_id=REQUEST_ID)
    assert (shown["method"], shown["path"], shown["status"]) == ("GET", "/bookings", 200)
    (asked,) = requests(observed.backend, request_id=REQUEST_ID)
    assert asked["path"].startswith("/api/v1/")
    assert asked["user_id"]
    assert asked["session_id"]
    assert asked["milliseconds"] < 10_000

    token = Browser(observed, "ada").sign_in().access
    headers = {"Authorization": f"Bearer {token}", "X-Request-ID": "booking-by-ada"}
    slot_id = add_slot(observed, grace.access)
    body = {"slot_id": slot_id}
    assert HTTP.post(f"{observed.backend_url}/api/v1/bookings", json=body, headers=headers).status_code == 201
    is_of_ada = {"request_id": "booking-by-ada", "event": "job"}.items()
    wait_until(lambda: any(is_of_ada <= line.items() for line in lines(worker)), tell=worker.text)
    done = next(line for line in lines(worker) if is_of_ada <= line.items())
    assert (done["task"], done["outcome"]) == ("bookings.send_notice", "succeeded")


def test_an_id_that_does_not_look_like_one_is_replaced(observed: Live) -> None:
    for forged in ("short", "x" * 200, 'quote"and space'):
        answer = HTTP.get(f"{observed.backend_url}/healthz", headers={"X-Request-ID": forged})
        assert answer.headers["X-Request-ID"] != forged
        assert len(answer.headers["X-Request-ID"]) == 32


def test_a_refresh_names_its_session_and_person(observed: Live) -> None:
    tokens = Browser(observed, "barbara").sign_in()
    answer = refresh(observed, tokens.refresh)
    request_id = answer.headers["X-Request-ID"]
    (line,) = requests(observed.backend, request_id=request_id)
    sessions = call(observed, "/sessions", answer.json()["access_token"]).json()["results"]
    assert (line["path"], line["session_id"]) == ("/oauth/token", sessions[0]["id"])
    assert line["user_id"] == call(observed, "/me", answer.json()["access_token"]).json()["id"]


def test_probes_leave_no_line_and_failures_do(observed: Live) -> None:
    for path, statuses in (("healthz", []), ("metrics", [401]), ("nowhere", [404])):
        HTTP.get(f"{observed.backend_url}/{path}", headers={"X-Request-ID": f"{path}-123"})
        assert [line["status"] for line in requests(observed.backend, request_id=f"{path}-123")] == statuses


def test_no_line_of_any_process_holds_a_secret(observed: Live, worker: Process, grace: Tokens) -> None:
    secrets = [*_sign_in_everywhere(observed), *_use(observed, grace)]
    assert len(secrets) >= 16
    for path in ("/oauth/authorize", "/auth/complete/github/", "/oauth/token", "/api/v1/calendar/{secret}.ics"):
        assert requests(observed.backend, path=path), path
    assert requests(observed.portal, path="/auth/callback")
    for process in (observed.backend, observed.portal, worker):
        printed = process.text()
        assert [secret for secret in secrets if secret in printed] == [], process.command


def _sign_in_everywhere(live: Live) -> Iterator[str]:
    """Sign in by code, by hand-off and at the portal; refresh, retry and replay. Yields every secret on the way."""
    browser, pkce = Browser(live, "mallory"), Pkce()
    code = browser.answer(pkce=pkce)["code"]
    tokens = Tokens.of(redeem(live, code, pkce))
    yield from (code, pkce.verifier, tokens.access, tokens.refresh)
    renewed = refresh(live, tokens.refresh, key="a-retry-key-of-mallory")
    yield from (renewed.json()["refresh_token"], renewed.json()["access_token"], "a-retry-key-of-mallory")
    refresh(live, tokens.refresh, key="a-retry-key-of-mallory")
    assert refresh(live, tokens.refresh, key="the-key-of-a-thief-").status_code == 400
    given = browser.hand_off(Pkce())
    yield from (given["at"], given["rt"], given["state"])
    visitor = Browser(live, "mallory")
    callback = visitor.follow(visitor.get(f"{live.portal_url}/login"), until=f"{live.portal_url}/auth/callback")
    yield from (value for name, value in query(callback).items() if name in {"at", "rt", "state", "code"})
    visitor.get(callback.headers["location"])
    yield from (cookie.value for cookie in visitor.http.cookies.jar if cookie.value and len(cookie.value) > 20)


def _use(live: Live, grace: Tokens) -> Iterator[str]:
    """Make a token for scripts, read the calendar by its secret address, sign in a device."""
    body = {"name": "script", "scopes": ["bookings:read"]}
    token = call(live, "/personal-access-tokens", grace.access, "POST", json=body).json()["token"]
    call(live, "/slots", token)
    yield token
    address = call(live, "/calendar-feed", grace.access).json()["url"]
    assert HTTP.get(address).status_code == 200
    HTTP.get(address.replace(".ics", "x.ics"))
    HTTP.get(address.removesuffix(".ics"))
    yield address.rpartition("/")[2].removesuffix(".ics").removeprefix("insf_")
    device = HTTP.post(f"{live.backend_url}/oauth/device_authorization", data={"client_id": "insighta-cli"}).json()
    path = f"/device-requests/{device['user_code']}"
    call(live, path, grace.access)
    assert call(live, f"{path}/approve", grace.access, "POST").status_code == 200
    grant = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": device["device_code"]}
    answer = post_token(live, **grant).json()
    yield from (device["device_code"], device["user_code"], answer["access_token"], answer["refresh_token"])
    HTTP.post(f"{live.backend_url}/oauth/token", auth=(PORTAL, "a-wrong-secret-of-a-guesser"), data=grant)
    yield "a-wrong-secret-of-a-guesser"


@pytest.mark.django_db(transaction=True)
def test_a_refusal_is_written_down_with_its_reason(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    ada = Person.signed_in()
    for key in ("", "a-key-of-somebody-else"):
        post(client, "token", grant_type="refresh_token", refresh_token=ada.pair.refresh_token, key=key)
    limited = sign_in(ada.user, scope="bookings:read")
    assert call_api(client, "/me", limited.access_token).status_code == 403
    assert call_api(client, "/me", "no token").status_code == 401
    asked = authorization.describe_request(returned_request(ada).request)
    flow_id, cookie = answered_flow(ada, asked)
    client.cookies[flow_cookie_name(flow_id)] = cookie
    assert client.post("/oauth/authorize", {"flow": str(flow_id), "decision": "deny"}).status_code == 303
    written = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    reasons = [(line.get("outcome"), line.get("cause"), line.get("code")) for line in written]
    assert {("replayed", "retry key mismatch", None), ("refused", "denied", None)} <= set(reasons)
    assert {(None, None, "permission_denied"), (None, None, "not_authenticated")} <= set(reasons)
    assert {line["user_id"] for line in written if line.get("code") == "permission_denied"} == {str(ada.user.id)}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/v1/sessions", "/oauth/authorize"])
def test_a_mistake_is_logged_and_answered_without_a_word_of_it(
    path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("a word of the inside")

    monkeypatch.setattr(sessions, "list_sessions", fail)
    monkeypatch.setattr(authorization, "read_target", fail)
    bearer = {"Authorization": f"Bearer {sign_in(make_person('ada')).access_token}"}
    answer = Client(raise_request_exception=False).get(path, headers=bearer)
    assert answer.status_code == 500
    assert b"inside" not in answer.content
    assert b"Traceback" not in answer.content
    assert "a word of the inside" in caplog.text


def test_every_line_goes_to_standard_error_and_nowhere_else(settings: Settings) -> None:
    assert settings.LOGGING["handlers"] == {"console": {"class": "logging.StreamHandler", "formatter": "line"}}
    named = [logger.get("handlers", []) for logger in settings.LOGGING["loggers"].values()]
    assert set(sum(named, settings.LOGGING["root"]["handlers"])) == {"console"}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("token insr_AbCdEf0123456789 here", "token insr_[hidden] here"),
        ("/api/v1/calendar/insf_AbCdEf-_9.ics", "/api/v1/calendar/insf_[hidden].ics"),
        ("Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIi.c2ln", "Bearer [hidden]"),
        ("eyJhbGciOiJFUzI1NiJ9.eyJzdWIi.c2ln", "[hidden]"),
        ("GET /auth/callback?at=x.y&rt=z&state=s", "GET /auth/callback?at=[hidden]&rt=[hidden]&state=[hidden]"),
        ("client_secret=hunter2&grant_type=x", "client_secret=[hidden]&grant_type=x"),
        ("postgresql://app:hunter2@db/insighta", "postgresql://app:[hidden]@db/insighta"),
        ("gho_16C7e42F292c6912E7710c838347Ae178B4a", "[hidden]"),
        ("an instance at noon, state of art", "an instance at noon, state of art"),
    ],
)
def test_what_is_masked(text: str, masked: str) -> None:
    assert mask_secrets(text) == masked


@pytest.mark.parametrize("as_json", [True, False])
def test_a_secret_in_an_exception_is_masked_too(as_json: bool) -> None:
    try:
        raise ValueError("refused insr_AbCdEf0123456789")
    except ValueError as error:
        exc_info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "it broke with %s", ("insp_0123456789",), exc_info)
    line = make_formatter(as_json=as_json).format(record)
    assert "ValueError" in line
    assert "insr_[hidden]" in line
    assert "insp_[hidden]" in line
    assert "0123456789" not in line
