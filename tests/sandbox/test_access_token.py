from urllib.parse import parse_qsl

import httpx
import pytest

from sandbox.grants import CODE_SECONDS, Grant, Grants
from tests.sandbox.visitor import CLIENT, Visitor, challenge

VERIFIER = "v" * 50


def test_a_code_becomes_a_token_once(github: Visitor) -> None:
    code = github.code("ada")
    first = github.exchange(code).json()
    assert first["token_type"] == "bearer"
    assert first["scope"] == "read:user,user:email"
    assert first["access_token"].startswith("gho_")
    assert_error(github.exchange(code), "bad_verification_code")


def test_a_caller_that_accepts_no_json_gets_a_form(github: Visitor) -> None:
    answer = github.http.post("/login/oauth/access_token", data={**CLIENT, "code": github.code("ada")})
    assert answer.headers["Content-Type"].startswith("application/x-www-form-urlencoded")
    assert dict(parse_qsl(answer.text))["token_type"] == "bearer"


def test_the_request_may_be_json(github: Visitor) -> None:
    body = {**CLIENT, "code": github.code("ada")}
    answer = github.http.post("/login/oauth/access_token", json=body, headers={"Accept": "application/json"})
    assert "access_token" in answer.json()


@pytest.mark.parametrize("wrong", [{"client_id": "x"}, {"client_secret": "x"}, {"client_secret": ""}])
def test_wrong_credentials_are_refused_and_leave_the_code_alone(github: Visitor, wrong: dict[str, str]) -> None:
    code = github.code("ada")
    assert_error(github.exchange(code, **wrong), "incorrect_client_credentials")
    assert "access_token" in github.exchange(code).json()


def test_another_callback_and_a_made_up_code_are_refused(github: Visitor) -> None:
    answer = github.exchange(github.code("ada"), redirect_uri="http://127.0.0.1:8000/elsewhere")
    assert_error(answer, "redirect_uri_mismatch")
    assert_error(github.exchange("0" * 20), "bad_verification_code")


def test_a_code_dies_after_ten_minutes() -> None:
    grants, grant = Grants(), Grant("ada", "", "http://127.0.0.1/")
    early, late = grants.issue_code(grant, now=0), grants.issue_code(grant, now=0)
    assert grants.use_code(early, now=CODE_SECONDS - 1) == grant
    assert grants.use_code(late, now=CODE_SECONDS) is None


@pytest.mark.parametrize(
    ("verifier", "is_right"), [({"code_verifier": VERIFIER}, True), ({"code_verifier": "w" * 50}, False), ({}, False)]
)
def test_the_verifier_is_checked_where_a_challenge_was_sent(
    github: Visitor, verifier: dict[str, str], is_right: bool
) -> None:
    code = github.code("ada", code_challenge=challenge(VERIFIER), code_challenge_method="S256")
    answer = github.exchange(code, **verifier)
    if is_right:
        assert "access_token" in answer.json()
    else:
        assert_error(answer, "bad_verification_code")


def assert_error(answer: httpx.Response, code: str) -> None:
    """GitHub answers errors of the exchange with status 200."""
    assert answer.status_code == 200
    assert answer.json().keys() == {"error", "error_description", "error_uri"}
    assert answer.json()["error"] == code
