"""Any sequence of refreshes, retries, replays, waits, revocations and suspensions against a model of a few lines."""

import dataclasses
import secrets
from datetime import datetime, timedelta
from unittest import mock
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.errors import AccountSuspended
from accounts.services import people
from tests.tokens.applications import register
from tests.tokens.in_process import CLI, EVERY_SCOPE, PORTAL, client_called, make_person, now, present, sign_in
from tokens.errors import InvalidGrant, NotAuthenticated
from tokens.models import Session
from tokens.repositories import sessions
from tokens.services.clients import find_client
from tokens.services.credentials import get_credential
from tokens.services.revocation import revoke_token
from tokens.services.sessions import TokenPair

pytestmark = pytest.mark.slow

# Seconds in which an honest retry is honoured: by client, and without a key.
WINDOW = {CLI: 86_400, PORTAL: 60, "wiki": 60}
SCOPE = {"wiki": "openid offline_access account:read"}
UNKEYED_WINDOW = 10
IDLE, ABSOLUTE = timedelta(days=30), timedelta(days=90)
KEYS = ["", "first-key-of-the-client", "other-key-of-the-client"]


@dataclasses.dataclass
class Model:
    """What the rules say about one session: its tokens by generation, how it last rotated, whether it is over."""

    tokens: list[str]
    rotated_at: datetime
    expires_at: datetime
    ends_at: datetime
    key: str = ""
    revoked: bool = False
    suspended: bool = False

    def expects(self, generation: int, key: str, window: int, at: datetime) -> str:
        """What a refresh with the token of this generation must give: rotate, retry, replay or over."""
        if self.revoked:
            return "over"
        newest = len(self.tokens) - 1
        if generation == newest:
            return "over" if self.suspended or at >= min(self.expires_at, self.ends_at) else "rotate"
        honest = generation == newest - 1 and key == self.key and at <= self.rotated_at + timedelta(seconds=window)
        if not honest:
            return "replay"
        return "over" if self.suspended or at >= min(self.expires_at, self.ends_at) else "retry"


class Rotation(RuleBasedStateMachine):
    """One session of one client, and everybody who ever held one of its tokens."""

    @initialize(client_id=st.sampled_from(sorted(WINDOW)))
    def open(self, client_id: str) -> None:
        if client_id == "wiki" and find_client("wiki") is None:
            register("wiki")
        self.client = client_called(client_id)
        self.now = now()
        self.person = make_person(f"ada-{secrets.token_hex(4)}")
        pair = sign_in(self.person, client_id=client_id, scope=SCOPE.get(client_id, EVERY_SCOPE), at=self.now)
        self.session_id, self.access = pair.session_id, pair.access_token
        self.model = Model([pair.refresh_token], self.now, self.now + IDLE, self.now + ABSOLUTE)

    @rule(key=st.sampled_from(KEYS))
    def rotate(self, key: str) -> None:
        self._refresh(0, key)

    @rule()
    def retry(self) -> None:
        """The answer was lost: the same token with the same key again."""
        self._refresh(1, self.model.key)

    @rule(key=st.sampled_from(KEYS))
    def retry_with_some_key(self, key: str) -> None:
        self._refresh(1, key)

    @rule(back=st.integers(2, 4), key=st.sampled_from(KEYS))
    def replay(self, back: int, key: str) -> None:
        """A token of an older generation, from an old copy of the file."""
        self._refresh(back, key)

    @rule(seconds=st.sampled_from([1, 9, 10, 11, 59, 60, 61, 86_340, 86_400, 86_401, 31 * 86_400]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    # What ends a session comes late, so that there is something to end.

    @precondition(lambda self: len(self.model.tokens) > 3)
    @rule(back=st.integers(0, 3))
    def revoke(self, back: int) -> None:
        """Any refresh token of the session, current or past, ends it."""
        revoke_token(client=self.client, token=self.model.tokens[-1 - back], now=self.now)
        self.model.revoked = True

    @precondition(lambda self: not self.model.suspended and len(self.model.tokens) > 3)
    @rule()
    def suspend(self) -> None:
        people.suspend_person(user_id=self.person.id, reason="spam", actor_id=None, now=self.now)
        self.model.suspended = self.model.revoked = True

    @precondition(lambda self: self.model.suspended)
    @rule()
    def reinstate(self) -> None:
        people.approve_person(user_id=self.person.id, actor_id=None)
        self.model.suspended = False

    @rule(key=st.sampled_from(KEYS))
    def another_client_presents_it(self, key: str) -> None:
        """Neither its clients nor anybody else's token touches the session."""
        other = client_called(PORTAL if self.client.client_id == CLI else CLI)
        with pytest.raises(InvalidGrant):
            present(self.model.tokens[-1], client=other, key=key, at=self.now)

    @invariant()
    def the_row_agrees(self) -> None:
        if not hasattr(self, "model"):
            return
        row = Session.objects.get(id=self.session_id)
        assert (row.revoked_at is not None) == self.model.revoked
        assert row.generation == len(self.model.tokens) - 1
        assert (row.expires_at, row.ends_at) == (self.model.expires_at, self.model.ends_at)

    @invariant()
    def a_session_that_is_over_lets_nobody_in(self) -> None:
        if hasattr(self, "model") and self.model.revoked:
            with pytest.raises((NotAuthenticated, AccountSuspended)):
                get_credential(token=self.access, now=self.now)

    def _refresh(self, back: int, key: str) -> None:
        """Present the newest token or one before it, and compare what happens with what the model expects."""
        model = self.model
        generation = max(0, len(model.tokens) - 1 - back)
        window = WINDOW[self.client.client_id] if key else UNKEYED_WINDOW
        expected = model.expects(generation, key, window, self.now)
        pair = self._present(model.tokens[generation], key)
        if expected == "rotate":
            assert pair is not None
            assert pair.refresh_token not in model.tokens
            model.tokens.append(pair.refresh_token)
            model.key, model.rotated_at = key, self.now
            model.expires_at = min(self.now + IDLE, model.ends_at)
            Session.objects.filter(id=self.session_id).update(rotated_at=self.now)
        elif expected == "retry":
            assert pair is not None, "an honest retry was refused"
            assert pair.refresh_token == model.tokens[-1]
        else:
            assert pair is None, expected
            model.revoked |= expected == "replay"
        if pair is not None:
            self.access = pair.access_token
            assert get_credential(token=pair.access_token, now=self.now).session_id == self.session_id

    def _present(self, token: str, key: str) -> TokenPair | None:
        with mock.patch.object(sessions, "find_session_to_judge", self._find_session_to_judge):
            try:
                return present(token, client=self.client, key=key, at=self.now)
            except (InvalidGrant, AccountSuspended):
                return None

    def _find_session_to_judge(self, session_id: UUID) -> tuple[Session, datetime] | None:
        """With the time of this story in the place of the database's."""
        session = sessions.find_session(session_id)
        return (session, self.now) if session else None


@pytest.mark.django_db
def test_rotation_keeps_to_its_rules_whatever_happens() -> None:
    run_state_machine_as_test(
        Rotation,
        settings=settings(
            max_examples=60,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
