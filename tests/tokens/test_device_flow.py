"""RFC 8628 over HTTP: what the device hears, what the person sees and decides, and who decides nothing."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.accounts.github import fresh
from tests.people import CLI, HTTP, PORTAL, PORTAL_SECRET, Browser, Pkce, Tokens, call, post_token, redeem, refresh
from tests.processes import Live
from tests.tokens.device import GRANT, Device


@pytest.fixture(scope="module")
def ada(live: Live) -> Tokens:
    return Browser(live, fresh("ada")).sign_in()


@pytest.fixture(scope="module")
def mallory(live: Live) -> Tokens:
    return Browser(live, fresh("mallory")).sign_in()


@pytest.fixture
def device(live: Live) -> Device:
    return Device.begin(live, device_label="build-7")


def decide(device: Device, person: Tokens, verb: str, *, code: str = "") -> httpx.Response:
    return call(device.live, f"/device-requests/{code or device.user_code}/{verb}", person.access, "POST")


def look(device: Device, person: Tokens, *, code: str = "") -> httpx.Response:
    return call(device.live, f"/device-requests/{code or device.user_code}", person.access)


# The device


def test_the_device_is_told_where_to_send_the_person(device: Device, live: Live) -> None:
    body = device.body
    assert re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", body["user_code"])
    assert body["verification_uri"] == f"{live.portal_url}/device"
    assert body["verification_uri_complete"] == f"{live.portal_url}/device?user_code={body['user_code']}"
    assert (body["expires_in"], body["interval"]) == (600, 5)
    assert len(body["device_code"]) >= 43


def test_the_answer_is_not_cached(live: Live) -> None:
    answer = HTTP.post(f"{live.backend_url}/oauth/device_authorization", data={"client_id": CLI})
    assert answer.headers["cache-control"] == "no-store"


def test_a_whole_sign_in_gives_a_session_with_the_scopes_and_label_asked_for(live: Live, ada: Tokens) -> None:
    device = Device.begin(live, device_label="Insighta CLI on build-7", scope="bookings:read account:read")
    assert device.poll_error() == "authorization_pending"
    approved = decide(device, ada, "approve")
    assert (approved.status_code, approved.json()["status"]) == (200, "approved")
    device.let_pass(5)
    response = device.poll()
    assert response.headers["cache-control"] == "no-store"
    tokens = Tokens.of(response)
    assert tokens.body["scope"] == "account:read bookings:read"
    me = call(live, "/me", tokens.access).json()
    assert me["id"] == call(live, "/me", ada.access).json()["id"]
    assert me["scopes"] == ["account:read", "bookings:read"]
    (current,) = [one for one in call(live, "/sessions", tokens.access).json()["results"] if one["current"]]
    assert (current["label"], current["client_id"]) == ("Insighta CLI on build-7", CLI)
    assert refresh(live, tokens.refresh).status_code == 200


def test_a_device_that_polls_too_soon_waits_longer_each_time(device: Device) -> None:
    assert device.poll_error() == "authorization_pending"
    assert device.poll_error() == "slow_down"
    device.let_pass(8)
    assert device.poll_error() == "slow_down"
    device.let_pass(5)
    assert device.poll_error() == "slow_down"
    device.let_pass(6)
    assert device.poll_error() == "authorization_pending"


def test_a_refused_poll_is_not_what_the_next_is_measured_from(device: Device) -> None:
    assert device.poll_error() == "authorization_pending"
    device.let_pass(3)
    assert device.poll_error() == "slow_down"
    device.let_pass(7)
    assert device.poll_error() == "authorization_pending"


def test_a_poll_that_the_network_brings_a_moment_early_is_answered(device: Device) -> None:
    for _ in range(3):
        assert device.poll_error() == "authorization_pending"
        device.let_pass(4.2)


def test_a_device_that_keeps_its_interval_is_never_told_to_slow_down(device: Device) -> None:
    for _ in range(3):
        assert device.poll_error() == "authorization_pending"
        device.let_pass(5)


def test_a_denied_device_hears_it(device: Device, ada: Tokens) -> None:
    assert decide(device, ada, "deny").json()["status"] == "denied"
    assert device.poll_error() == "access_denied"


@pytest.mark.parametrize("decision", ["approve", "deny", ""])
def test_after_ten_minutes_the_code_has_expired_whatever_was_decided(
    device: Device, ada: Tokens, decision: str
) -> None:
    if decision:
        decide(device, ada, decision)
    device.let_pass(600)
    assert device.poll_error() == "expired_token"
    assert look(device, ada).status_code == 404
    assert decide(device, ada, "approve").status_code == 404


def test_an_approved_code_gives_tokens_once(device: Device, ada: Tokens) -> None:
    decide(device, ada, "approve")
    first = Tokens.of(device.poll())
    device.let_pass(5)
    assert device.poll_error() == "invalid_grant"
    assert call(device.live, "/me", first.access).status_code == 200


@pytest.mark.parametrize("code", ["insd_" + "x" * 43, "x", "\u0000", "é" * 50])
def test_an_unknown_device_code_is_an_invalid_grant(live: Live, code: str) -> None:
    answer = post_token(live, grant_type=GRANT, device_code=code)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_the_portal_may_neither_begin_nor_poll(live: Live, device: Device, ada: Tokens) -> None:
    decide(device, ada, "approve")
    assert device.poll(client_id=PORTAL).json()["error"] == "unauthorized_client"
    begun = HTTP.post(f"{live.backend_url}/oauth/device_authorization", auth=(PORTAL, PORTAL_SECRET), data={"a": "b"})
    assert (begun.status_code, begun.json()["error"]) == (400, "unauthorized_client")
    assert device.poll().status_code == 200


def test_an_unknown_scope_or_client_is_refused(live: Live) -> None:
    address = f"{live.backend_url}/oauth/device_authorization"
    scope = HTTP.post(address, data={"client_id": CLI, "scope": "account:read admin"})
    assert (scope.status_code, scope.json()["error"]) == (400, "invalid_scope")
    client = HTTP.post(address, data={"client_id": "insighta-mallory"})
    assert (client.status_code, client.json()["error"]) == (401, "invalid_client")


# What the person sees


def test_the_person_sees_who_asks_from_where_and_when(device: Device, ada: Tokens) -> None:
    seen = look(device, ada).json()
    assert seen["user_code"] == device.user_code
    assert (seen["client_id"], seen["client_name"], seen["label"]) == (CLI, "Insighta CLI", "build-7")
    assert seen["address"] == "127.0.0.1"
    assert seen["status"] == "pending"
    assert set(seen["scope"].split()) == {"account:read", "account:write", "bookings:read", "bookings:write"}
    created, expires = (datetime.fromisoformat(seen[name]) for name in ("created_at", "expires_at"))
    assert abs(expires - created - timedelta(minutes=10)) < timedelta(seconds=2)
    assert abs(datetime.now(UTC) - created) < timedelta(seconds=30)


def test_looking_never_approves(device: Device, ada: Tokens, live: Live) -> None:
    for _ in range(3):
        assert look(device, ada).json()["status"] == "pending"
    for verb in ("approve", "deny"):
        answer = call(live, f"/device-requests/{device.user_code}/{verb}", ada.access)
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert device.poll_error() == "authorization_pending"


def test_a_person_types_the_code_as_they_like(device: Device, ada: Tokens) -> None:
    letters = device.user_code.replace("-", "")
    typed = [
        letters,
        letters.lower(),
        f" {letters[:2]} {letters[2:]} ",
        "-".join(letters),
        f"{letters[:4]}\u2013{letters[4:]}",
    ]
    for code in typed:
        assert look(device, ada, code=code).json()["user_code"] == device.user_code, code
    assert decide(device, ada, "approve", code=device.user_code.lower()).status_code == 200


@pytest.mark.parametrize(
    "code",
    [
        "BCDF-GHJ",
        "BCDF-GHJKL",
        "AEIO-UUUU",
        "0000-0000",
        "\uff22\uff23\uff24\uff26\uff27\uff28\uff2a\uff2b",
        "%00",
        "x" * 300,
    ],
)
def test_what_is_no_code_is_not_found(live: Live, ada: Tokens, code: str) -> None:
    answer = call(live, f"/device-requests/{code}", ada.access)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_the_label_is_shown_without_characters_that_could_deceive(live: Live, ada: Tokens) -> None:
    label = "build-7\x1b[31m\r\n\u202egpj.exe\u2066\u200b\x00\u2028 <b>x</b>" + "y" * 50
    seen = look(Device.begin(live, device_label=label), ada).json()["label"]
    assert seen.startswith("build-7[31mgpj.exe")
    assert "<b>x</b>" in seen
    assert seen.isprintable()


def test_a_device_without_a_label_is_called_by_its_program(live: Live, ada: Tokens) -> None:
    assert look(Device.begin(live, device_label="\u200b \n"), ada).json()["label"] == "Insighta CLI"


# Who decides


def test_the_first_decision_counts(device: Device, ada: Tokens) -> None:
    assert decide(device, ada, "deny").status_code == 200
    again = decide(device, ada, "deny")
    assert (again.status_code, again.json()["status"]) == (200, "denied")
    other = decide(device, ada, "approve")
    assert (other.status_code, other.json()["code"]) == (409, "already_decided")
    assert device.poll_error() == "access_denied"


def test_a_request_that_somebody_else_decided_does_not_exist(device: Device, ada: Tokens, mallory: Tokens) -> None:
    decide(device, ada, "approve")
    assert look(device, ada).json()["status"] == "approved"
    for answer in (look(device, mallory), decide(device, mallory, "deny"), decide(device, mallory, "approve")):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    tokens = Tokens.of(device.poll())
    assert call(device.live, "/me", tokens.access).json()["id"] == call(device.live, "/me", ada.access).json()["id"]


def test_a_personal_access_token_cannot_decide(device: Device, ada: Tokens, live: Live) -> None:
    body = {"name": "ci", "scopes": ["account:read", "account:write", "bookings:read", "bookings:write"]}
    token = call(live, "/personal-access-tokens", ada.access, "POST", json=body).json()["token"]
    for verb in ("approve", "deny"):
        answer = call(live, f"/device-requests/{device.user_code}/{verb}", token, "POST")
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert device.poll_error() == "authorization_pending"


def test_a_sign_in_cannot_give_a_device_more_than_it_has(live: Live, ada: Tokens) -> None:
    narrow = Device.begin(live, scope="account:write")
    decide(narrow, ada, "approve")
    limited = Tokens.of(narrow.poll())
    wide = Device.begin(live, scope="account:write bookings:write")
    answer = decide(wide, limited, "approve")
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert wide.poll_error() == "authorization_pending"
    same = Device.begin(live, scope="account:write")
    assert decide(same, limited, "approve").status_code == 200


def test_without_a_sign_in_nothing_is_shown_or_decided(device: Device, live: Live) -> None:
    address = f"{live.backend_url}/api/v1/device-requests/{device.user_code}"
    for answer in (HTTP.get(address), HTTP.post(f"{address}/approve"), HTTP.post(f"{address}/deny")):
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert device.poll_error() == "authorization_pending"


# Second thoughts


def sign_out_everywhere_else(live: Live, browser: Browser, tokens: Tokens) -> None:
    assert call(live, "/sessions?keep=current", tokens.access, "DELETE").status_code == 204


def be_signed_out_by_the_staff(live: Live, browser: Browser, tokens: Tokens) -> None:
    live.manage("revoke_sessions", browser.login)


def be_suspended_for_a_moment(live: Live, browser: Browser, tokens: Tokens) -> None:
    live.manage("suspend_user", browser.login, "--reason", "phished")
    live.manage("reinstate_user", browser.login)


def leave_and_come_back(live: Live, browser: Browser, tokens: Tokens) -> None:
    assert call(live, "/me/deactivate", tokens.access, "POST").status_code == 204
    browser.sign_in()


@pytest.mark.parametrize(
    "second_thought",
    [sign_out_everywhere_else, be_signed_out_by_the_staff, be_suspended_for_a_moment, leave_and_come_back],
)
def test_what_was_granted_and_not_fetched_ends_with_the_sessions(
    live: Live, second_thought: Callable[[Live, Browser, Tokens], None]
) -> None:
    """Ada has approved Mallory's device, notices, and ends her sign-ins before the device has come for its own."""
    browser, pkce = Browser(live, fresh("ada")), Pkce()
    tokens = browser.sign_in()
    device = Device.begin(live)
    assert decide(device, tokens, "approve").status_code == 200
    code = browser.answer(pkce=pkce)["code"]
    second_thought(live, browser, tokens)
    assert device.poll_error() == "access_denied"
    assert redeem(live, code, pkce).json()["error"] == "invalid_grant"


def test_a_person_who_is_suspended_after_approving_lets_no_device_in(live: Live) -> None:
    browser = Browser(live, fresh("mallory"))
    device = Device.begin(live)
    assert decide(device, browser.sign_in(), "approve").status_code == 200
    with live.connect() as connection:
        connection.execute("UPDATE accounts_user SET standing = 'suspended' WHERE login = %s", [browser.login])
    answer = device.poll()
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert answer.json()["error_description"] == "account_suspended"
