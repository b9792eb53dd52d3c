"""Judges a refresh that did not rotate: an honest retry, a replay (RFC 9700 §4.14.2), or an ended session. Pure."""

import enum
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from tokens.policies.refresh_tokens import RefreshToken

_RETRY_KEY = re.compile(r"[!-~]{16,255}")


class Refusal(enum.StrEnum):
    """Why a refresh was refused; the value is the `error_description`."""

    ENDED = "the session has ended, sign in again"
    EXPIRED = "the session has expired, sign in again"
    WRONG_VERIFIER = "the first refresh of a hand-off needs its code_verifier"
    REUSED = "refresh token reused"
    KEY_MISMATCH = "retry key mismatch"
    WINDOW_CLOSED = "retry window closed"
    LOST = "session lost, sign in again"


# These mean that somebody else may hold the token: the whole session is revoked.
REPLAYS = frozenset({Refusal.REUSED, Refusal.KEY_MISMATCH, Refusal.WINDOW_CLOSED})


@dataclass(frozen=True)
class Family:
    """What the session's row says about its tokens."""

    generation: int
    current_hash: bytes
    previous_hash: bytes | None
    retry_key_hash: bytes | None
    rotated_at: datetime | None
    handoff_challenge: str
    is_revoked: bool
    expires_at: datetime
    ends_at: datetime


def is_retry_key(value: str) -> bool:
    """16 to 255 visible ASCII characters."""
    return bool(_RETRY_KEY.fullmatch(value))


def hash_retry_key(value: str) -> bytes | None:
    """What is stored of a retry key; None for none."""
    return hashlib.sha256(value.encode()).digest() if value else None


def judge(
    family: Family, presented: RefreshToken, *, retry_key: str, challenge: str, window: timedelta, now: datetime
) -> Refusal | None:
    """None for an honest retry, whose successor may be given again; else why not.

    Called only for a token this service made and whose compare-and-swap hit nothing. A hand-off's URL token
    without its verifier says nothing about the owner, so it ends nothing.
    """
    if family.is_revoked:
        return Refusal.ENDED
    expected = family.handoff_challenge
    if presented.generation == 0 and expected and not hmac.compare_digest(challenge, expected):
        return Refusal.WRONG_VERIFIER
    if presented.generation >= family.generation:
        # Authentic, but not the current one: a failover or restore has lost the rotation that made it.
        is_current = hmac.compare_digest(presented.digest, family.current_hash)
        return Refusal.EXPIRED if is_current else Refusal.LOST
    if family.previous_hash is None or not hmac.compare_digest(presented.digest, family.previous_hash):
        return Refusal.REUSED
    if not _same_key(family.retry_key_hash, hash_retry_key(retry_key)):
        return Refusal.KEY_MISMATCH
    if family.rotated_at is None or now > family.rotated_at + window:
        return Refusal.WINDOW_CLOSED
    return Refusal.EXPIRED if min(family.expires_at, family.ends_at) <= now else None


def _same_key(stored: bytes | None, given: bytes | None) -> bool:
    return hmac.compare_digest(stored or b"", given or b"")
