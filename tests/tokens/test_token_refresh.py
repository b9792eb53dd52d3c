"""`POST /oauth/token` with a refresh token: single use, honest retries, and what a replay costs."""

import base64
import secrets

import httpx
import pytest

from tests.accounts.github import fresh
from tests.people import CLI, HTTP, PORTAL, Browser, Tokens, call, post_token, refresh
from tests.processes import Live
from tests.tokens.rows import age, claims, events, is_revoked, session, session_id

REUSED, MISMATCH, CLOSED = "refresh token reused", "retry key mismatch", "retry window closed"
KEY, OTHER_KEY = "a-retry-key-of-ada", "another-key-of-ada"
DAY = 86_400


@pytest.fixture
def ada(live: Live) -> Tokens:
    """A session of Ada's in her terminal."""
    return Browser(live, fresh("ada")).sign_in(CLI)


@pytest.fixture
def visitor(live: Live) -> Tokens:
    """A session of Ada's in the portal, after its first rotation."""
    return Browser(live, fresh("ada")).sign_in(PORTAL)


def assert_refused(response: httpx.Response, description: str = "", error: str = "invalid_grant") -> None:
    assert response.status_code == 400
    assert response.headers["cache-control"] == "no-store"
    assert response.json()["error"] == error
    if description:
        assert response.json()["error_description"] == description


def assert_revoked(live: Live, tokens: Tokens, because: str, *, holders: list[str]) -> None:
    """The whole session is over, seen from a second connection, and none of these access tokens works any more."""
    row = session(live, tokens.refresh)
    assert row["revoked_at"] is not None
    assert row["revoked_because"] == because
    for access in holders:
        assert call(live, "/me", access).status_code == 401


# the ordinary refresh


def test_a_refresh_gives_the_successor_and_a_fresh_access_token(live: Live, ada: Tokens) -> None:
    before = session(live, ada.refresh)
    response = refresh(live, ada.refresh)
    new = Tokens.of(response)
    assert response.headers["cache-control"] == "no-store"
    assert list(new.body) == ["access_token", "token_type", "expires_in", "refresh_token", "scope"]
    assert (new.body["token_type"], new.body["expires_in"]) == ("Bearer", 180)
    assert new.refresh != ada.refresh
    assert new.access != ada.access
    assert session_id(new.refresh) == session_id(ada.refresh)
    after = session(live, new.refresh)
    assert after["generation"] == before["generation"] + 1
    assert claims(new.access)["gen"] == after["generation"]
    assert after["previous_hash"] == before["current_hash"]
    assert after["expires_at"] > before["expires_at"]
    assert after["ends_at"] == before["ends_at"]
    assert call(live, "/me", new.access).status_code == 200


def test_earlier_access_tokens_live_out_their_minutes(live: Live, ada: Tokens) -> None:
    new = Tokens.of(refresh(live, ada.refresh))
    assert call(live, "/me", ada.access).status_code == 200
    assert call(live, "/me", new.access).status_code == 200


def test_a_session_goes_on_for_as_long_as_it_is_used(live: Live, ada: Tokens) -> None:
    tokens = ada
    for generation in range(1, 6):
        age(live, tokens.refresh, "expires_at", seconds=29 * DAY)
        tokens = Tokens.of(refresh(live, tokens.refresh))
        assert session(live, tokens.refresh)["generation"] == generation


@pytest.mark.parametrize("column", ["expires_at", "ends_at"])
def test_an_expired_session_gives_nothing_and_is_no_replay(live: Live, ada: Tokens, column: str) -> None:
    age(live, ada.refresh, "expires_at", seconds=60 * DAY)
    if column == "ends_at":
        age(live, ada.refresh, "ends_at", seconds=100 * DAY - 5 * DAY)
    assert_refused(refresh(live, ada.refresh))
    assert not is_revoked(live, ada.refresh)
    assert call(live, "/me", ada.access).status_code == 401


def test_rotation_never_passes_the_sessions_absolute_end(live: Live, ada: Tokens) -> None:
    age(live, ada.refresh, "expires_at", seconds=29 * DAY)
    age(live, ada.refresh, "ends_at", seconds=88 * DAY)
    row = session(live, Tokens.of(refresh(live, ada.refresh)).refresh)
    assert row["expires_at"] == row["ends_at"]


def test_an_access_token_never_outlives_its_session(live: Live, ada: Tokens) -> None:
    age(live, ada.refresh, "expires_at", seconds=30 * DAY - 100)
    age(live, ada.refresh, "ends_at", seconds=90 * DAY - 100)
    new = Tokens.of(refresh(live, ada.refresh))
    assert 90 <= new.body["expires_in"] <= 100
    assert claims(new.access)["exp"] <= session(live, new.refresh)["ends_at"].timestamp()


# the honest retry


@pytest.mark.parametrize("key", [KEY, "k" * 16, "~" * 255])
def test_a_lost_answer_asked_again_with_the_same_key_is_the_same_successor(live: Live, ada: Tokens, key: str) -> None:
    lost = Tokens.of(refresh(live, ada.refresh, key=key))
    row = session(live, ada.refresh)
    again = [Tokens.of(refresh(live, ada.refresh, key=key)) for _ in range(3)]
    assert {tokens.refresh for tokens in again} == {lost.refresh}
    assert len({lost.access, *(tokens.access for tokens in again)}) == 4
    assert session(live, ada.refresh) == row
    assert call(live, "/me", again[-1].access).status_code == 200
    assert Tokens.of(refresh(live, lost.refresh, key=OTHER_KEY)).refresh != lost.refresh


def test_a_lost_answer_without_a_key_may_be_asked_again_for_ten_seconds(live: Live, ada: Tokens) -> None:
    lost = Tokens.of(refresh(live, ada.refresh))
    age(live, ada.refresh, "rotated_at", seconds=8)
    assert Tokens.of(refresh(live, ada.refresh)).refresh == lost.refresh
    age(live, ada.refresh, "rotated_at", seconds=3)
    assert_refused(refresh(live, ada.refresh), CLOSED)
    assert_revoked(live, lost, CLOSED, holders=[ada.access, lost.access])


def test_a_terminals_key_is_honoured_for_a_day(live: Live, ada: Tokens) -> None:
    lost = Tokens.of(refresh(live, ada.refresh, key=KEY))
    age(live, ada.refresh, "rotated_at", seconds=DAY - 60)
    assert Tokens.of(refresh(live, ada.refresh, key=KEY)).refresh == lost.refresh
    age(live, ada.refresh, "rotated_at", seconds=61)
    assert_refused(refresh(live, ada.refresh, key=KEY), CLOSED)
    assert_revoked(live, lost, CLOSED, holders=[lost.access])


def test_the_portals_key_is_honoured_for_a_minute(live: Live, visitor: Tokens) -> None:
    lost = Tokens.of(refresh(live, visitor.refresh, client_id=PORTAL, key=KEY))
    age(live, visitor.refresh, "rotated_at", seconds=55)
    assert Tokens.of(refresh(live, visitor.refresh, client_id=PORTAL, key=KEY)).refresh == lost.refresh
    age(live, visitor.refresh, "rotated_at", seconds=6)
    assert_refused(refresh(live, visitor.refresh, client_id=PORTAL, key=KEY), CLOSED)
    assert_revoked(live, lost, CLOSED, holders=[lost.access])


@pytest.mark.parametrize(
    ("first", "second"), [(KEY, OTHER_KEY), (KEY, ""), ("", KEY), (KEY, KEY + "x"), (KEY, KEY.upper())]
)
def test_a_retry_with_another_key_is_a_replay(live: Live, ada: Tokens, first: str, second: str) -> None:
    new = Tokens.of(refresh(live, ada.refresh, key=first))
    assert_refused(refresh(live, ada.refresh, key=second), MISMATCH)
    assert_revoked(live, new, MISMATCH, holders=[ada.access, new.access])
    assert_refused(refresh(live, new.refresh, key=first))
    assert_refused(refresh(live, ada.refresh, key=first))


@pytest.mark.parametrize("key", ["", KEY])
def test_every_window_closes_when_the_successor_is_used(live: Live, ada: Tokens, key: str) -> None:
    second = Tokens.of(refresh(live, ada.refresh, key=key))
    third = Tokens.of(refresh(live, second.refresh, key=OTHER_KEY))
    assert_refused(refresh(live, ada.refresh, key=key), REUSED)
    assert_revoked(live, third, REUSED, holders=[second.access, third.access])
    assert_refused(refresh(live, third.refresh, key=OTHER_KEY))


def test_any_older_generation_is_a_replay(live: Live, ada: Tokens) -> None:
    chain = [ada]
    for _ in range(4):
        chain.append(Tokens.of(refresh(live, chain[-1].refresh)))
    assert_refused(refresh(live, chain[1].refresh), REUSED)
    assert_revoked(live, ada, REUSED, holders=[tokens.access for tokens in chain])


def test_a_replay_is_written_down_once_without_a_secret(live: Live, ada: Tokens) -> None:
    new = Tokens.of(refresh(live, ada.refresh, key=KEY))
    for _ in range(3):
        assert_refused(refresh(live, ada.refresh, key=OTHER_KEY))
    assert events(live, new.refresh)[1:] == [("session.replayed", {"cause": MISMATCH, "generation": 0})]


def test_a_revoked_session_answers_no_retry(live: Live, ada: Tokens) -> None:
    new = Tokens.of(refresh(live, ada.refresh, key=KEY))
    HTTP.post(f"{live.backend_url}/oauth/revoke", data={"client_id": CLI, "token": new.refresh})
    row = session(live, ada.refresh)
    assert_refused(refresh(live, ada.refresh, key=KEY))
    assert_refused(refresh(live, new.refresh, key=KEY))
    assert session(live, ada.refresh) == row


def test_another_session_of_the_same_person_is_not_touched(live: Live) -> None:
    browser = Browser(live, fresh("ada"))
    stolen, other = browser.sign_in(), browser.sign_in()
    Tokens.of(refresh(live, stolen.refresh, key=KEY))
    assert_refused(refresh(live, stolen.refresh, key=OTHER_KEY))
    assert call(live, "/me", other.access).status_code == 200
    assert Tokens.of(refresh(live, other.refresh)).access


# requests that must change nothing


@pytest.mark.parametrize("used", [False, True])
def test_the_token_of_another_client_touches_no_session(live: Live, ada: Tokens, visitor: Tokens, used: bool) -> None:
    for tokens, owner, thief in ((ada, CLI, PORTAL), (visitor, PORTAL, CLI)):
        if used:
            refresh(live, tokens.refresh, client_id=owner, key=KEY)
        before = session(live, tokens.refresh)
        for key in ("", KEY, OTHER_KEY):
            assert_refused(refresh(live, tokens.refresh, client_id=thief, key=key))
        assert session(live, tokens.refresh) == before
        assert call(live, "/me", tokens.access).status_code == 200


def forged(token: str, how: str) -> str:
    """A token that this service did not make, near to one that it did."""
    raw = base64.urlsafe_b64decode(token.removeprefix("insr_") + "=")
    changed = {
        "first bit of the session": bytes([raw[0] ^ 1]) + raw[1:],
        "generation": raw[:19] + bytes([raw[19] ^ 1]) + raw[20:],
        "older generation": raw[:16] + b"\x00\x00\x00\x00" + raw[20:],
        "secret": raw[:20] + secrets.token_bytes(32) + raw[52:],
        "tag": raw[:52] + secrets.token_bytes(16),
        "no tag": raw[:52],
        "longer": raw + b"\x00",
    }[how]
    return "insr_" + base64.urlsafe_b64encode(changed).decode().rstrip("=")


@pytest.mark.parametrize(
    "how", ["first bit of the session", "generation", "older generation", "secret", "tag", "no tag", "longer"]
)
@pytest.mark.parametrize("key", ["", KEY])
def test_a_forged_token_touches_nothing(live: Live, ada: Tokens, how: str, key: str) -> None:
    current = Tokens.of(refresh(live, ada.refresh, key=KEY))
    before = session(live, ada.refresh)
    assert_refused(refresh(live, forged(current.refresh, how), key=key))
    assert session(live, ada.refresh) == before
    assert call(live, "/me", current.access).status_code == 200


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token + "=",
        lambda token: token + "\n",
        lambda token: " " + token,
        lambda token: token[:-1],
        lambda token: token + "A",
        lambda token: token.upper(),
        lambda token: token.removeprefix("insr_"),
        lambda token: "insp_" + token.removeprefix("insr_"),
        lambda token: token.replace("insr_", "insr_\x00"),
        lambda token: token[:-1] + chr(ord(token[-1]) + 1),
        lambda token: "insr_" + "\u00e9" * 91,
        lambda token: "insr_",
        lambda token: "A" * 50_000,
        lambda token: "\ud7ff\U0001f600",
    ],
)
def test_garbage_touches_nothing(live: Live, ada: Tokens, spoil: "object") -> None:
    before = session(live, ada.refresh)
    assert_refused(refresh(live, spoil(ada.refresh)))  # type: ignore[operator]  # a lambda of the list
    assert session(live, ada.refresh) == before


@pytest.mark.parametrize("token", [None, ""])
def test_a_missing_token_is_an_invalid_request(live: Live, token: str | None) -> None:
    answer = post_token(live, grant_type="refresh_token", refresh_token=token)
    assert_refused(answer, "refresh_token is missing", "invalid_request")


@pytest.mark.parametrize("key", ["short", "k" * 15, "k" * 256, "with a space in it"])
def test_a_bad_retry_key_is_refused_before_anything_changes(live: Live, ada: Tokens, key: str) -> None:
    before = session(live, ada.refresh)
    answer = HTTP.post(
        f"{live.backend_url}/oauth/token",
        data={"grant_type": "refresh_token", "client_id": CLI, "refresh_token": ada.refresh},
        headers={b"Idempotency-Key": key.encode()},
    )
    assert_refused(answer, error="invalid_request")
    assert session(live, ada.refresh) == before


def test_an_access_token_or_a_code_is_no_refresh_token(live: Live, ada: Tokens) -> None:
    for token in (ada.access, "insc_" + "A" * 43):
        assert_refused(refresh(live, token))
