from uuid import UUID

from accounts.models import Event


def insert_event(
    *,
    kind: str,
    user_id: UUID | None,
    actor_id: UUID | None,
    session_id: UUID | None,
    client_id: str,
    address: str | None,
    detail: dict[str, object],
) -> None:
    Event.objects.create(
        kind=kind,
        user_id=user_id,
        actor_id=actor_id,
        session_id=session_id,
        client_id=client_id,
        address=address,
        detail=detail,
    )


def list_events(*, user_id: UUID | None = None, kind: str = "", limit: int = 100) -> list[Event]:
    """The newest events first, of one person or one kind where given."""
    events = Event.objects.order_by("-id")
    if user_id is not None:
        events = events.filter(user_id=user_id)
    if kind:
        events = events.filter(kind=kind)
    return list(events[:limit])
