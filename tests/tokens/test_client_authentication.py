"""Who may speak at the token endpoint: the portal with its secret, the terminal without one (RFC 6749 §2.3)."""

import base64

import httpx
import pytest

from tests.accounts.github import fresh
from tests.people import CLI, HTTP, PORTAL, PORTAL_SECRET, Browser, Tokens
from tests.processes import Live
from tests.tokens.rows import session

Credentials = tuple[dict[str, str], dict[str, str]]


@pytest.fixture
def visitor(live: Live) -> Tokens:
    return Browser(live, fresh("ada")).sign_in(PORTAL)


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


def ask(live: Live, token: str, fields: dict[str, str], headers: dict[str, str]) -> httpx.Response:
    data = {"grant_type": "refresh_token", "refresh_token": token, **fields}
    return HTTP.post(f"{live.backend_url}/oauth/token", data=data, headers=headers)


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({}, basic(PORTAL, PORTAL_SECRET)),
        ({"client_id": PORTAL}, basic(PORTAL, PORTAL_SECRET)),
        ({"client_id": PORTAL, "client_secret": PORTAL_SECRET}, {}),
        ({}, {"Authorization": basic(PORTAL, PORTAL_SECRET)["Authorization"].replace("Basic", "bAsIc")}),
    ],
)
def test_the_portal_proves_itself_in_the_header_or_in_the_body(
    live: Live, visitor: Tokens, fields: dict[str, str], headers: dict[str, str]
) -> None:
    assert ask(live, visitor.refresh, fields, headers).status_code == 200


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({}, {}),
        ({"client_id": ""}, {}),
        ({"client_id": "unknown"}, {}),
        ({"client_id": PORTAL}, {}),
        ({"client_id": PORTAL, "client_secret": ""}, {}),
        ({"client_id": PORTAL, "client_secret": "wrong"}, {}),
        ({"client_id": PORTAL, "client_secret": PORTAL_SECRET + " "}, {}),
        ({"client_id": PORTAL, "client_secret": PORTAL_SECRET.upper()}, {}),
        ({"client_id": PORTAL, "client_secret": "\ud7ff\x00"}, {}),
        ({"client_id": CLI, "client_secret": PORTAL_SECRET}, {}),
        ({}, basic(PORTAL, "")),
        ({}, basic(PORTAL, "wrong")),
        ({}, basic("unknown", PORTAL_SECRET)),
        ({}, basic(CLI, PORTAL_SECRET)),
        ({}, basic("", PORTAL_SECRET)),
        ({"client_id": PORTAL}, {"Authorization": "Basic"}),
        ({}, {"Authorization": "Basic !!!"}),
        ({}, {"Authorization": "Basic " + base64.b64encode(b"no colon").decode()}),
        ({}, {"Authorization": "Basic " + base64.b64encode(b"\xff:\xfe").decode()}),
        ({"client_id": PORTAL}, {"Authorization": f"Bearer {PORTAL_SECRET}"}),
    ],
)
@pytest.mark.parametrize("endpoint", ["token", "revoke"])
def test_a_client_that_fails_to_prove_itself_changes_nothing(
    live: Live, visitor: Tokens, endpoint: str, fields: dict[str, str], headers: dict[str, str]
) -> None:
    before = session(live, visitor.refresh)
    data = {"grant_type": "refresh_token", "refresh_token": visitor.refresh, "token": visitor.refresh, **fields}
    answer = HTTP.post(f"{live.backend_url}/oauth/{endpoint}", data=data, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"
    assert answer.headers["cache-control"] == "no-store"
    used_basic = headers.get("Authorization", "").startswith("Basic ")
    assert ("www-authenticate" in answer.headers) == used_basic
    assert session(live, visitor.refresh) == before


@pytest.mark.parametrize("fields", [{"client_secret": PORTAL_SECRET}, {"client_id": CLI}])
def test_two_ways_at_once_are_refused(live: Live, visitor: Tokens, fields: dict[str, str]) -> None:
    before = session(live, visitor.refresh)
    answer = ask(live, visitor.refresh, fields, basic(PORTAL, PORTAL_SECRET))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert session(live, visitor.refresh) == before


@pytest.mark.parametrize(
    ("grant_type", "client_id", "error"),
    [
        ("password", CLI, "unsupported_grant_type"),
        ("client_credentials", PORTAL, "unsupported_grant_type"),
        ("implicit", CLI, "unsupported_grant_type"),
        ("REFRESH_TOKEN", CLI, "unsupported_grant_type"),
        ("urn:ietf:params:oauth:grant-type:device_code", PORTAL, "unauthorized_client"),
    ],
)
def test_a_grant_type_that_is_not_for_this_client_is_refused(
    live: Live, grant_type: str, client_id: str, error: str
) -> None:
    data = {"grant_type": grant_type, "client_id": client_id, "device_code": "x", "username": "a", "password": "b"}
    auth = (PORTAL, PORTAL_SECRET) if client_id == PORTAL else httpx.USE_CLIENT_DEFAULT
    answer = HTTP.post(f"{live.backend_url}/oauth/token", data=data, auth=auth)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


@pytest.mark.parametrize("endpoint", ["token", "revoke"])
def test_the_endpoints_take_posted_forms_only(live: Live, endpoint: str) -> None:
    url = f"{live.backend_url}/oauth/{endpoint}"
    for method in ("GET", "PUT", "DELETE"):
        answer = HTTP.request(method, url, params={"client_id": CLI, "token": "x"})
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert answer.headers["cache-control"] == "no-store"
    for options in ({"json": {"client_id": CLI}}, {"content": b"client_id=insighta-cli"}, {"files": {"token": b"x"}}):
        refused = HTTP.post(url, **options)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "content", ["token=" + "x" * 70_000, "&".join(f"f{i}=1" for i in range(200))], ids=["large", "many fields"]
)
def test_a_body_out_of_all_proportion_is_refused(live: Live, content: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = HTTP.post(f"{live.backend_url}/oauth/token", content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (413, "invalid_request")


@pytest.mark.parametrize("content", [b"\xff\xfe=\xff", b"%ff=%fe&client_id=%ff", b"&&&===", b""])
def test_a_body_that_makes_no_sense_is_refused(live: Live, content: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = HTTP.post(f"{live.backend_url}/oauth/token", content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_page_of_another_site_reads_nothing(live: Live) -> None:
    answer = HTTP.options(f"{live.backend_url}/oauth/token", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers
