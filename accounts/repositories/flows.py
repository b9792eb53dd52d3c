from datetime import datetime
from uuid import UUID

from django.db.models.functions import Now

from accounts.models import SignInFlow


def insert_flow(flow: SignInFlow) -> None:
    flow.save(force_insert=True)


def claim_flow(flow_id: UUID, *, state_hash: bytes, claimed_hash: bytes) -> bool:
    """Replace the state by the claimed state; true for the one answer of GitHub's that may finish the flow."""
    waiting = SignInFlow.objects.filter(id=flow_id, state_hash=state_hash)
    return bool(waiting.update(state_hash=claimed_hash, answered_at=Now()))


def find_flow(flow_id: UUID) -> SignInFlow | None:
    return SignInFlow.objects.select_related("user").filter(id=flow_id).first()


def find_flow_by_state(*state_hashes: bytes) -> SignInFlow | None:
    return SignInFlow.objects.filter(state_hash__in=state_hashes).first()


def finish_flow(flow_id: UUID, *, user_id: UUID | None, refused_because: str) -> None:
    SignInFlow.objects.filter(id=flow_id).update(user_id=user_id, refused_because=refused_because, upstream={})


def decide_flow(flow_id: UUID, *, decision: str, given_id: UUID | None, now: datetime) -> bool:
    """Store the decision; true for the one caller that was first."""
    undecided = SignInFlow.objects.filter(id=flow_id, decided_at=None)
    return bool(undecided.update(decision=decision, given_id=given_id, decided_at=now))


def purge_flows(*, expired_before: datetime, limit: int) -> int:
    """Remove up to `limit` flows that expired before then; how many."""
    expired = SignInFlow.objects.filter(expires_at__lte=expired_before).values("id")[:limit]
    return SignInFlow.objects.filter(id__in=expired).delete()[0]


def count_expired(*, expired_before: datetime) -> int:
    return SignInFlow.objects.filter(expires_at__lte=expired_before).count()


def build_flow(**columns: object) -> SignInFlow:
    """A flow that is not stored yet."""
    return SignInFlow(**columns)
