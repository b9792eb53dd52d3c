"""Rows by the million, made by SQL: people, their sessions, and slots with bookings, as they would be after years."""

from typing import TYPE_CHECKING, Any, LiteralString

from psycopg import sql

from bench.product import CLI, SCOPES, Product

if TYPE_CHECKING:
    import psycopg

GROWING = ("tokens_session", "bookings_slot", "bookings_booking")
# One person has ten sessions and ten bookings; a slot has five.
_PEOPLE: LiteralString = """
INSERT INTO accounts_user (id, password, is_superuser, github_id, login, display_name, email, email_notifications,
                           avatar_url, time_zone, is_active, standing, standing_reason, is_host, is_staff)
SELECT md5('person' || n)::uuid, '', false, 1e9 + n, 'scale-' || n, '', '', false, '', 'UTC', true, 'approved',
       '', false, false
FROM generate_series(%(first)s / 10, %(last)s / 10 - 1) AS n ON CONFLICT DO NOTHING
"""
_SUBSCRIPTIONS: LiteralString = """
INSERT INTO bookings_subscription (id, user_id, plan_id, credits_remaining, starts_at, ends_at, renews)
SELECT md5('subscription' || n)::uuid, md5('person' || n)::uuid, (SELECT id FROM bookings_plan LIMIT 1), 0,
       now() - interval '1 day', now() + interval '1 year', false
FROM generate_series(%(first)s / 10, %(last)s / 10 - 1) AS n ON CONFLICT DO NOTHING
"""
_SESSIONS: LiteralString = """
INSERT INTO tokens_session (id, user_id, client_id, label, scope, generation, current_hash, handoff_challenge,
                            created_at, last_used_at, expires_at, ends_at, revoked_because)
SELECT uuidv7((n - %(last)s) * interval '1 second'), md5('person' || n %% (%(last)s / 10))::uuid, %(client)s, 'bench',
       %(scope)s, n %% 500, sha256(n::text::bytea), '', now(), now(), now() + interval '30 days',
       now() + interval '90 days', ''
FROM generate_series(%(first)s, %(last)s - 1) AS n
"""
# From the past on, a slot every minute at one of a hundred hosts who take turns.
_SLOTS: LiteralString = """
INSERT INTO bookings_slot (id, host_id, title, starts_at, ends_at, bookings_close_at, capacity, seats_taken, status)
SELECT md5('slot' || n)::uuid, md5('person' || n %% 100)::uuid, 'Scale', starts,
       starts + interval '50 minutes', starts, 6, 5, 'open'
FROM generate_series(%(first)s / 5, %(last)s / 5 - 1) AS n,
     LATERAL (SELECT date_trunc('hour', now()) + interval '20 days' - n * interval '1 minute' AS starts) AS s
"""
_BOOKINGS: LiteralString = """
INSERT INTO bookings_booking (id, slot_id, client_id, host_id, subscription_id, status, scheduled_start_time,
    scheduled_end_time, refund_window, credits_charged, credits_refunded, revision, requested_slot_id, created_at,
    changed_at, cancelled_by)
SELECT uuidv7((n - %(last)s) * interval '1 second'), md5('slot' || n / 5)::uuid, md5('person' || person)::uuid,
       md5('person' || n / 5 %% 100)::uuid, md5('subscription' || person)::uuid, 'active', starts,
       starts + interval '50 minutes', interval '12 hours', 1, 0, 0, md5('slot' || n / 5)::uuid, starts, starts, ''
FROM generate_series(%(first)s, %(last)s - 1) AS n,
     LATERAL (SELECT date_trunc('hour', now()) + interval '20 days' - (n / 5) * interval '1 minute' AS starts,
              100 + n %% greatest(1, %(last)s / 10 - 100) AS person) AS s
"""


def grow(product: Product, *, to: int) -> None:
    """Make sessions and bookings `to` each. Indexes and constraints are dropped meanwhile and built again, checked."""
    with product.connect() as connection:
        first = _count(connection, "tokens_session") if _count(connection, "bookings_slot") else 0
        given = {"first": first // 10 * 10, "last": to, "client": CLI, "scope": SCOPES}
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET maintenance_work_mem = '512MB'")
        rebuild = _drop_indexes(connection)
        for statement in (_PEOPLE, _SUBSCRIPTIONS, _SESSIONS, _SLOTS, _BOOKINGS):
            connection.execute(statement, given)
        for definition in rebuild:
            connection.execute(definition)
        connection.execute("VACUUM ANALYZE")


def _count(connection: "psycopg.Connection[Any]", table: str) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
    return int(row[0]) if row else 0


def _drop_indexes(connection: "psycopg.Connection[Any]") -> list[sql.SQL]:
    """Drop all indexes but the primary keys of the growing tables; the statements that build them again."""
    rebuild: list[sql.SQL] = []
    for table in GROWING:
        constraints = connection.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = %s::regclass AND contype IN ('u', 'x')",
            [table],
        ).fetchall()
        for name, definition in constraints:
            connection.execute(
                sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.Identifier(table), sql.Identifier(name))
            )
            rebuild.append(sql.SQL(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}'))
        indexes = connection.execute(
            "SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
            " WHERE i.indrelid = %s::regclass AND NOT i.indisprimary",
            [table],
        ).fetchall()
        for name, definition in indexes:
            connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
            rebuild.append(sql.SQL(definition))
    return rebuild
