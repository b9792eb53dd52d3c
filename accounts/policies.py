import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

APPROVED, PENDING, SUSPENDED = "approved", "pending", "suspended"


@dataclass(frozen=True)
class GitHubIdentity:
    """Who GitHub says somebody is. `github_id` is immutable; everything else may change or be recycled."""

    github_id: int
    login: str
    name: str = ""
    email: str = ""
    avatar_url: str = ""


def standing_for_new_person(registration: str) -> str:
    """`pending` where the staff approve newcomers (`REGISTRATION=approval`), else `approved`."""
    return PENDING if registration == "approval" else APPROVED


def refusal(*, is_active: bool, standing: str) -> str | None:
    """Why a person may not use the service: an error code, or None when they may."""
    if standing == SUSPENDED:
        return "account_suspended"
    if standing == PENDING:
        return "account_pending"
    return None if is_active else "account_inactive"


def first_id_at(instant: datetime) -> UUID:
    """The least UUIDv7 of this millisecond (RFC 9562 §5.7): ids made later are greater."""
    milliseconds = int(instant.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62)


def clean_text(value: str, *, limit: int) -> str:
    """Text that a person or a program chose, safe to show on one line: no control or direction characters, trimmed."""
    visible = "".join(c for c in value if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
    return re.sub(r"\s+", " ", visible).strip()[:limit]
