"""By what each table of the schema would be divided among several primaries, and what would stand against it.

docs/scaling.md tells operators the same. `find_violations` reads the schema of a database; `KNOWN` names what it finds
there today, each with the reason why it stays.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.backends.utils import CursorWrapper

PERSON, CALENDAR = "person", "calendar"
"""Rows of one person, and rows of one host's calendar, are on one primary."""

# The column whose value decides where a row is. Whose calendar it is, is a person's id, too.
DIVIDED = {
    "accounts_event": (PERSON, "user_id"),
    "bookings_calendarfeed": (PERSON, "user_id"),
    "bookings_creditentry": (PERSON, "user_id"),
    "bookings_subscription": (PERSON, "user_id"),
    "tokens_authorizationcode": (PERSON, "user_id"),
    "tokens_consent": (PERSON, "user_id"),
    "tokens_personalaccesstoken": (PERSON, "user_id"),
    "tokens_session": (PERSON, "user_id"),
    "tokens_trustedpublisher": (PERSON, "user_id"),
    "bookings_availabilityrule": (CALENDAR, "host_id"),
    "bookings_booking": (CALENDAR, "host_id"),
    "bookings_bookingmove": (CALENDAR, "host_id"),
    "bookings_host": (CALENDAR, "user_id"),
    "bookings_offering": (CALENDAR, "host_id"),
    "bookings_slot": (CALENDAR, "host_id"),
    "bookings_waitlistentry": (CALENDAR, "host_id"),
}
# On every primary: read by every request and written rarely.
REFERENCE = {
    "accounts_user",
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "accounts_user_groups",
    "accounts_user_user_permissions",
    "bookings_plan",
    "bookings_unfinishedupgrade",
    "django_content_type",
    "django_migrations",
    "social_auth_usersocialauth",
    "tokens_application",
    "tokens_signingkey",
}
# On one primary: small or short-lived, and nothing that is divided refers to it.
LOCAL = {
    "accounts_signinflow": "begins before the person is known, and lives for minutes",
    "tokens_devicegrant": "begins before the person is known, and lives for minutes",
    "tokens_usedjobtoken": "belongs to nobody, and lives for minutes",
    "django_admin_log": "the staff's",
    "django_session": "the staff's",
    "procrastinate_events": "the queue, which could be one for each primary",
    "procrastinate_jobs": "the queue, which could be one for each primary",
    "procrastinate_periodic_defers": "the queue, which could be one for each primary",
    "procrastinate_workers": "the queue, which could be one for each primary",
    "social_auth_association": "never written here",
    "social_auth_code": "never written here",
    "social_auth_nonce": "never written here",
    "social_auth_partial": "never written here",
}

_DIGEST = "the digest of a random secret is unique anywhere; whoever brings the secret is found by it, on every primary"
_OF_THE_SLOT = "a slot is of one host, so it holds as it is once the column stands in it"
_OF_THE_SUBSCRIPTION = "the subscription tells the person; the column would be one more write of every booking"
_NEXT_RELEASE = "the release before writes rows without it; the next one fills them and requires it"
_ACROSS = "a booking is of a calendar and its credits are a person's; checked by the transaction and by `audit`"
KNOWN = {
    "accounts_event.user_id may be null": "an event of nobody, as the switch of a signing key, is on one primary",
    "bookings_bookingmove.host_id may be null": _NEXT_RELEASE,
    "bookings_waitlistentry.host_id may be null": _NEXT_RELEASE,
    "bookings_creditentry has no user_id": _OF_THE_SUBSCRIPTION,
    "entry_one_charge lacks user_id": _OF_THE_SUBSCRIPTION,
    "entry_one_refund lacks user_id": _OF_THE_SUBSCRIPTION,
    "entry_idempotent lacks user_id": _OF_THE_SUBSCRIPTION,
    "booking_once_per_slot lacks host_id": _OF_THE_SLOT,
    "waitlist_once_per_slot lacks host_id": _OF_THE_SLOT,
    "slot_made_once_by_rule lacks host_id": "a rule is of one host, so it holds as it is once the column stands in it",
    "booking_no_overlap lacks host_id": "a client's hours with several hosts: needs a table of its own by client",
    "booking_idempotent lacks host_id": "a client's keys with several hosts: needs a table of its own by client,"
    " which would be one more row of every booking",
    "bookings_creditentry.booking_id refers to bookings_booking": _ACROSS,
    "bookings_booking.subscription_id refers to bookings_subscription": _ACROSS,
    "tokens_authorizationcode_code_hash_key lacks user_id": _DIGEST,
    "tokens_personalaccesstoken_token_hash_key lacks user_id": _DIGEST,
}


@dataclass(frozen=True)
class Unique:
    """A unique or exclusion constraint, or a unique index."""

    table: str
    name: str
    columns: frozenset[str]


@dataclass(frozen=True)
class Reference:
    table: str
    column: str
    target: str


def find_violations(cursor: CursorWrapper) -> set[str]:
    """What could not be divided as `DIVIDED` says."""
    columns = _columns(cursor)
    return {
        *(f"no place for {table}" for table in columns.keys() - DIVIDED.keys() - REFERENCE - LOCAL.keys()),
        *(f"no table {table}" for table in (DIVIDED.keys() | REFERENCE | LOCAL.keys()) - columns.keys()),
        *_missing_columns(columns),
        *_narrow_constraints(_uniques(cursor)),
        *_crossing_references(_references(cursor)),
    }


def _missing_columns(columns: dict[str, dict[str, bool]]) -> Iterator[str]:
    for table, (_, column) in DIVIDED.items():
        if column not in columns.get(table, {column: True}):
            yield f"{table} has no {column}"
        elif not columns.get(table, {column: True})[column]:
            yield f"{table}.{column} may be null"


def _narrow_constraints(uniques: Iterable[Unique]) -> Iterator[str]:
    """Each primary knows its own rows alone: what it is to keep unique must contain what decides where a row is."""
    for unique in uniques:
        if unique.table in DIVIDED and DIVIDED[unique.table][1] not in unique.columns:
            yield f"{unique.name} lacks {DIVIDED[unique.table][1]}"


def _crossing_references(references: Iterable[Reference]) -> Iterator[str]:
    """A foreign key is checked on one primary."""
    for one in references:
        kind = DIVIDED.get(one.table, (None,))[0]
        target = DIVIDED.get(one.target, (None,))[0]
        if (target and kind != target) or (one.target in LOCAL and one.table not in LOCAL):
            yield f"{one.table}.{one.column} refers to {one.target}"


def _columns(cursor: CursorWrapper) -> dict[str, dict[str, bool]]:
    """By table and name, whether the column is never null."""
    cursor.execute(
        "SELECT c.relname, a.attname, a.attnotnull FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped"
    )
    found: dict[str, dict[str, bool]] = {}
    for table, name, is_required in cursor.fetchall():
        found.setdefault(str(table), {})[str(name)] = bool(is_required)
    return found


def _uniques(cursor: CursorWrapper) -> list[Unique]:
    """All but primary keys, which are UUIDs: unique anywhere. Dividing a table puts its column before them."""
    cursor.execute(
        "SELECT c.relname, i.relname, array_agg(coalesce(a.attname, '')) FROM pg_index x"
        " JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid"
        " CROSS JOIN unnest(x.indkey::int2[]) AS key(number)"
        " LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = key.number AND a.attnum > 0"
        " WHERE c.relnamespace = 'public'::regnamespace AND (x.indisunique OR x.indisexclusion) AND NOT x.indisprimary"
        " GROUP BY c.relname, i.relname"
    )
    return [Unique(str(table), str(name), frozenset(names)) for table, name, names in cursor.fetchall()]


def _references(cursor: CursorWrapper) -> list[Reference]:
    cursor.execute(
        "SELECT k.conrelid::regclass::text, a.attname, k.confrelid::regclass::text FROM pg_constraint k"
        " JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)"
        " WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace"
    )
    return [Reference(*map(str, row)) for row in cursor.fetchall()]
