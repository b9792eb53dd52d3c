"""A database as full as a busy service's, made by PostgreSQL itself in seconds instead of by a million requests."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

PEOPLE = 100_000
# The suite's size; docs/operations.md has what was measured with a million.
BOOKINGS = int(os.environ.get("INSIGHTA_TEST_BOOKINGS", "200000"))
HOSTS, SEATS = 500, 4
# Searching for overlaps takes longer than everything else; no two sessions here overlap.
_SEARCHING = {"bookings_slot": "slot_no_overlap", "bookings_booking": "booking_no_overlap"}


def make_crowd() -> None:
    """Fill the tables of the admin's lists. Triggers and foreign keys sleep meanwhile; checks do not."""
    sizes = {"people": PEOPLE, "bookings": BOOKINGS, "hosts": HOSTS, "seats": SEATS}
    with connection.cursor() as cursor, _unguarded():
        for statement in _ROWS:
            cursor.execute(statement, sizes)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


@contextmanager
def _unguarded() -> Iterator[None]:
    """Without triggers, and without the constraints that search; all are back at the end."""
    find = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s"
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        rules = {}
        for table, name in _SEARCHING.items():
            cursor.execute(find, [name])
            rules[table, name] = cursor.fetchone()[0]
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        yield
        for (table, name), definition in rules.items():
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
        cursor.execute("SET session_replication_role = origin")


def _id(table: int, number: str) -> str:
    """The id of a table's nth row: a UUID that grows with n."""
    return f"('01900000-0000-7000-{0x8000 + table:x}-' || lpad(to_hex({number}), 12, '0'))::uuid"


SOMEBODY = "01900000-0000-7000-8001-00000000abcd"
_PERSON, _EVENT, _SESSION, _TOKEN, _PLAN, _SUBSCRIPTION, _SLOT, _BOOKING, _ENTRY, _WAITING = range(1, 11)
_USER = _id(_PERSON, "n")
# Booking n is seat n % seats of slot n / seats; each hour every host has a session, and nobody is in two of them.
_SEAT = """
SELECT n, n / %(seats)s AS slot, n / %(seats)s / %(hosts)s AS hour, n / %(seats)s %% %(hosts)s + 1 AS host,
       %(hosts)s + 1 + n %% (%(people)s - %(hosts)s) AS client,
       date_trunc('hour', now()) + (n / %(seats)s / %(hosts)s - (%(bookings)s / %(seats)s / %(hosts)s) * 4 / 5)
           * interval '1 hour' AS starts,
       CASE WHEN n %% 10 = 9 THEN 'cancelled' WHEN n %% 333 = 1 THEN 'no_show' ELSE 'active' END AS status
  FROM generate_series(0, %(bookings)s - 1) AS n
"""
_ROWS = (
    f"""
INSERT INTO accounts_user (id, github_id, login, display_name, email, email_notifications, avatar_url, time_zone,
    is_active, standing, standing_reason, is_host, is_staff, is_superuser, password)
SELECT {_USER}, n, 'person' || n, '', 'person' || n || '@example.test', true, '', 'UTC',
    n %% 1000 <> 0, CASE WHEN n %% 500 = 0 THEN 'suspended' ELSE 'approved' END, '',
    n <= %(hosts)s, n %% 9000 = 0, false, ''
  FROM generate_series(1, %(people)s) AS n""",
    f"""
INSERT INTO accounts_event (id, kind, user_id, client_id, detail, created_at)
SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid,
    CASE WHEN n %% 1000 = 0 THEN 'session.replayed' ELSE 'session.opened' END, {_USER}, '', '{{}}', at
  FROM (SELECT n, now() - (%(people)s - n) * interval '1 minute' AS at
          FROM generate_series(1, %(people)s) AS n) AS lines""",
    f"""
INSERT INTO tokens_session (id, user_id, client_id, label, scope, generation, current_hash, handoff_challenge,
    revoked_because, expires_at, ends_at)
SELECT {_id(_SESSION, "n")}, {_USER}, CASE WHEN n %% 100 = 0 THEN 'insighta-cli' ELSE 'insighta-portal' END, '', '', 0,
    '', '', '', now() + interval '9 days', now() + interval '90 days'
  FROM generate_series(1, %(people)s) AS n""",
    f"""
INSERT INTO tokens_personalaccesstoken (id, user_id, name, prefix, token_hash, scope)
SELECT {_id(_TOKEN, "n")}, {_USER}, 'script', 'insp_', sha256(n::text::bytea), ''
  FROM generate_series(1, %(people)s) AS n""",
    f"""
INSERT INTO bookings_plan (id, name, credits, period_days)
SELECT {_id(_PLAN, "n")}, 'Plan ' || n, 5, 30 FROM generate_series(1, 3) AS n""",
    f"""
INSERT INTO bookings_subscription (id, user_id, plan_id, credits_remaining, starts_at, ends_at, renews)
SELECT {_id(_SUBSCRIPTION, "n")}, {_USER}, {_id(_PLAN, "CASE WHEN n % 100 = 0 THEN 2 ELSE 1 END".replace("%", "%%"))},
    5, now(), now() + interval '30 days', n %% 100 = 0
  FROM generate_series(1, %(people)s) AS n""",
    f"""
INSERT INTO bookings_slot (id, host_id, title, starts_at, ends_at, bookings_close_at, capacity, seats_taken, status,
    cancelled_at)
SELECT {_id(_SLOT, "slot")}, {_id(_PERSON, "host")}, 'Office hours', starts, starts + interval '1 hour', starts,
    %(seats)s, 0, CASE WHEN slot %% 50 = 7 THEN 'cancelled' ELSE 'open' END,
    CASE WHEN slot %% 50 = 7 THEN now() END
  FROM ({_SEAT}) AS seat WHERE n %% %(seats)s = 0""",
    f"""
INSERT INTO bookings_booking (id, slot_id, client_id, host_id, subscription_id, status, scheduled_start_time,
    scheduled_end_time, refund_window, credits_charged, credits_refunded, revision, requested_slot_id, created_at,
    changed_at, cancelled_at, cancelled_by)
SELECT {_id(_BOOKING, "n")}, {_id(_SLOT, "slot")}, {_id(_PERSON, "client")}, {_id(_PERSON, "host")},
    {_id(_SUBSCRIPTION, "client")}, status, starts, starts + interval '1 hour', interval '12 hours', 1, 0, 0,
    {_id(_SLOT, "slot")}, now(), now(), CASE WHEN status = 'cancelled' THEN now() END,
    CASE WHEN status <> 'cancelled' THEN '' WHEN n %% 100 = 9 THEN 'host' WHEN n %% 10000 = 19 THEN 'staff'
         ELSE 'client' END
  FROM ({_SEAT}) AS seat""",
    f"""
INSERT INTO bookings_creditentry (id, subscription_id, booking_id, amount, reason, balance_after, created_at)
SELECT {_id(_ENTRY, "n")}, {_id(_SUBSCRIPTION, "client")}, CASE WHEN n %% 100 > 0 THEN {_id(_BOOKING, "n")} END,
    CASE WHEN n %% 100 > 0 THEN -1 ELSE 5 END,
    CASE WHEN n %% 100 > 0 THEN 'booking' WHEN n %% 200 = 0 THEN 'grant' ELSE 'welcome' END, 5, now()
  FROM ({_SEAT}) AS seat""",
    f"""
INSERT INTO bookings_waitlistentry (id, slot_id, client_id, status, joined_at)
SELECT {_id(_WAITING, "n")}, {_id(_SLOT, "n / %(seats)s")}, {_USER},
    CASE WHEN n %% 100 = 0 THEN 'waiting' WHEN n %% 100 < 50 THEN 'promoted' WHEN n %% 100 < 51 THEN 'left'
         ELSE 'closed' END, now()
  FROM generate_series(1, %(people)s) AS n""",
    """
INSERT INTO procrastinate_jobs (queue_name, task_name, status)
SELECT 'default', 'bookings.send_notice',
    (CASE WHEN n %% 5000 = 0 THEN 'failed' WHEN n > %(people)s - 100 THEN 'todo' ELSE 'succeeded' END
    )::procrastinate_job_status
  FROM generate_series(1, %(people)s) AS n""",
)
