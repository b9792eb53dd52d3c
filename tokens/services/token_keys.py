"""The keys in `TOKEN_KEY`: which are accepted, and which are still needed."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from tokens.repositories import token_keys


@dataclass(frozen=True)
class OldTokens:
    """Sessions that an earlier key still serves; `last_ends_at` is None where there are none."""

    sessions: int
    last_ends_at: datetime | None


def list_fingerprints() -> list[str]:
    """Each accepted key by the first eight digits of its digest, the one in use first."""
    return [hashlib.sha256(b"insighta key fingerprint\0" + key.encode()).hexdigest()[:8] for key in settings.TOKEN_KEYS]


def find_old_tokens(*, promoted_at: datetime, now: datetime) -> OldTokens:
    """The sessions that would end if the keys in use before `promoted_at` were removed at `now`."""
    return OldTokens(*token_keys.count_sessions_refreshed_before(promoted_at, now=now))
