"""`POST /oauth/revoke` (RFC 7009): any token of a session ends the session; an unknown one is no error."""

import jwt
import pytest

from tests.accounts.github import fresh
from tests.people import CLI, PORTAL, Browser, Tokens, call
from tests.processes import Live
from tests.tokens.parties import Party, party, party_of
from tests.tokens.rows import age, claims, events, is_revoked, session

__all__ = ["party"]


def assert_ended(live: Live, party: Party, tokens: Tokens) -> None:
    assert session(live, tokens.refresh)["revoked_because"] == "signed out"
    assert call(live, "/me", tokens.access).status_code == 401
    assert party.refresh(tokens.refresh).json()["error"] == "invalid_grant"


@pytest.fixture
def chain(live: Live, party: Party) -> list[Tokens]:
    """Three generations of a session of Ada's in the client."""
    tokens = [party.sign_in(Browser(live, fresh("ada")))]
    for _ in range(2):
        tokens.append(Tokens.of(party.refresh(tokens[-1].refresh)))
    return tokens


@pytest.mark.parametrize("generation", [0, 1, 2])
def test_a_refresh_token_of_any_generation_ends_the_session(
    live: Live, party: Party, chain: list[Tokens], generation: int
) -> None:
    answer = party.revoke(chain[generation].refresh)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["cache-control"] == "no-store"
    assert_ended(live, party, chain[-1])


@pytest.mark.parametrize("generation", [0, 2])
def test_an_access_token_ends_its_session(live: Live, party: Party, chain: list[Tokens], generation: int) -> None:
    assert party.revoke(chain[generation].access).status_code == 200
    assert_ended(live, party, chain[-1])


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense"])
def test_a_hint_is_only_a_hint(live: Live, party: Party, chain: list[Tokens], hint: str) -> None:
    assert party.revoke(chain[-1].refresh, token_type_hint=hint).status_code == 200
    assert_ended(live, party, chain[-1])


def test_signing_out_twice_is_fine_and_written_down_once(live: Live, party: Party, chain: list[Tokens]) -> None:
    for _ in range(3):
        assert party.revoke(chain[-1].refresh).status_code == 200
    assert [kind for kind, _ in events(live, chain[-1].refresh)] == ["session.opened", "session.ended"]


def test_the_reason_of_the_first_end_stays(live: Live, party: Party, chain: list[Tokens]) -> None:
    assert party.refresh(chain[0].refresh).json()["error_description"] == "refresh token reused"
    assert party.revoke(chain[-1].refresh).status_code == 200
    assert session(live, chain[-1].refresh)["revoked_because"] == "refresh token reused"


def test_an_expired_session_can_still_be_ended(live: Live, party: Party, chain: list[Tokens]) -> None:
    age(live, chain[-1].refresh, "expires_at", seconds=31 * 86_400)
    assert party.revoke(chain[-1].refresh).status_code == 200
    assert is_revoked(live, chain[-1].refresh)


@pytest.mark.parametrize(
    "token", ["unknown", "insr_" + "A" * 91, "insp_" + "A" * 36, "a.b.c", "\x00", "\ud7ff", "x" * 9000]
)
def test_an_unknown_token_is_no_error(party: Party, token: str) -> None:
    answer = party.revoke(token)
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_forged_access_token_ends_nothing(live: Live, party: Party, chain: list[Tokens]) -> None:
    said = claims(chain[-1].access)
    headers = {"kid": jwt.get_unverified_header(chain[-1].access)["kid"], "typ": "at+jwt"}
    forged = jwt.encode(said, "a secret of Mallory's that is long enough", "HS256", headers=headers)
    unsigned = jwt.encode(said, None, "none", headers=headers)  # type: ignore[arg-type]  # what a forger would do
    for token in (forged, unsigned, chain[-1].access[:-4] + "AAAA"):
        assert party.revoke(token).status_code == 200
    assert call(live, "/me", chain[-1].access).status_code == 200


@pytest.mark.parametrize("kind", [CLI, PORTAL, "confidential"])
def test_a_token_of_another_client_is_refused_and_touches_nothing(
    live: Live, party: Party, chain: list[Tokens], kind: str
) -> None:
    thief, tokens = party_of(live, kind), chain[-1]
    if thief.client_id == party.client_id:
        return
    before = session(live, tokens.refresh)
    for token in (tokens.refresh, tokens.access):
        answer = thief.revoke(token)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert session(live, tokens.refresh) == before
    assert call(live, "/me", tokens.access).status_code == 200


def test_other_sessions_of_the_person_go_on(live: Live, party: Party) -> None:
    browser, other = Browser(live, fresh("ada")), party_of(live, PORTAL)
    here, there = party.sign_in(browser), other.sign_in(browser)
    party.revoke(here.refresh)
    assert call(live, "/me", there.access).status_code == 200
    assert other.refresh(there.refresh).status_code == 200


@pytest.mark.parametrize("fields", [{}, {"token": ""}])
def test_a_missing_token_is_named(party: Party, fields: dict[str, str]) -> None:
    answer = party.post("revoke", **fields)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "token" in answer.json()["error_description"]
