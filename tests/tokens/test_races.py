"""One token, many requests at once, several server workers: there is exactly one successor, whatever happens."""

from collections.abc import Iterator

import pytest

from tests.accounts.github import fresh
from tests.people import CLI, Browser, Tokens, call
from tests.processes import Live
from tests.tokens.parties import Party, party
from tests.tokens.races import Answer, Racers, queued, refreshes, wait_for_blocked
from tests.tokens.rows import claims, events, is_revoked, session, session_id

__all__ = ["party"]
REQUESTS = 20
# Two workers of eight threads each: however the connections fall, at least these wait at one moment.
WAITING = 8


@pytest.fixture
def racers(live: Live) -> Iterator[Racers]:
    racers = Racers(live, REQUESTS)
    yield racers
    racers.close()


def one_successor(answers: list[Answer], *, generation: int) -> set[str]:
    """The refresh tokens of answers that must all succeed with this generation, each with its own access token."""
    assert [answer.status for answer in answers] == [200] * REQUESTS
    access = {answer.body["access_token"] for answer in answers}
    assert len(access) == REQUESTS
    assert {claims(one)["gen"] for one in access} == {generation}
    return {answer.body["refresh_token"] for answer in answers}


def session_count(live: Live) -> int:
    with live.connect() as connection:
        row = connection.execute("SELECT count(*) FROM tokens_session").fetchone()
    assert row is not None
    return int(str(row[0]))


def test_races_of_twenty_give_one_successor_each(live: Live, party: Party, racers: Racers) -> None:
    token = first = party.sign_in(Browser(live, fresh("ada"))).refresh
    rows, races = session_count(live), 200 if party.client_id == CLI else 40
    for race in range(1, races + 1):
        answers = racers.refresh(token, keys=[f"the-key-of-race-{race}"] * REQUESTS, form=party.form)
        (token,) = one_successor(answers, generation=race)
    row = session(live, first)
    assert (row["generation"], row["revoked_at"]) == (races, None)
    assert session_count(live) == rows
    # Alive for the retry of the last race, and for whoever holds the last successor.
    assert call(live, "/me", answers[0].body["access_token"]).status_code == 200
    assert Tokens.of(party.refresh(token, key="the-key-of-the-next")).refresh != token


@pytest.mark.parametrize("key", ["", "one-key-for-all-races"])
def test_requests_that_all_wait_for_the_same_row_get_one_successor(
    live: Live, party: Party, racers: Racers, key: str
) -> None:
    token = party.sign_in(Browser(live, fresh("ada"))).refresh
    for race in range(1, 21):
        with queued(live, token, at_least=WAITING):
            racers.start(refreshes(token, keys=[key] * REQUESTS, form=party.form))
        (token,) = one_successor(racers.answers(REQUESTS), generation=race)


def test_requests_with_keys_of_their_own_give_one_success_and_end_the_session(
    live: Live, party: Party, racers: Racers
) -> None:
    browser = Browser(live, fresh("ada"))
    for race in range(10):
        first = party.sign_in(browser)
        keys = [f"retry-key-{number}-of-race-{race}" for number in range(REQUESTS)]
        with queued(live, first.refresh, at_least=WAITING):
            racers.start(refreshes(first.refresh, keys=keys, form=party.form))
        answers = racers.answers(REQUESTS)
        won = [answer for answer in answers if answer.status == 200]
        lost = [answer for answer in answers if answer.status == 400]
        assert (len(won), len(lost)) == (1, REQUESTS - 1)
        assert {answer.body["error"] for answer in lost} == {"invalid_grant"}
        row = session(live, first.refresh)
        assert (row["generation"], row["revoked_because"]) == (1, "retry key mismatch")
        assert party.refresh(won[0].body["refresh_token"]).status_code == 400
        assert call(live, "/me", won[0].body["access_token"]).status_code == 401
        assert [kind for kind, _ in events(live, first.refresh)] == ["session.opened", "session.replayed"]


def test_a_sign_out_among_refreshes_is_final(live: Live, party: Party, racers: Racers) -> None:
    browser = Browser(live, fresh("ada"))
    for race in range(10):
        first = party.sign_in(browser)
        requests = refreshes(first.refresh, keys=["the-key-of-the-terminal"] * 9, form=party.form)
        requests.insert(race, ("/oauth/revoke", party.form | {"token": first.refresh}, {}))
        answers = racers.send(requests)
        assert answers[race].status == 200
        assert is_revoked(live, first.refresh)
        given = [answer.body for index, answer in enumerate(answers) if answer.status == 200 and index != race]
        assert len({body["refresh_token"] for body in given}) <= 1
        for body in given:
            assert call(live, "/me", body["access_token"]).status_code == 401
            assert party.refresh(body["refresh_token"]).status_code == 400


def test_a_refresh_that_waits_for_a_suspension_finds_the_session_gone(live: Live, party: Party, racers: Racers) -> None:
    browser = Browser(live, fresh("mallory"))
    first = party.sign_in(browser)
    with live.connect() as connection:
        with connection.transaction():
            # What a suspension does: the person first, then every session, in one transaction.
            connection.execute("UPDATE accounts_user SET standing = 'suspended' WHERE login = %s", [browser.login])
            connection.execute(
                "UPDATE tokens_session SET revoked_at = now(), revoked_because = 'account suspended' WHERE id = %s",
                [session_id(first.refresh)],
            )
            racers.start(refreshes(first.refresh, keys=[""], form=party.form))
            wait_for_blocked(live, 1)
        (answer,) = racers.answers(1)
        # The person's row was read before the suspension; the session's own row is what must stop the rotation.
        assert answer.status == 400
        assert session(live, first.refresh)["generation"] == 0
