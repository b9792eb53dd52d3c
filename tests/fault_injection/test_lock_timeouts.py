"""A lock that somebody else holds: a refresh gives up waiting, says when to retry, and changes nothing."""

from collections.abc import Iterator
from typing import LiteralString

import pytest
from django.db import connection

from tests.fault_injection.workload import new_key
from tests.people import Browser, Tokens, refresh
from tests.processes import Live, another_backend


@pytest.fixture(scope="module")
def backend(live: Live) -> Iterator[Live]:
    """The product through a backend that waits a second for a lock."""
    with another_backend(live, BACKEND_URL=live.backend_url, LOCK_WAIT_SECONDS="1") as other:
        yield other


@pytest.mark.parametrize(
    "lock", ["LOCK TABLE tokens_session IN EXCLUSIVE MODE", "SELECT 1 FROM tokens_session FOR UPDATE"]
)
def test_a_refresh_gives_up_waiting_for_a_lock(live: Live, backend: Live, lock: LiteralString) -> None:
    ada, key = Browser(live, "ada").sign_in(), new_key()
    with live.connect() as holding, holding.transaction():
        holding.execute(lock)
        # Without a limit this would wait for the end of the block, and the block for this.
        refused = refresh(backend, ada.refresh, key=key)
    assert (refused.status_code, refused.json()["error"]) == (503, "temporarily_unavailable")
    assert refused.headers["Retry-After"] == "1"
    successors = {Tokens.of(refresh(backend, ada.refresh, key=key)).refresh for _ in range(2)}
    assert len(successors - {ada.refresh}) == 1


def test_commands_and_jobs_wait_for_locks_without_a_limit(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)
