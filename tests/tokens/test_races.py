"""One token, many requests at once, several server workers: there is exactly one successor, whatever happens."""

import time
from collections.abc import Iterator

import pytest

from tests.accounts.github import fresh
from tests.people import CLI, Browser, Tokens, call, refresh
from tests.processes import Live
from tests.tokens.races import Answer, Racers
from tests.tokens.rows import claims, events, is_revoked, session, session_id

REQUESTS = 20
REPLAYS = {"retry key mismatch", "refresh token reused"}


@pytest.fixture
def racers(live: Live) -> Iterator[Racers]:
    racers = Racers(live, REQUESTS)
    yield racers
    racers.close()


def successors(answers: list[Answer]) -> set[str]:
    return {answer.body["refresh_token"] for answer in answers if answer.status == 200}


def session_count(live: Live) -> int:
    with live.connect() as connection:
        row = connection.execute("SELECT count(*) FROM tokens_session").fetchone()
    assert row is not None
    return int(str(row[0]))


@pytest.mark.parametrize(("keyed", "races"), [(True, 200), (False, 40)], ids=["one retry key", "no key"])
def test_two_hundred_races_of_twenty_give_one_successor_each(
    live: Live, racers: Racers, keyed: bool, races: int
) -> None:
    token = first = Browser(live, fresh("ada")).sign_in().refresh
    rows = session_count(live)
    for race in range(1, races + 1):
        key = f"the-key-of-race-{race}" if keyed else ""
        answers = racers.refresh(token, keys=[key] * REQUESTS)
        assert [answer.status for answer in answers] == [200] * REQUESTS
        (token,) = successors(answers)
        access = {answer.body["access_token"] for answer in answers}
        assert len(access) == REQUESTS
        assert {claims(one)["gen"] for one in access} == {race}
    row = session(live, first)
    assert (row["generation"], row["revoked_at"]) == (races, None)
    assert session_count(live) == rows
    # Alive for the retry of the last race, and for whoever holds the last successor.
    assert call(live, "/me", access.pop()).status_code == 200
    assert Tokens.of(refresh(live, token, key="the-key-of-the-next")).refresh != token


def test_requests_with_keys_of_their_own_give_one_success_and_end_the_session(live: Live, racers: Racers) -> None:
    browser = Browser(live, fresh("ada"))
    for race in range(10):
        first = browser.sign_in()
        answers = racers.refresh(
            first.refresh, keys=[f"retry-key-{number}-of-race-{race}" for number in range(REQUESTS)]
        )
        won = [answer for answer in answers if answer.status == 200]
        lost = [answer for answer in answers if answer.status == 400]
        assert (len(won), len(lost)) == (1, REQUESTS - 1)
        assert {answer.body["error"] for answer in lost} == {"invalid_grant"}
        row = session(live, first.refresh)
        assert row["generation"] == 1
        assert row["revoked_because"] in REPLAYS
        assert refresh(live, won[0].body["refresh_token"]).status_code == 400
        assert call(live, "/me", won[0].body["access_token"]).status_code == 401
        assert [kind for kind, _ in events(live, first.refresh)] == ["session.opened", "session.replayed"]


def test_a_sign_out_among_refreshes_is_final(live: Live, racers: Racers) -> None:
    browser = Browser(live, fresh("ada"))
    for race in range(10):
        first = browser.sign_in()
        refreshing = {"grant_type": "refresh_token", "client_id": CLI, "refresh_token": first.refresh}
        key = {"Idempotency-Key": "the-key-of-the-terminal"}
        requests = [("/oauth/token", refreshing, key) for _ in range(9)]
        requests.insert(race, ("/oauth/revoke", {"client_id": CLI, "token": first.refresh}, {}))
        answers = racers.send(requests)
        assert answers[race].status == 200
        assert is_revoked(live, first.refresh)
        given = [answer.body for index, answer in enumerate(answers) if answer.status == 200 and index != race]
        assert len({body["refresh_token"] for body in given}) <= 1
        for body in given:
            assert call(live, "/me", body["access_token"]).status_code == 401
            assert refresh(live, body["refresh_token"]).status_code == 400


def test_a_refresh_that_waits_for_a_suspension_finds_the_session_gone(live: Live, racers: Racers) -> None:
    browser = Browser(live, fresh("mallory"))
    first = browser.sign_in()
    form = {"grant_type": "refresh_token", "client_id": CLI, "refresh_token": first.refresh}
    with live.connect() as connection:
        with connection.transaction():
            # What a suspension does: the person first, then every session, in one transaction.
            connection.execute("UPDATE accounts_user SET standing = 'suspended' WHERE login = %s", [browser.login])
            connection.execute(
                "UPDATE tokens_session SET revoked_at = now(), revoked_because = 'account suspended' WHERE id = %s",
                [session_id(first.refresh)],
            )
            racers.start([("/oauth/token", form, {})])
            wait_for_a_blocked_rotation(live)
        (answer,) = racers.answers(1)
        # The person's row was read before the suspension; the session's own row is what must stop the rotation.
        assert answer.status == 400
        assert session(live, first.refresh)["generation"] == 0


def wait_for_a_blocked_rotation(live: Live) -> None:
    """Return once a server process waits for a row lock with the rotation's statement. Fails after five seconds."""
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock' AND query LIKE %s"
    deadline = time.monotonic() + 5
    with live.connect() as watcher:
        while watcher.execute(blocked, [live.database, "%UPDATE tokens_session%"]).fetchone() == (0,):
            assert time.monotonic() < deadline
            time.sleep(0.01)
