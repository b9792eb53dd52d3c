"""What needs a recent sign-in: the terminal asks for one, puts it in the place of the old one, and goes on."""

from typing import Any

import pytest

from tests.cli.fake_backend import FakeBackend, person_id
from tests.cli.terminals import Pointed
from tests.cli.test_login_browser import Login, browser  # noqa: F401  # a fixture
from tests.people import HTTP

CREATE = ("tokens", "create", "nightly", "--days", "7")
OLD = {
    "code": "step_up_required", "status": 403, "max_age": 900,
    "detail": "This needs a more recent sign-in. Nothing has been changed. Sign out, sign in again, then repeat it.",
}  # fmt: skip
MADE: dict[str, Any] = {
    "id": "1",
    "token": "insp_" + "x" * 36,
    "scopes": ["account:read"],
    "expires_at": "2027-02-03T23:59:59Z",
}


@pytest.fixture
def aged(ada: Pointed) -> Pointed:
    """Ada's machine, signed in long ago."""

    def create(query: dict[str, str], body: Any) -> tuple[int, Any]:
        return (403, OLD) if len(ada.backend.sessions) < 2 else (201, MADE)

    ada.backend.answers["POST", "/api/v1/personal-access-tokens"] = create
    return ada


def tokens_sent(backend: FakeBackend) -> list[str]:
    asked = [headers for _, path, headers, _ in backend.requests if path == "/api/v1/personal-access-tokens"]
    return [headers["authorization"].removeprefix("Bearer ") for headers in asked]


@pytest.mark.usefixtures("browser")
def test_the_browser_signs_in_anew_and_the_command_goes_on(aged: Pointed) -> None:
    old = aged.session
    with aged.terminal(*CREATE) as terminal:
        login = Login(aged, terminal)
        assert login.asked["prompt"] == "select_account"
        assert "sign-in of the last 15 minutes: sign in as ada once more" in terminal.plain
        login.visit()
        assert terminal.end() == 0
    assert MADE["token"] in terminal.plain
    new = aged.backend.sessions[1]
    assert [old.revoked, new.revoked] == [True, False]
    assert [
        token in session.access_tokens for token, session in zip(tokens_sent(aged.backend), (old, new), strict=True)
    ]
    assert aged.account()["refresh_token"] == new.refresh_token
    assert aged.account()["login"] == "ada"


def test_where_there_is_no_browser_a_code_does(aged: Pointed) -> None:
    aged.backend.device["decision"] = "approve"
    with aged.terminal(*CREATE) as terminal:
        terminal.see("BCDF-GHJK")
        assert terminal.end() == 0
    assert MADE["token"] in terminal.plain
    assert [session.revoked for session in aged.backend.sessions] == [True, False]


@pytest.mark.usefixtures("browser")
def test_who_signs_in_as_somebody_else_has_done_nothing(aged: Pointed) -> None:
    stored = aged.account()
    with aged.terminal(*CREATE) as terminal:
        login = Login(aged, terminal)
        page = HTTP.get(aged.backend.authorize(login.query, "grace"), follow_redirects=True)
        assert terminal.end() == 1
    assert "Somebody else than ada has signed in" in terminal.plain
    assert "You are not signed in" in page.text
    assert len(tokens_sent(aged.backend)) == 1
    assert aged.account() == stored
    assert [session.revoked for session in aged.backend.sessions] == [False, True]


def test_the_account_that_is_meant_is_signed_in_anew_and_the_current_one_stays_current(aged: Pointed) -> None:
    grace = aged.backend.sign_in("grace")
    content = aged.backend.store_for(aged.session)
    others = {aged.api: {person_id("grace"): aged.backend.store_for(grace)["accounts"][aged.api]}}
    aged.store(content | {"others": others})
    aged.backend.answers["POST", "/api/v1/personal-access-tokens"] = lambda query, body: (
        (403, OLD) if len(aged.backend.sessions) < 3 else (201, MADE)
    )
    aged.backend.device |= {"decision": "approve", "login": "grace"}
    with aged.terminal(*CREATE, "--account", "grace") as terminal:
        assert terminal.end() == 0
    assert [session.revoked for session in aged.backend.sessions] == [False, True, False]
    assert aged.run("whoami").out == "ada\n"
    assert aged.run("whoami", "--account", "grace").out == "grace\n"


def test_without_a_terminal_it_says_what_to_type(aged: Pointed) -> None:
    for words in (CREATE, ("api", "post", "/personal-access-tokens", "--field", "name=x")):
        done = aged.run(*words)
        assert (done.code, done.out) == (4, "")
        assert "insighta login" in done.err
    assert len(aged.backend.sessions) == 1


def test_a_personal_access_token_cannot_make_another(aged: Pointed) -> None:
    aged.backend.personal_tokens["insp_mine"] = "ada"
    refusal = {"code": "permission_denied", "detail": "This token lacks the scope that this call needs."}
    aged.backend.answer("/personal-access-tokens", refusal, method="POST", status=403)
    with aged.terminal(*CREATE, INSIGHTA_TOKEN="insp_mine") as terminal:
        assert terminal.end() == 1
    assert "A personal access token cannot do this. Unset INSIGHTA_TOKEN" in terminal.plain


def test_a_backend_that_asks_again_after_that_is_believed(aged: Pointed) -> None:
    aged.backend.answer("/personal-access-tokens", OLD, method="POST", status=403)
    aged.backend.device["decision"] = "approve"
    with aged.terminal(*CREATE) as terminal:
        assert terminal.end() == 1
    assert len(tokens_sent(aged.backend)) == 2
    assert len(aged.backend.sessions) == 2


def test_a_new_token_is_described_in_words_with_its_end(ada: Pointed) -> None:
    ada.backend.answer("/personal-access-tokens", MADE, method="POST", status=201)
    done = ada.run(*CREATE)
    assert (done.code, done.out) == (0, f"{MADE['token']}\n")
    assert "Whoever has it can see the account and its sessions." in done.err
    assert "It ends on Thu 4 Feb 2027, or when you revoke it" in done.err


@pytest.mark.parametrize("words", [["--days", "367"], ["--days", "0"], ["--days", "x"], ["--no-end"]])
def test_no_token_lives_longer_than_a_year(ada: Pointed, words: list[str]) -> None:
    done = ada.run("tokens", "create", "nightly", *words)
    assert (done.code, done.out) == (2, "")
    assert ada.backend.requests == []
