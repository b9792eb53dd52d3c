from datetime import datetime
from typing import Protocol

OPENED, STAFF_OPENED = "session.opened", "staff.signed_in"
"""The events of a new session: of a client, and in the admin."""


class Limits(Protocol):
    """What of a session's row says how long it can be used."""

    revoked_at: datetime | None
    expires_at: datetime
    ends_at: datetime


def is_live(session: Limits, *, now: datetime) -> bool:
    """Whether a session can still be used: neither revoked, nor idle for too long, nor past its absolute end."""
    return session.revoked_at is None and now < min(session.expires_at, session.ends_at)
