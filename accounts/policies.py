import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")
# Fillers of Hangul and Braille: letters and symbols to Unicode, nothing to the eye.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_FLAG, _TAGS = "\U0001f3f4", frozenset(map(chr, range(0xE0020, 0xE0080)))
APPROVED, PENDING, SUSPENDED = "approved", "pending", "suspended"
ADMINISTRATOR = "administrator"
"""The role that may do everything in the admin; the others are in `STAFF_ROLES`."""
MAY_USE_ACCOUNT = {"is_active": True, "standing": APPROVED}
"""The columns of a person who may use the account: for a query what `refusal` is for a person that has been read."""

REASON_LENGTH = 500
"""The most characters of why somebody is suspended."""

GITHUB_REFUSES_SERVICE = frozenset({"incorrect_client_credentials", "redirect_uri_mismatch", "application_suspended"})
"""GitHub's codes for what only whoever runs the service can mend; docs/github-app.md has the fix of each."""
GITHUB_CODES = GITHUB_REFUSES_SERVICE | {"bad_verification_code", "unverified_user_email"}


@dataclass(frozen=True)
class GitHubIdentity:
    """A person as GitHub describes them. `github_id` is immutable; everything else may change or be recycled.

    None is what GitHub did not say: what is stored of it stays.
    """

    github_id: int
    login: str
    name: str = ""
    email: str | None = None
    avatar_url: str | None = None


@dataclass(frozen=True)
class Rights:
    """What somebody may do in the admin: everything, or what these permissions allow."""

    everything: bool
    permissions: frozenset[int]

    def covers(self, other: "Rights") -> bool:
        """Whether whoever has these may act upon somebody with the others: nobody acts upon more rights than theirs."""
        return self.everything or (not other.everything and other.permissions <= self.permissions)


def standing_for_new_person(registration: str) -> str:
    """`pending` where the staff approve newcomers (`REGISTRATION=approval`), else `approved`."""
    return PENDING if registration == "approval" else APPROVED


def may_use_account(table: str) -> str:
    """`MAY_USE_ACCOUNT` as an SQL condition on accounts_user, which the statement calls `table`."""
    return f"({table}.is_active AND {table}.standing = '{APPROVED}')"


def refusal(*, is_active: bool, standing: str) -> str | None:
    """Why a person may not use the account: an error code, or None where they may."""
    if standing == SUSPENDED:
        return "account_suspended"
    if standing == PENDING:
        return "account_pending"
    return None if is_active else "account_inactive"


def first_id_at(instant: datetime) -> UUID:
    """The lowest UUIDv7 of this millisecond (RFC 9562 §5.7): ids made later are greater."""
    milliseconds = int(instant.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62)


def digest(secret: str) -> bytes:
    """What is stored of a secret that was given away: its SHA-256."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


def clean_text(value: str, *, limit: int) -> str:
    """Text that a person or a program chose, safe to show on one line, of at most `limit` characters.

    Control, format, private and unassigned characters go, bidirectional overrides and marks among them, and letters
    that look like nothing. Joiners stay between the characters that they join (Persian, Hindi, emoji), tags behind the
    flag that they spell (UTS #51 ED-14a). Empty where nothing can be seen.
    """
    kept: list[str] = []
    for place, character in enumerate(value):
        before, following = kept[-1] if kept else "", value[place + 1 : place + 2]
        if character in _JOINERS:
            is_kept = _can_be_joined(before) and _can_be_joined(following)
        elif character in _TAGS:
            is_kept = before == _FLAG or before in _TAGS
        else:
            is_kept = character not in _BLANK and unicodedata.category(character) not in _UNSAFE
        if is_kept:
            kept.append(character)
    text = re.sub(r"\s+", " ", "".join(kept)).strip()[:limit].rstrip(" \u200c\u200d")
    return text if any(unicodedata.category(character)[0] in "LNPS" for character in text) else ""


def clean_paragraphs(value: str) -> str:
    """As `clean_text`, for text of several lines; at the end of none of them is a space."""
    return "\n".join(clean_text(line, limit=len(line)) for line in value.splitlines()).strip("\n")


def _can_be_joined(character: str) -> bool:
    """A letter, a mark on one, or a symbol such as an emoji."""
    return bool(character) and (character in _TAGS or unicodedata.category(character)[0] in "LMS")


def wall_time(local: datetime) -> str:
    """`14:00`; where the clocks show that time twice, with what tells the two apart: `01:30 EDT`."""
    if local.utcoffset() == local.replace(fold=1 - local.fold).utcoffset():
        return f"{local:%H:%M}"
    name = local.tzname() or ""
    return f"{local:%H:%M} {name if name.isalpha() else f'UTC{local:%z}'}"


DEFAULT_ZONE = "UTC"


def read_zone(value: object) -> str:
    """A zone that a browser says it is in; the default for what is none."""
    return value if isinstance(value, str) and value in list_zones() else DEFAULT_ZONE


@cache
def list_zones() -> frozenset[str]:
    """The IANA names of places; not what the server is set to, nor a machine that nobody has set."""
    return frozenset(available_timezones() - {"localtime", "Factory"})


def describe_instant(instant: datetime, *, zone: ZoneInfo) -> str:
    """A time for people to read: `Tue 24 Nov 2026, 14:00 (Africa/Lagos)`."""
    local = instant.astimezone(zone)
    return f"{_day(local)}, {wall_time(local)} ({zone.key})"


def describe_period(start: datetime, end: datetime, *, zone: ZoneInfo) -> str:
    """A session's time for people to read; the end has a date of its own only where it is another day."""
    local_start, local_end = start.astimezone(zone), end.astimezone(zone)
    day_of_end = "" if local_start.date() == local_end.date() else f"{_day(local_end)}, "
    return f"{_day(local_start)}, {wall_time(local_start)}-{day_of_end}{wall_time(local_end)} ({zone.key})"


def _day(local: datetime) -> str:
    return f"{local:%a} {local.day} {local:%b %Y}"
