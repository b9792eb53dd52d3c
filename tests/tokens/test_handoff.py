"""The browser hand-off to the portal: what somebody who has seen its URL can do, which is nothing."""

import httpx
import pytest

from tests.accounts.github import answered_by_github, fresh
from tests.people import CLI, HTTP, PORTAL, PORTAL_SECRET, Browser, Pkce, Tokens, call, query, refresh
from tests.processes import Live
from tests.tokens.rows import age, claims, events, is_revoked, session

KEY, OTHER_KEY = "the-portals-retry-key", "another-retry-key"


class Arrival:
    """Ada's browser has just been sent to the portal: the URL's tokens, and the verifier that only her portal knows."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.browser = Browser(live, fresh("ada"))
        self.pkce = Pkce()
        self.url = self.browser.hand_off(self.pkce)
        self.at, self.rt = self.url["at"], self.url["rt"]

    def redeem(self, *, key: str = KEY, client_id: str = PORTAL, verifier: str | None = "its own") -> httpx.Response:
        """The first refresh of the URL's token."""
        code_verifier = self.pkce.verifier if verifier == "its own" else verifier
        return refresh(self.live, self.rt, client_id=client_id, key=key, code_verifier=code_verifier)


@pytest.fixture
def arrival(live: Live) -> Arrival:
    return Arrival(live)


def assert_refused(response: httpx.Response, description: str = "") -> None:
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")
    assert response.json()["error_description"].startswith(description)


NEEDS_VERIFIER = "the first refresh of a hand-off needs its code_verifier"


def test_the_redirect_carries_exactly_what_the_portal_needs_and_leaves_no_trace(live: Live) -> None:
    browser = Browser(live, fresh("ada"))
    waiting = answered_by_github(browser, PORTAL, state="the state")
    answer = browser.follow(waiting, until=f"{live.portal_url}/auth/callback")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{live.portal_url}/auth/callback?")
    assert answer.headers["cache-control"].split(", ")[0] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.content == b""
    given = query(answer)
    assert given.keys() == {"at", "rt", "state", "iss"}
    assert (given["state"], given["iss"]) == ("the state", live.backend_url)
    assert given["rt"] not in str(answer.headers.get_list("set-cookie"))


def test_the_portal_asks_nobody_to_confirm(live: Live) -> None:
    browser = Browser(live, fresh("ada"))
    answer = browser.follow(browser.authorize(PORTAL), until=f"{live.portal_url}/auth/callback")
    assert answer.is_redirect


def test_arriving_replaces_both_tokens_of_the_url(live: Live, arrival: Arrival) -> None:
    assert claims(arrival.at)["gen"] == 0
    assert call(live, "/me", arrival.at).status_code == 401
    tokens = Tokens.of(arrival.redeem())
    assert claims(tokens.access)["gen"] == 1
    assert call(live, "/me", tokens.access).status_code == 200
    dead = call(live, "/me", arrival.at)
    assert (dead.status_code, dead.json()["code"]) == (401, "not_authenticated")
    row = session(live, tokens.refresh)
    assert (row["label"], row["client_id"], row["generation"]) == ("A browser", PORTAL, 1)


def test_later_access_tokens_outlive_a_refresh(live: Live, arrival: Arrival) -> None:
    first = Tokens.of(arrival.redeem())
    second = Tokens.of(refresh(live, first.refresh, client_id=PORTAL))
    assert call(live, "/me", first.access).status_code == 200
    assert call(live, "/me", second.access).status_code == 200
    assert call(live, "/me", arrival.at).status_code == 401


def test_later_refreshes_need_no_verifier(live: Live, arrival: Arrival) -> None:
    tokens = Tokens.of(arrival.redeem())
    for _ in range(3):
        tokens = Tokens.of(refresh(live, tokens.refresh, client_id=PORTAL))


def test_the_session_is_labelled_with_the_browser(live: Live) -> None:
    browser, pkce = Browser(live, fresh("ada")), Pkce()
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    browser.http.headers["User-Agent"] = firefox
    assert session(live, browser.hand_off(pkce)["rt"])["label"] == "Firefox on Linux"


# somebody saw the URL


@pytest.mark.parametrize("verifier", [None, "", "A" * 43, "short", "the challenge"])
@pytest.mark.parametrize("key", ["", KEY, OTHER_KEY])
def test_without_the_verifier_the_url_is_worth_nothing_before_the_owner_arrives(
    live: Live, arrival: Arrival, verifier: str | None, key: str
) -> None:
    before = session(live, arrival.rt)
    guess = arrival.pkce.challenge if verifier == "the challenge" else verifier
    assert_refused(arrival.redeem(verifier=guess, key=key), NEEDS_VERIFIER)
    assert session(live, arrival.rt) == before
    assert call(live, "/me", Tokens.of(arrival.redeem()).access).status_code == 200


@pytest.mark.parametrize("verifier", [None, "A" * 43])
@pytest.mark.parametrize("key", ["", KEY, OTHER_KEY])
@pytest.mark.parametrize("rotations", [1, 3])
def test_without_the_verifier_nobody_is_harmed_after_the_owners_arrival(
    live: Live, arrival: Arrival, verifier: str | None, key: str, rotations: int
) -> None:
    tokens = Tokens.of(arrival.redeem())
    for _ in range(rotations - 1):
        tokens = Tokens.of(refresh(live, tokens.refresh, client_id=PORTAL))
    before = session(live, arrival.rt)
    assert_refused(arrival.redeem(verifier=verifier, key=key), NEEDS_VERIFIER)
    assert session(live, arrival.rt) == before
    assert call(live, "/me", tokens.access).status_code == 200
    assert Tokens.of(refresh(live, tokens.refresh, client_id=PORTAL)).access


@pytest.mark.parametrize("redeemed", [False, True])
def test_past_the_portal_the_url_is_worth_nothing(live: Live, arrival: Arrival, redeemed: bool) -> None:
    if redeemed:
        Tokens.of(arrival.redeem())
    before = session(live, arrival.rt)
    fields = {"grant_type": "refresh_token", "refresh_token": arrival.rt, "code_verifier": arrival.pkce.verifier}
    for credentials in ({"client_id": PORTAL}, {"client_id": PORTAL, "client_secret": "wrong"}):
        answer = HTTP.post(f"{live.backend_url}/oauth/token", data=fields | credentials)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert_refused(arrival.redeem(client_id=CLI))
    assert session(live, arrival.rt) == before


def test_two_verifiers_are_refused(live: Live, arrival: Arrival) -> None:
    content = f"grant_type=refresh_token&refresh_token={arrival.rt}&code_verifier={arrival.pkce.verifier}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = HTTP.post(
        f"{live.backend_url}/oauth/token",
        content=f"{content}&code_verifier={'A' * 43}",
        headers=headers,
        auth=(PORTAL, PORTAL_SECRET),
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert arrival.redeem().status_code == 200


# retries of the first rotation


def test_the_owners_lost_answer_is_given_again(live: Live, arrival: Arrival) -> None:
    lost = Tokens.of(arrival.redeem())
    again = Tokens.of(arrival.redeem())
    assert again.refresh == lost.refresh
    assert call(live, "/me", again.access).status_code == 200


def test_the_right_verifier_with_another_key_is_a_replay(live: Live, arrival: Arrival) -> None:
    tokens = Tokens.of(arrival.redeem())
    assert_refused(arrival.redeem(key=OTHER_KEY), "retry key mismatch")
    assert session(live, arrival.rt)["revoked_because"] == "retry key mismatch"
    assert call(live, "/me", tokens.access).status_code == 401
    assert events(live, arrival.rt)[-1] == ("session.replayed", {"cause": "retry key mismatch", "generation": 0})


def test_the_right_verifier_after_the_successor_was_used_is_a_replay(live: Live, arrival: Arrival) -> None:
    tokens = Tokens.of(arrival.redeem())
    Tokens.of(refresh(live, tokens.refresh, client_id=PORTAL))
    assert_refused(arrival.redeem(), "refresh token reused")
    assert is_revoked(live, arrival.rt)


# nobody arrived


def test_an_unredeemed_hand_off_dies_after_a_minute(live: Live, arrival: Arrival) -> None:
    row = session(live, arrival.rt)
    assert (row["expires_at"] - row["created_at"]).total_seconds() == pytest.approx(60, abs=2)
    lifetime = claims(arrival.at)["exp"] - claims(arrival.at)["iat"]
    assert 58 <= lifetime <= 60
    age(live, arrival.rt, "expires_at", seconds=61)
    assert_refused(arrival.redeem(), "the session has expired")


def test_a_redeemed_hand_off_lives_as_long_as_any_session(live: Live, arrival: Arrival) -> None:
    tokens = Tokens.of(arrival.redeem())
    row = session(live, tokens.refresh)
    assert (row["expires_at"] - row["rotated_at"]).total_seconds() == pytest.approx(30 * 86_400, abs=30)
    assert (row["ends_at"] - row["created_at"]).total_seconds() == pytest.approx(90 * 86_400, abs=2)


def test_opening_the_callback_address_of_the_backend_again_gives_the_same_hand_off(live: Live) -> None:
    browser, pkce = Browser(live, fresh("ada")), Pkce()
    waiting = answered_by_github(browser, PORTAL, pkce=pkce)
    given, again = (query(browser.follow(waiting, until=f"{live.portal_url}/auth/callback")) for _ in range(2))
    assert again["rt"] == given["rt"]
    assert call(live, "/me", again["at"]).status_code == 401
    assert Tokens.of(refresh(live, given["rt"], client_id=PORTAL, code_verifier=pkce.verifier))
    with live.connect() as connection:
        counted = "SELECT count(*) FROM tokens_session s JOIN accounts_user u ON u.id = s.user_id WHERE login = %s"
        assert connection.execute(counted, [browser.login]).fetchone() == (1,)
