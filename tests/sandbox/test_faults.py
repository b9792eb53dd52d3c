import time

import httpx
import pytest

from tests.sandbox.visitor import Visitor, returned


@pytest.fixture
def token(github: Visitor) -> str:
    return github.token("ada")


def test_slow_is_late_and_right(github: Visitor, token: str) -> None:
    github.break_endpoint(endpoint="user", mode="slow", seconds=0.3, login="ada")
    began = time.monotonic()
    assert github.get("/user", token).json()["login"] == "ada"
    assert time.monotonic() - began >= 0.3


def test_refuse_closes_the_connection(github: Visitor, token: str) -> None:
    github.break_endpoint(endpoint="user", mode="refuse", login="ada")
    with pytest.raises(httpx.RemoteProtocolError):
        github.get("/user", token)


def test_nonsense_is_a_page_where_data_was_asked_for(github: Visitor) -> None:
    github.break_endpoint(endpoint="access_token", mode="nonsense", login="ada")
    answer = github.exchange(github.code("ada"))
    assert (answer.status_code, answer.text[:15]) == (200, "<!doctype html>")


def test_error_is_a_503(github: Visitor, token: str) -> None:
    github.break_endpoint(endpoint="emails", mode="error", login="ada")
    assert [github.get(path, token).status_code for path in ("/user/emails", "/user")] == [503, 200]


def test_deny_is_githubs_own_no(github: Visitor, token: str) -> None:
    for endpoint in ("authorize", "access_token", "user"):
        github.break_endpoint(endpoint=endpoint, mode="deny", times=1, login="ada")
    assert returned(github.answer("ada"))["error"] == "access_denied"
    assert github.exchange(github.code("ada")).json()["error"] == "bad_verification_code"
    assert github.get("/user", token).status_code == 401


def test_a_fault_meets_only_its_person_and_its_number_of_times(github: Visitor, token: str) -> None:
    github.break_endpoint(endpoint="user", mode="error", times=2, login="Ada")
    assert github.get("/user", github.token("grace")).status_code == 200
    assert [github.get("/user", token).status_code for _ in range(3)] == [503, 503, 200]


def test_faults_are_cleared_for_one_person_or_for_all(github: Visitor) -> None:
    for login in ("ada", "grace", None):
        github.break_endpoint(endpoint="user", mode="error", login=login)
    github.http.delete("/_sandbox/faults", params={"login": "ada"})
    assert [fault["login"] for fault in github.http.get("/_sandbox/faults").json()] == ["grace", None]
    github.http.delete("/_sandbox/faults")
    assert github.http.get("/_sandbox/faults").json() == []


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"unknown": 1},
        {"endpoint": "x", "mode": "slow"},
        {"endpoint": "user", "mode": "odd"},
        {"endpoint": "user", "mode": "slow", "seconds": "long"},
        {"endpoint": "user", "mode": "slow", "login": 7},
    ],
)
def test_a_fault_that_does_not_exist_is_refused(github: Visitor, fault: dict[str, object]) -> None:
    assert github.http.post("/_sandbox/faults", json=fault).status_code == 422


def test_a_page_of_another_site_cannot_plan_faults(github: Visitor) -> None:
    body = '{"endpoint": "user", "mode": "error"}'
    answer = github.http.post("/_sandbox/faults", content=body, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 422
    assert github.http.get("/_sandbox/faults").json() == []
