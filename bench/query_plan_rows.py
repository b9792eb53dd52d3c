"""Rows by the million, made by SQL: people, their sessions, and slots with bookings, as they would be after years."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, LiteralString
from uuid import UUID

from psycopg import sql

from bench.product import CLI, SCOPES, Product

if TYPE_CHECKING:
    import psycopg

GROWING = ("bookings_booking", "bookings_creditentry", "tokens_session", "bookings_slot")
# One of the twenty who have sessions in the weeks around now, and one of those with ten bookings, of which this is one.
BUSY_HOST, PERSON, BOOKING = UUID(f"09{7:030x}"), UUID(f"0a{7:030x}"), UUID(f"0e{7:030x}")
# How such a server is best filled. Nothing that is measured there writes to the disk.
FILLED_QUICKLY = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
}
_CONNECTIONS = 2
# Ids in the order in which they are made, like the product's; PostgreSQL's own cost more than the rows around them.
_IDS: LiteralString = """
CREATE OR REPLACE FUNCTION bench_id(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
RETURN (kind || lpad(to_hex(n), 30, '0'))::uuid
"""
# One person has ten sessions and ten bookings, whatever the size; a slot has five. A thousand more are hosts.
_PEOPLE: LiteralString = """
INSERT INTO accounts_user (id, password, is_superuser, github_id, login, display_name, email, email_notifications,
                           avatar_url, time_zone, is_active, standing, standing_reason, is_host, is_staff)
SELECT bench_id(kind, n), '', false, number + n, 'scale-' || number + n, '', '', false, '', 'UTC', true, 'approved',
       '', kind = '09', false
FROM (SELECT '0a' AS kind, 1e9 AS number, generate_series(%(people)s, %(people)s + %(more)s - 1) AS n
      UNION ALL SELECT '09', 2e9, generate_series(0, 999) WHERE %(first)s = 0) AS people
"""
_SUBSCRIPTIONS: LiteralString = """
INSERT INTO bookings_subscription (id, user_id, plan_id, credits_remaining, starts_at, ends_at, renews)
SELECT bench_id('0b', n), bench_id('0a', n), (SELECT id FROM bookings_plan LIMIT 1), 0,
       now() - interval '1 day', now() + interval '1 year', false
FROM generate_series(%(people)s, %(people)s + %(more)s - 1) AS n
"""
_SESSIONS: LiteralString = """
INSERT INTO tokens_session (id, user_id, client_id, label, scope, generation, current_hash, handoff_challenge,
                            created_at, last_used_at, expires_at, ends_at, revoked_because)
SELECT bench_id('0c', n), bench_id('0a', %(people)s + n %% %(more)s), %(client)s, 'bench', %(scope)s, n %% 500,
       sha256(n::text::bytea), '', now(), now(), now() + interval '30 days', now() + interval '90 days', ''
FROM generate_series(%(first)s, %(last)s - 1) AS n
"""
_OFFERINGS: LiteralString = """
INSERT INTO bookings_offering (id, host_id, title, minutes, capacity, public)
SELECT bench_id('0f', n), bench_id('09', n), 'Scale', 50, 6, true
FROM generate_series(0, 999) AS n WHERE %(first)s = 0
"""
# Twenty hosts take turns: a slot each 20 minutes of the two weeks before and after now, whatever the size, so a page
# shows as much at each. The size adds one for each minute before, of all hosts: of ten million rows each has 2,000.
_STARTS: LiteralString = """
LATERAL (SELECT date_trunc('hour', now()) + interval '13 days' -
                (n * 20 - greatest(0, n - 2000) * 19) * interval '1 minute' AS starts,
                n %% CASE WHEN n < 2000 THEN 20 ELSE 1000 END AS host) AS s
"""
_SLOTS: LiteralString = (
    """
INSERT INTO bookings_slot (id, host_id, offering_id, title, starts_at, ends_at, bookings_close_at, capacity,
                           seats_taken, status)
SELECT bench_id('0d', n), bench_id('09', host), bench_id('0f', host), 'Scale', starts,
       starts + interval '50 minutes', starts, 6, 5, 'open'
FROM generate_series(%(first)s / 5, %(last)s / 5 - 1) AS n,
"""
    + _STARTS
)
_BOOKINGS: LiteralString = (
    """
INSERT INTO bookings_booking (id, slot_id, client_id, host_id, subscription_id, status, scheduled_start_time,
    scheduled_end_time, refund_window, credits_charged, credits_refunded, revision, requested_slot_id, created_at,
    changed_at, cancelled_by)
SELECT bench_id('0e', n * 5 + seat), slot, person, bench_id('09', host), subscription, 'active',
       starts, starts + interval '50 minutes', interval '12 hours', 1, 0, 0, slot, starts, starts, ''
FROM generate_series(%(first)s / 5, %(last)s / 5 - 1) AS n, generate_series(0, 4) AS seat,
     LATERAL (SELECT %(people)s + (n * 5 + seat) %% %(more)s AS number) AS p,
     LATERAL (SELECT bench_id('0a', number) AS person, bench_id('0b', number) AS subscription) AS b,
     LATERAL (SELECT bench_id('0d', n) AS slot) AS d,
"""
    + _STARTS
)

_LEDGER: LiteralString = """
INSERT INTO bookings_creditentry (id, subscription_id, booking_id, amount, reason, balance_after, created_at)
SELECT bench_id('10', n), bench_id('0b', %(people)s + n %% %(more)s), bench_id('0e', n), -1, 'booking', 0, now()
FROM generate_series(%(first)s, %(last)s - 1) AS n
"""


def grow(product: Product, *, to: int) -> None:
    """Make sessions and paid bookings `to` each, beside those that are there, without indexes meanwhile.

    The two exclusion constraints come back as the indexes that they consist of: to take one up again, PostgreSQL would
    look for what collides with each of the rows, for longer than everything else takes.
    """
    with product.connect() as connection:
        connection.execute(_IDS)
        first = _count_made(connection)
        rebuild = _drop_indexes(connection)
    # Who is there already gets no more, so the lists of one person are as long at each size.
    people = {"people": first // 10, "more": (to - first) // 10}
    given = {"first": first, "last": to, **people, "client": CLI, "scope": SCOPES}
    _carry_out(product, (_BOOKINGS, _SESSIONS, _LEDGER, _PEOPLE, _SUBSCRIPTIONS, _OFFERINGS, _SLOTS), given)
    _carry_out(product, rebuild)
    _carry_out(product, [sql.SQL("VACUUM ANALYZE {}").format(sql.Identifier(table)) for table in GROWING])
    _carry_out(product, ["VACUUM ANALYZE"])


def _carry_out(product: Product, statements: Sequence[Any], given: dict[str, Any] | None = None) -> None:
    """Statements of which the order is no matter, several at once."""

    def carry_out(statement: Any) -> None:
        with product.connect() as connection:
            # No triggers, foreign keys included; what a connection does, it does on one core.
            connection.execute("SET session_replication_role = replica")
            connection.execute("SET max_parallel_maintenance_workers = 0")
            connection.execute("SET maintenance_work_mem = '512MB'")
            connection.execute(statement, given)

    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        list(pool.map(carry_out, statements))


def _count_made(connection: "psycopg.Connection[Any]") -> int:
    """How many sessions were made here. The first hosts are made with them, beside whoever is there already."""
    row = connection.execute(
        "SELECT count(*) FROM tokens_session WHERE id BETWEEN bench_id('0c', 0) AND bench_id('0d', 0)"
    ).fetchone()
    return int(row[0]) if row else 0


def _drop_indexes(connection: "psycopg.Connection[Any]") -> list[sql.SQL]:
    """Drop all indexes but the primary keys of the growing tables; the statements that build them again."""
    rebuild: list[sql.SQL] = []
    for table in GROWING:
        indexes = connection.execute(
            "SELECT c.relname, pg_get_indexdef(i.indexrelid), k.conname FROM pg_index i"
            " JOIN pg_class c ON c.oid = i.indexrelid LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid"
            " AND k.contype IN ('u', 'x') WHERE i.indrelid = %s::regclass AND NOT i.indisprimary",
            [table],
        ).fetchall()
        for name, definition, constraint in indexes:
            drop = sql.SQL("ALTER TABLE {0} DROP CONSTRAINT {1}") if constraint else sql.SQL("DROP INDEX {1}")
            connection.execute(drop.format(sql.Identifier(table), sql.Identifier(name)))
            rebuild.append(sql.SQL(definition))
    # What takes longest first, so that no core waits for the other.
    return sorted(rebuild, key=lambda statement: "gist" not in statement.as_string())
