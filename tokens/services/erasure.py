from typing import Any
from uuid import UUID

from tokens.repositories import erasure


def export_access(*, user_id: UUID) -> dict[str, Any]:
    """A person's sign-ins, tokens, trusted publishers, applications and device requests, without their secrets."""
    return erasure.read_parts(user_id)


def erase_access(*, user_id: UUID) -> None:
    """Remove them, inside the caller's transaction: every token is unknown from then on."""
    erasure.remove_all(user_id)
