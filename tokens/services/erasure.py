from typing import Any
from uuid import UUID

from tokens.repositories import erasure


def export_access(*, user_id: UUID) -> dict[str, Any]:
    """A person's sign-ins, tokens, trusted publishers, applications and device requests, without their secrets."""
    return {
        "sign_ins": erasure.read_sessions(user_id),
        "personal_access_tokens": erasure.read_tokens(user_id),
        "trusted_publishers": erasure.read_publishers(user_id),
        "applications": erasure.read_consents(user_id),
        "device_requests": erasure.read_device_requests(user_id),
    }


def erase_access(*, user_id: UUID) -> None:
    """Remove them, inside the caller's transaction: every token is unknown from then on."""
    erasure.remove_all(user_id)
