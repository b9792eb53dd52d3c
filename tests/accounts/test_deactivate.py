"""`POST /api/v1/me/deactivate`: leaving signs out everywhere, at once."""

import pytest

from tests.accounts.github import fresh
from tests.people import CLI, LOOPBACK, PORTAL, Browser, Pkce, call, redeem, refresh
from tests.processes import Live


def test_leaving_ends_every_session_at_once_and_nobody_elses(live: Live) -> None:
    browser = Browser(live, fresh("ada"))
    terminal, portal = browser.sign_in(CLI), browser.sign_in(PORTAL)
    grace = Browser(live, fresh("grace")).sign_in()
    left = call(live, "/me/deactivate", portal.access, "POST")
    assert (left.status_code, left.content) == (204, b"")
    for access in (terminal.access, portal.access):
        answer = call(live, "/me", access)
        assert (answer.status_code, answer.json()["code"]) == (403, "account_inactive")
    for client_id, tokens in ((CLI, terminal), (PORTAL, portal)):
        refused = refresh(live, tokens.refresh, client_id=client_id)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert call(live, "/me", grace.access).status_code == 200


def test_leaving_is_written_down_with_the_reason_of_each_sessions_end(live: Live) -> None:
    tokens = Browser(live, fresh("ada")).sign_in()
    user_id = call(live, "/me", tokens.access).json()["id"]
    call(live, "/me/deactivate", tokens.access, "POST")
    with live.connect() as connection:
        ended = connection.execute(
            "SELECT revoked_because, revoked_at IS NOT NULL FROM tokens_session WHERE user_id = %s", [user_id]
        ).fetchall()
        events = connection.execute(
            "SELECT actor_id::text FROM accounts_event WHERE kind = 'person.deactivated' AND user_id = %s", [user_id]
        ).fetchall()
    assert ended == [("account deactivated", True)]
    assert events == [(user_id,)]


def test_coming_back_revives_no_old_session(live: Live) -> None:
    browser = Browser(live, fresh("ada"))
    old = browser.sign_in()
    call(live, "/me/deactivate", old.access, "POST")
    new = browser.sign_in()
    assert call(live, "/me", new.access).status_code == 200
    assert call(live, "/me", old.access).status_code == 401
    assert refresh(live, old.refresh).json()["error"] == "invalid_grant"
    assert call(live, "/me", new.access).status_code == 200


def test_a_code_from_before_leaving_gives_nothing_after_it(live: Live) -> None:
    browser, pkce = Browser(live, fresh("ada")), Pkce()
    tokens = browser.sign_in()
    code = browser.answer(pkce=pkce)["code"]
    call(live, "/me/deactivate", tokens.access, "POST")
    answer = redeem(live, code, pkce)
    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_grant", "error_description": "account_inactive"}


@pytest.mark.parametrize(("decision", "is_active"), [("deny", False), ("approve", True)])
def test_only_a_completed_sign_in_makes_active_again(live: Live, decision: str, is_active: bool) -> None:
    browser = Browser(live, fresh("ada"))
    call(live, "/me/deactivate", browser.sign_in().access, "POST")
    asked = browser.follow(browser.authorize(CLI), until=LOOPBACK)
    browser.submit(asked, decision=decision)
    with live.connect() as connection:
        query = "SELECT is_active FROM accounts_user WHERE login = %s"
        assert connection.execute(query, [browser.login]).fetchone() == (is_active,)
