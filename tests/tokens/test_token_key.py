"""`TOKEN_KEY` takes a new key first and keeps accepting the old one: nobody is signed out by a rolling deployment."""

from collections.abc import Iterator

import pytest

from tests.accounts.github import fresh
from tests.people import Browser, Tokens, call, refresh
from tests.processes import Live, another_backend
from tests.tokens.rows import is_revoked, session

OLD = "development-only-token-key-do-not-deploy"
NEW = "a-new-token-key-of-at-least-32-characters"
KEY = "the-key-of-the-terminal"


@pytest.fixture(scope="module")
def promoted(live: Live) -> Iterator[Live]:
    """A process of the next deployment, with the same issuer: the new key is first, the old one accepted."""
    with another_backend(live, TOKEN_KEY=f"{NEW},{OLD}", BACKEND_URL=live.backend_url) as backend:
        yield backend


@pytest.fixture(scope="module")
def accepting(live: Live) -> Iterator[Live]:
    """A process of the deployment in between: the old key is still first, the new one accepted."""
    with another_backend(live, TOKEN_KEY=f"{OLD},{NEW}", BACKEND_URL=live.backend_url) as backend:
        yield backend


@pytest.fixture
def ada(accepting: Live, live: Live) -> Tokens:
    return Browser(live, fresh("ada")).sign_in()


def test_a_token_of_the_old_key_rotates_into_one_of_the_new(accepting: Live, promoted: Live, ada: Tokens) -> None:
    new = Tokens.of(refresh(promoted, ada.refresh))
    assert call(promoted, "/me", new.access).status_code == 200
    assert Tokens.of(refresh(promoted, new.refresh)).refresh != new.refresh


def test_old_and_new_processes_understand_each_other(accepting: Live, promoted: Live, ada: Tokens) -> None:
    tokens = ada
    for process in (promoted, accepting, promoted, accepting):
        tokens = Tokens.of(refresh(process, tokens.refresh))
        assert call(process, "/me", tokens.access).status_code == 200


@pytest.mark.parametrize("key", ["", KEY])
@pytest.mark.parametrize("order", ["forward", "backward"])
def test_an_honest_retry_across_the_change_gets_the_same_successor(
    accepting: Live, promoted: Live, ada: Tokens, key: str, order: str
) -> None:
    first, second = (accepting, promoted) if order == "forward" else (promoted, accepting)
    lost = Tokens.of(refresh(first, ada.refresh, key=key))
    again = Tokens.of(refresh(second, ada.refresh, key=key))
    assert again.refresh == lost.refresh
    assert Tokens.of(refresh(second, again.refresh)).access


def test_a_replay_across_the_change_still_ends_the_session(accepting: Live, promoted: Live, ada: Tokens) -> None:
    Tokens.of(refresh(accepting, ada.refresh, key=KEY))
    answer = refresh(promoted, ada.refresh, key="another-key-of-somebody")
    assert answer.json()["error_description"] == "retry key mismatch"
    assert is_revoked(accepting, ada.refresh)


def test_a_token_of_a_key_that_is_no_longer_accepted_is_unknown_and_touches_nothing(
    live: Live, promoted: Live, ada: Tokens
) -> None:
    new = Tokens.of(refresh(promoted, ada.refresh))
    before = session(live, new.refresh)
    answer = refresh(live, new.refresh)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert session(live, new.refresh) == before
