"""`POST /oauth/token` with a refresh token: single use, honest retries, and what a replay costs."""

import base64
import secrets

import httpx
import pytest

from tests.accounts.github import fresh
from tests.people import CLI, HTTP, PORTAL, Browser, Pkce, Tokens, call
from tests.processes import Live
from tests.tokens.parties import Party, party, party_of
from tests.tokens.rows import age, claims, events, is_revoked, session, session_id

__all__ = ["party"]
REUSED, MISMATCH, CLOSED = "refresh token reused", "retry key mismatch", "retry window closed"
KEY, OTHER_KEY = "a-retry-key-of-ada", "another-key-of-ada"
DAY = 86_400


@pytest.fixture
def ada(live: Live, party: Party) -> Tokens:
    """A session of Ada's in the client."""
    return party.sign_in(Browser(live, fresh("ada")))


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


def test_a_refresh_gives_the_successor_and_a_fresh_access_token(live: Live, party: Party, ada: Tokens) -> None:
    before = session(live, ada.refresh)
    response = party.refresh(ada.refresh)
    new = Tokens.of(response)
    assert response.headers["cache-control"] == "no-store"
    names = ["access_token", "token_type", "expires_in", "refresh_token", "scope"]
    assert list(new.body) == names + (["id_token"] if party.is_registered else [])
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


def test_earlier_access_tokens_live_out_their_minutes(live: Live, party: Party, ada: Tokens) -> None:
    new = Tokens.of(party.refresh(ada.refresh))
    assert call(live, "/me", ada.access).status_code == 200
    assert call(live, "/me", new.access).status_code == 200


def test_a_session_goes_on_for_as_long_as_it_is_used(live: Live, party: Party, ada: Tokens) -> None:
    tokens = ada
    for generation in range(1, 6):
        age(live, tokens.refresh, "expires_at", seconds=29 * DAY)
        tokens = Tokens.of(party.refresh(tokens.refresh))
        assert session(live, tokens.refresh)["generation"] == generation


@pytest.mark.parametrize("column", ["expires_at", "ends_at"])
def test_an_expired_session_gives_nothing_and_is_no_replay(live: Live, party: Party, ada: Tokens, column: str) -> None:
    age(live, ada.refresh, "expires_at", seconds=60 * DAY)
    if column == "ends_at":
        age(live, ada.refresh, "ends_at", seconds=100 * DAY - 5 * DAY)
    assert_refused(party.refresh(ada.refresh))
    assert not is_revoked(live, ada.refresh)
    assert call(live, "/me", ada.access).status_code == 401


def test_rotation_never_passes_the_sessions_absolute_end(live: Live, party: Party, ada: Tokens) -> None:
    age(live, ada.refresh, "expires_at", seconds=29 * DAY)
    age(live, ada.refresh, "ends_at", seconds=88 * DAY)
    row = session(live, Tokens.of(party.refresh(ada.refresh)).refresh)
    assert row["expires_at"] == row["ends_at"]


def test_an_access_token_never_outlives_its_session(live: Live, party: Party, ada: Tokens) -> None:
    age(live, ada.refresh, "expires_at", seconds=30 * DAY - 100)
    age(live, ada.refresh, "ends_at", seconds=90 * DAY - 100)
    new = Tokens.of(party.refresh(ada.refresh))
    assert 90 <= new.body["expires_in"] <= 100
    assert claims(new.access)["exp"] <= session(live, new.refresh)["ends_at"].timestamp()


# the honest retry


@pytest.mark.parametrize("key", [KEY, "k" * 16, "~" * 255])
def test_a_lost_answer_asked_again_with_the_same_key_is_the_same_successor(
    live: Live, party: Party, ada: Tokens, key: str
) -> None:
    lost = Tokens.of(party.refresh(ada.refresh, key=key))
    row = session(live, ada.refresh)
    again = [Tokens.of(party.refresh(ada.refresh, key=key)) for _ in range(3)]
    assert {tokens.refresh for tokens in again} == {lost.refresh}
    assert len({lost.access, *(tokens.access for tokens in again)}) == 4
    assert session(live, ada.refresh) == row
    assert call(live, "/me", again[-1].access).status_code == 200
    assert Tokens.of(party.refresh(lost.refresh, key=OTHER_KEY)).refresh != lost.refresh


def test_a_lost_answer_without_a_key_may_be_asked_again_for_ten_seconds(live: Live, party: Party, ada: Tokens) -> None:
    lost = Tokens.of(party.refresh(ada.refresh))
    # A busy machine may take the other five for the two requests.
    age(live, ada.refresh, "rotated_at", seconds=5)
    assert Tokens.of(party.refresh(ada.refresh)).refresh == lost.refresh
    age(live, ada.refresh, "rotated_at", seconds=6)
    assert_refused(party.refresh(ada.refresh), CLOSED)
    assert_revoked(live, lost, CLOSED, holders=[ada.access, lost.access])


def test_a_key_is_honoured_for_the_clients_window(live: Live, party: Party, ada: Tokens) -> None:
    lost = Tokens.of(party.refresh(ada.refresh, key=KEY))
    age(live, ada.refresh, "rotated_at", seconds=party.keeps_keys - 20)
    assert Tokens.of(party.refresh(ada.refresh, key=KEY)).refresh == lost.refresh
    age(live, ada.refresh, "rotated_at", seconds=21)
    assert_refused(party.refresh(ada.refresh, key=KEY), CLOSED)
    assert_revoked(live, lost, CLOSED, holders=[lost.access])


@pytest.mark.parametrize(
    ("first", "second"), [(KEY, OTHER_KEY), (KEY, ""), ("", KEY), (KEY, KEY + "x"), (KEY, KEY.upper())]
)
def test_a_retry_with_another_key_is_a_replay(live: Live, party: Party, ada: Tokens, first: str, second: str) -> None:
    new = Tokens.of(party.refresh(ada.refresh, key=first))
    assert_refused(party.refresh(ada.refresh, key=second), MISMATCH)
    assert_revoked(live, new, MISMATCH, holders=[ada.access, new.access])
    assert_refused(party.refresh(new.refresh, key=first))
    assert_refused(party.refresh(ada.refresh, key=first))


@pytest.mark.parametrize("key", ["", KEY])
def test_every_window_closes_when_the_successor_is_used(live: Live, party: Party, ada: Tokens, key: str) -> None:
    second = Tokens.of(party.refresh(ada.refresh, key=key))
    third = Tokens.of(party.refresh(second.refresh, key=OTHER_KEY))
    assert_refused(party.refresh(ada.refresh, key=key), REUSED)
    assert_revoked(live, third, REUSED, holders=[second.access, third.access])
    assert_refused(party.refresh(third.refresh, key=OTHER_KEY))


def test_any_older_generation_is_a_replay(live: Live, party: Party, ada: Tokens) -> None:
    chain = [ada]
    for _ in range(4):
        chain.append(Tokens.of(party.refresh(chain[-1].refresh)))
    assert_refused(party.refresh(chain[1].refresh), REUSED)
    assert_revoked(live, ada, REUSED, holders=[tokens.access for tokens in chain])


def test_a_replay_is_written_down_once_without_a_secret(live: Live, party: Party, ada: Tokens) -> None:
    new = Tokens.of(party.refresh(ada.refresh, key=KEY))
    for _ in range(3):
        assert_refused(party.refresh(ada.refresh, key=OTHER_KEY))
    assert events(live, new.refresh)[1:] == [("session.replayed", {"cause": MISMATCH, "generation": 0})]


def test_a_revoked_session_answers_no_retry(live: Live, party: Party, ada: Tokens) -> None:
    new = Tokens.of(party.refresh(ada.refresh, key=KEY))
    party.revoke(new.refresh)
    row = session(live, ada.refresh)
    assert_refused(party.refresh(ada.refresh, key=KEY))
    assert_refused(party.refresh(new.refresh, key=KEY))
    assert session(live, ada.refresh) == row


def test_another_session_of_the_same_person_is_not_touched(live: Live, party: Party) -> None:
    browser = Browser(live, fresh("ada"))
    stolen, other = party.sign_in(browser), party.sign_in(browser)
    Tokens.of(party.refresh(stolen.refresh, key=KEY))
    assert_refused(party.refresh(stolen.refresh, key=OTHER_KEY))
    assert call(live, "/me", other.access).status_code == 200
    assert Tokens.of(party.refresh(other.refresh)).access


# requests that must change nothing


@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize("kind", [CLI, PORTAL, "confidential"])
def test_the_token_of_another_client_touches_no_session(
    live: Live, party: Party, ada: Tokens, kind: str, used: bool
) -> None:
    thief = party_of(live, kind)
    if thief.client_id == party.client_id:
        return
    if used:
        party.refresh(ada.refresh, key=KEY)
    before = session(live, ada.refresh)
    for key in ("", KEY, OTHER_KEY):
        assert_refused(thief.refresh(ada.refresh, key=key))
    assert session(live, ada.refresh) == before
    assert call(live, "/me", ada.access).status_code == 200


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
def test_a_forged_token_touches_nothing(live: Live, party: Party, ada: Tokens, how: str, key: str) -> None:
    current = Tokens.of(party.refresh(ada.refresh, key=KEY))
    before = session(live, ada.refresh)
    assert_refused(party.refresh(forged(current.refresh, how), key=key))
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
def test_garbage_touches_nothing(live: Live, party: Party, ada: Tokens, spoil: "object") -> None:
    before = session(live, ada.refresh)
    assert_refused(party.refresh(spoil(ada.refresh)))  # type: ignore[operator]  # a lambda of the list
    assert session(live, ada.refresh) == before


@pytest.mark.parametrize("fields", [{}, {"refresh_token": ""}])
def test_a_missing_token_is_an_invalid_request(party: Party, fields: dict[str, str]) -> None:
    answer = party.post("token", grant_type="refresh_token", **fields)
    assert_refused(answer, "refresh_token is missing", "invalid_request")


@pytest.mark.parametrize("key", ["short", "k" * 15, "k" * 256, "with a space in it"])
def test_a_bad_retry_key_is_refused_before_anything_changes(live: Live, party: Party, ada: Tokens, key: str) -> None:
    before = session(live, ada.refresh)
    answer = HTTP.post(
        f"{live.backend_url}/oauth/token",
        data=party.form | {"grant_type": "refresh_token", "refresh_token": ada.refresh},
        headers={b"Idempotency-Key": key.encode()},
    )
    assert_refused(answer, error="invalid_request")
    assert session(live, ada.refresh) == before


def test_an_access_token_or_a_code_is_no_refresh_token(live: Live, party: Party, ada: Tokens) -> None:
    for token in (ada.access, "insc_" + "A" * 43):
        assert_refused(party.refresh(token))


def test_scope_narrows_one_access_token_and_never_the_session(live: Live, party: Party, ada: Tokens) -> None:
    narrow = Tokens.of(party.refresh(ada.refresh, scope="bookings:read account:read"))
    assert narrow.body["scope"] == claims(narrow.access)["scope"] == "account:read bookings:read"
    wide = Tokens.of(party.refresh(narrow.refresh))
    assert wide.body["scope"] == ada.body["scope"]


@pytest.mark.parametrize("scope", ["admin", "bookings:write", "bookings:read admin"])
def test_more_scope_than_was_given_is_refused_and_uses_nothing_up(live: Live, party: Party, scope: str) -> None:
    pkce, asked = Pkce(), "account:read bookings:read" + (" offline_access" if party.is_registered else "")
    few = Tokens.of(party.redeem(party.ask(Browser(live, fresh("ada")), pkce, scope=asked), pkce))
    refused = party.refresh(few.refresh, scope=scope)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")
    assert party.refresh(few.refresh).status_code == 200


def test_a_token_ahead_of_its_row_is_a_lost_write_and_no_alarm(live: Live, party: Party, ada: Tokens) -> None:
    """A standby without the last rotation was promoted."""
    row = session(live, ada.refresh)
    later = Tokens.of(party.refresh(ada.refresh))
    with live.connect() as connection:
        connection.execute(
            "UPDATE tokens_session SET generation = 0, current_hash = %s, previous_hash = NULL, retry_key_hash = NULL,"
            " rotated_at = NULL WHERE id = %s",
            [row["current_hash"], row["id"]],
        )
    refused = party.refresh(later.refresh)
    assert refused.json() == {"error": "invalid_grant", "error_description": "session lost, sign in again"}
    assert session(live, ada.refresh)["revoked_at"] is None
    assert "session.replayed" not in [kind for kind, _ in events(live, ada.refresh)]
