import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts import errors
from accounts.repositories import flows

if TYPE_CHECKING:
    from accounts.models import SignInFlow, User


@transaction.atomic(durable=True)
def begin_flow(
    *,
    state: str,
    upstream: dict[str, object],
    request: dict[str, object],
    resume_path: str,
    restart_path: str,
    now: datetime,
) -> "tuple[SignInFlow, str]":
    """Remember one trip to GitHub; the flow and the secret for its browser's cookie, returned once."""
    cookie = secrets.token_urlsafe(32)
    flow = flows.build_flow(
        cookie_hash=_digest(cookie),
        state_hash=_digest(state),
        upstream=upstream,
        request=request,
        resume_path=resume_path,
        restart_path=restart_path,
        expires_at=now + timedelta(seconds=settings.SIGN_IN_SECONDS),
    )
    flows.insert_flow(flow)
    return flow, cookie


def find_flow_by_state(*, state: str, now: datetime) -> "SignInFlow | None":
    """The flow that waits for this answer of GitHub's, not yet claimed: its id names the cookie to look for."""
    return flows.find_flow_by_state(_digest(state), now=now)


@transaction.atomic(durable=True)
def claim_flow(*, state: str, cookie: str, now: datetime) -> "SignInFlow":
    """Take the flow that GitHub answers. Raises SignInFlowNotFound for another browser, a second use, or too late."""
    flow = flows.find_flow_by_state(_digest(state), now=now)
    if flow is None or not _belongs(flow, cookie):
        raise errors.SignInFlowNotFound
    if not flows.claim_flow(flow.id, state_hash=_digest(state), claimed_hash=_claimed(state)):
        raise errors.SignInFlowNotFound
    return flow


def find_unfinished_flow(*, state: str, now: datetime) -> "SignInFlow | None":
    """The flow that was claimed by this answer of GitHub's and never finished: the server ended, or GitHub failed."""
    return flows.find_flow_by_state(_claimed(state), now=now)


@transaction.atomic(durable=True)
def take_unfinished_flow(*, state: str, cookie: str, now: datetime) -> str:
    """Use the unfinished flow up; the path at which its browser begins again. Raises SignInFlowNotFound."""
    flow = flows.find_flow_by_state(_claimed(state), now=now)
    if flow is None or not _belongs(flow, cookie) or not flows.take_flow(flow.id):
        raise errors.SignInFlowNotFound
    return flow.restart_path


@transaction.atomic(durable=True)
def finish_flow(*, flow_id: UUID, user_id: UUID | None = None, refused_because: str = "") -> None:
    """Write down whom GitHub named, or why nobody was."""
    flows.finish_flow(flow_id, user_id=user_id, refused_because=refused_because)


def get_finished_flow(*, flow_id: UUID, cookie: str, now: datetime) -> "SignInFlow":
    """The flow with its person, for the browser that began it. Raises SignInFlowNotFound."""
    flow = flows.find_flow(flow_id, now=now)
    if flow is None or not _belongs(flow, cookie) or not (flow.user_id or flow.refused_because):
        raise errors.SignInFlowNotFound
    return flow


def get_person_of(flow: "SignInFlow") -> "User":
    """Whom GitHub named in this flow. Raises SignInFlowNotFound where it named nobody."""
    if flow.user is None:
        raise errors.SignInFlowNotFound
    return flow.user


def take_flow(*, flow_id: UUID) -> None:
    """Use the flow up, inside the caller's transaction. Raises SignInFlowNotFound if another request was first."""
    if not flows.take_flow(flow_id):
        raise errors.SignInFlowNotFound


@transaction.atomic(durable=True)
def purge_flows(*, now: datetime, limit: int = 1000) -> int:
    """Remove up to `limit` expired flows; how many."""
    return flows.purge_flows(now=now, limit=limit)


def count_expired_flows(*, now: datetime) -> int:
    """How many `purge_flows` would remove."""
    return flows.count_expired(now=now)


def _belongs(flow: "SignInFlow", cookie: str) -> bool:
    return hmac.compare_digest(bytes(flow.cookie_hash), _digest(cookie))


def _claimed(state: str) -> bytes:
    """What stands for a state that has been claimed; the first byte is in no text, so no state's digest is the same."""
    return hashlib.sha256(b"\xff" + state.encode(errors="surrogatepass")).digest()


def _digest(value: str) -> bytes:
    return hashlib.sha256(value.encode(errors="surrogatepass")).digest()
