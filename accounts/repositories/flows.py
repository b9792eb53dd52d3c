from datetime import datetime
from uuid import UUID

from accounts.models import SignInFlow


def insert_flow(flow: SignInFlow) -> None:
    flow.save(force_insert=True)


def claim_flow(flow_id: UUID, *, state_hash: bytes, claimed_hash: bytes) -> bool:
    """Put the claimed state in the place of the state; true for the one answer of GitHub's that may finish it."""
    return bool(SignInFlow.objects.filter(id=flow_id, state_hash=state_hash).update(state_hash=claimed_hash))


def find_flow(flow_id: UUID, *, now: datetime) -> SignInFlow | None:
    return SignInFlow.objects.select_related("user").filter(id=flow_id, expires_at__gt=now).first()


def find_flow_by_state(state_hash: bytes, *, now: datetime) -> SignInFlow | None:
    return SignInFlow.objects.filter(state_hash=state_hash, expires_at__gt=now).first()


def finish_flow(flow_id: UUID, *, user_id: UUID | None, refused_because: str) -> None:
    SignInFlow.objects.filter(id=flow_id).update(user_id=user_id, refused_because=refused_because, state_hash=None)


def take_flow(flow_id: UUID) -> bool:
    """Remove the flow; true for the one caller that removed it."""
    return bool(SignInFlow.objects.filter(id=flow_id).delete()[0])


def purge_flows(*, now: datetime, limit: int) -> int:
    """Remove up to `limit` expired flows; how many."""
    expired = SignInFlow.objects.filter(expires_at__lte=now).values("id")[:limit]
    return SignInFlow.objects.filter(id__in=expired).delete()[0]


def count_expired(*, now: datetime) -> int:
    return SignInFlow.objects.filter(expires_at__lte=now).count()


def build_flow(**columns: object) -> SignInFlow:
    """A flow that is not stored yet."""
    return SignInFlow(**columns)
