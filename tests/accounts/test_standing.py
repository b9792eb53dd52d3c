"""Who may use the service: the staff's decision holds at sign-in, at refresh and at every call."""

from collections.abc import Iterator

import pytest

from tests.accounts.github import answered_by_github, fresh
from tests.people import CLI, LOOPBACK, PORTAL, Browser, Tokens, call, query, refresh
from tests.processes import Live, another_backend


@pytest.fixture(scope="module")
def approving(live: Live) -> Iterator[Live]:
    """A backend where the staff approve newcomers."""
    with another_backend(live, REGISTRATION="approval") as backend:
        yield backend


def set_standing(live: Live, login: str, standing: str) -> None:
    with live.connect() as connection:
        changed = connection.execute("UPDATE accounts_user SET standing = %s WHERE login = %s", [standing, login])
        assert changed.rowcount == 1


def standing_of(live: Live, login: str) -> object:
    with live.connect() as connection:
        row = connection.execute("SELECT standing FROM accounts_user WHERE login = %s", [login]).fetchone()
    assert row is not None
    return row[0]


def refusal(browser: Browser, client_id: str) -> dict[str, str]:
    """What the client is told when the person tries to sign in; for the terminal after their approval."""
    answer = browser.answer(client_id)
    assert not {"code", "at", "rt"} & answer.keys()
    assert answer["error"] == "access_denied"
    return answer


@pytest.mark.parametrize("client_id", [CLI, PORTAL])
def test_a_newcomer_waits_for_approval_and_then_gets_in(approving: Live, client_id: str) -> None:
    browser = Browser(approving, fresh("ada"))
    assert refusal(browser, client_id)["error_description"] == "account_pending"
    assert refusal(browser, client_id)["error_description"] == "account_pending"
    assert standing_of(approving, browser.login) == "pending"
    set_standing(approving, browser.login, "approved")
    assert call(approving, "/me", browser.sign_in(client_id).access).json()["standing"] == "approved"


def test_people_approved_earlier_are_not_asked_to_wait(live: Live, approving: Live) -> None:
    login = fresh("ada")
    Browser(live, login).sign_in()
    assert call(approving, "/me", Browser(approving, login).sign_in().access).status_code == 200


@pytest.mark.parametrize("client_id", [CLI, PORTAL])
def test_a_suspended_person_stays_out_however_often_they_sign_in(live: Live, client_id: str) -> None:
    browser = Browser(live, fresh("mallory"))
    browser.sign_in(client_id)
    set_standing(live, browser.login, "suspended")
    assert refusal(browser, client_id)["error_description"] == "account_suspended"
    assert refusal(browser, client_id)["error_description"] == "account_suspended"
    assert standing_of(live, browser.login) == "suspended"


def test_a_suspended_person_gets_no_session_row(live: Live) -> None:
    browser = Browser(live, fresh("mallory"))
    browser.sign_in()
    set_standing(live, browser.login, "suspended")
    refusal(browser, PORTAL)
    with live.connect() as connection:
        counted = connection.execute(
            "SELECT count(*) FROM tokens_session s JOIN accounts_user u ON u.id = s.user_id WHERE u.login = %s",
            [browser.login],
        )
        assert counted.fetchone() == (1,)


@pytest.mark.parametrize(("standing", "code"), [("suspended", "account_suspended"), ("pending", "account_pending")])
def test_the_next_call_and_the_next_refresh_feel_the_decision(live: Live, standing: str, code: str) -> None:
    browser = Browser(live, fresh("mallory"))
    tokens = browser.sign_in()
    assert call(live, "/me", tokens.access).status_code == 200
    set_standing(live, browser.login, standing)
    called = call(live, "/me", tokens.access)
    assert (called.status_code, called.json()["code"]) == (403, code)
    refreshed = refresh(live, tokens.refresh)
    assert refreshed.status_code == 400
    assert refreshed.json() == {"error": "invalid_grant", "error_description": code}
    set_standing(live, browser.login, "approved")
    assert Tokens.of(refresh(live, tokens.refresh)).access


def test_somebody_suspended_while_they_look_at_the_confirmation_gets_no_code(live: Live) -> None:
    browser = Browser(live, fresh("mallory"))
    confirm = browser.follow(answered_by_github(browser, CLI), until=LOOPBACK)
    set_standing(live, browser.login, "suspended")
    answer = query(browser.submit(confirm, decision="approve"))
    assert (answer["error"], answer["error_description"]) == ("access_denied", "account_suspended")
    assert "code" not in answer


def test_an_inactive_person_is_refused_whatever_their_sessions_say(live: Live) -> None:
    browser = Browser(live, fresh("ada"))
    tokens = browser.sign_in()
    with live.connect() as connection:
        connection.execute("UPDATE accounts_user SET is_active = false WHERE login = %s", [browser.login])
    called = call(live, "/me", tokens.access)
    assert (called.status_code, called.json()["code"]) == (403, "account_inactive")
    assert refresh(live, tokens.refresh).json() == {
        "error": "invalid_grant",
        "error_description": "account_inactive",
    }
