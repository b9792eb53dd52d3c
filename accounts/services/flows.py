import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts import errors
from accounts.policies import digest
from accounts.repositories import flows

if TYPE_CHECKING:
    from accounts.models import SignInFlow, User

# So long after its end a flow still leads its browser to the same sign-in, begun anew.
RESTARTS_FOR = timedelta(hours=1)


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
    """Store one sign-in flow; the flow and the secret for its browser's cookie, returned once."""
    cookie = secrets.token_urlsafe(32)
    flow = flows.build_flow(
        cookie_hash=digest(cookie),
        state_hash=digest(state),
        upstream=upstream,
        request=request,
        resume_path=resume_path,
        restart_path=restart_path,
        expires_at=now + timedelta(seconds=settings.SIGN_IN_SECONDS),
    )
    flows.insert_flow(flow)
    return flow, cookie


def find_flow_by_state(*, state: str) -> "SignInFlow | None":
    """The flow that this answer of GitHub's is for, claimed or not: its id names the cookie to look for."""
    return flows.find_flow_by_state(digest(state), _claimed(state))


@transaction.atomic(durable=True)
def claim_flow(*, state: str, cookie: str, now: datetime) -> "SignInFlow":
    """Claim the flow GitHub answers; one that is finished already is given again, for it has its answer.

    Raises SignInFlowNotFound for another browser, and SignInFlowOver for an expired flow and for one that was claimed
    and never finished, as the server or GitHub failed.
    """
    flow = find_flow_by_state(state=state)
    if flow is None or not _belongs(flow, cookie):
        raise errors.SignInFlowNotFound
    if is_finished(flow):
        return flow
    is_claimed = flow.expires_at > now and flows.claim_flow(
        flow.id, state_hash=digest(state), claimed_hash=_claimed(state)
    )
    if not is_claimed:
        raise errors.SignInFlowOver(restart_path=flow.restart_path)
    return flow


@transaction.atomic(durable=True)
def finish_flow(*, flow_id: UUID, user_id: UUID | None = None, refused_because: str = "") -> None:
    """Store whom GitHub named, or why nobody was named."""
    flows.finish_flow(flow_id, user_id=user_id, refused_because=refused_because)


def is_finished(flow: "SignInFlow") -> bool:
    """Whether GitHub's answer is stored: a person, or why nobody was named."""
    return bool(flow.user_id or flow.refused_because)


def get_finished_flow(*, flow_id: UUID, cookie: str, now: datetime) -> "SignInFlow":
    """The flow with its person, for the browser that began it, decided or not.

    Raises SignInFlowNotFound, and SignInFlowOver where it has expired undecided.
    """
    flow = flows.find_flow(flow_id)
    if flow is None or not _belongs(flow, cookie) or not is_finished(flow):
        raise errors.SignInFlowNotFound
    if flow.decided_at is None and flow.expires_at <= now:
        raise errors.SignInFlowOver(restart_path=flow.restart_path)
    return flow


def get_person_of(flow: "SignInFlow") -> "User":
    """Whom GitHub named in this flow. Raises SignInFlowNotFound where it named nobody."""
    if flow.user is None:
        raise errors.SignInFlowNotFound
    return flow.user


def decide_flow(*, flow_id: UUID, decision: str, now: datetime, given_id: UUID | None = None) -> bool:
    """Store the one decision about the flow, inside the caller's transaction; False if another request was first."""
    return flows.decide_flow(flow_id, decision=decision, given_id=given_id, now=now)


@transaction.atomic(durable=True)
def purge_flows(*, now: datetime, limit: int = 1000) -> int:
    """Remove up to `limit` flows that cannot even be begun again; how many."""
    return flows.purge_flows(expired_before=now - RESTARTS_FOR, limit=limit)


def count_expired_flows(*, now: datetime) -> int:
    """How many `purge_flows` would remove."""
    return flows.count_expired(expired_before=now - RESTARTS_FOR)


def _belongs(flow: "SignInFlow", cookie: str) -> bool:
    return hmac.compare_digest(bytes(flow.cookie_hash), digest(cookie))


def _claimed(state: str) -> bytes:
    """The digest of a claimed state. Its first byte occurs in no UTF-8, so it is no other state's digest."""
    return hashlib.sha256(b"\xff" + state.encode(errors="surrogatepass")).digest()
