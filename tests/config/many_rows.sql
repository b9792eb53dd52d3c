-- A database as full as a busy service's, made by PostgreSQL itself: 100,000 people, and {bookings} bookings.
-- Without triggers, and without the exclusion constraints, whose check of each row takes longer than everything else.
SET session_replication_role = replica;
CREATE TEMP TABLE dropped AS
SELECT conrelid::regclass AS owner, conname, pg_get_constraintdef(oid) AS definition
  FROM pg_constraint WHERE conname IN ('slot_no_overlap', 'booking_no_overlap');
DO $$ DECLARE c record; BEGIN
    FOR c IN SELECT * FROM dropped LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.owner, c.conname); END LOOP;
END $$;
-- The id of a table's nth row: a UUID that grows with n.
CREATE FUNCTION pg_temp.row_id(kind int, n bigint) RETURNS uuid LANGUAGE sql AS $$
    SELECT ('01900000-0000-7000-' || to_hex(32768 + kind) || '-' || lpad(to_hex(n), 12, '0'))::uuid
$$;
-- Booking n is seat n % seats of slot n / seats; each hour every host has a session, and nobody is in two of them.
CREATE TEMP VIEW seat AS
SELECT n, n / 4 AS slot, n / 4 / 500 AS hour, n / 4 % 500 + 1 AS host,
       500 + 1 + n % (100000 - 500) AS client,
       date_trunc('hour', now()) + (n / 4 / 500 - ({bookings} / 4 / 500) * 4 / 5)
           * interval '1 hour' AS starts,
       CASE WHEN n % 10 = 9 THEN 'cancelled' WHEN n % 333 = 1 THEN 'no_show' ELSE 'active' END AS status
  FROM generate_series(0, {bookings} - 1) AS n;

INSERT INTO accounts_user (id, github_id, login, display_name, email, email_notifications, avatar_url, time_zone,
    is_active, standing, standing_reason, is_host, is_staff, is_superuser, password)
SELECT pg_temp.row_id(1, n), n, 'person' || n, '', 'person' || n || '@example.test', true, '', 'UTC',
    n % 1000 <> 0, CASE WHEN n % 500 = 0 THEN 'suspended' ELSE 'approved' END, '',
    n <= 500, n % 9000 = 0, false, ''
  FROM generate_series(1, 100000) AS n;

INSERT INTO accounts_event (id, kind, user_id, client_id, detail, created_at)
SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid,
    CASE WHEN n % 1000 = 0 THEN 'session.replayed' ELSE 'session.opened' END, pg_temp.row_id(1, n), '', '{}', at
  FROM (SELECT n, now() - (100000 - n) * interval '1 minute' AS at
          FROM generate_series(1, 100000) AS n) AS lines;

INSERT INTO tokens_session (id, user_id, client_id, label, scope, generation, current_hash, handoff_challenge,
    revoked_because, expires_at, ends_at)
SELECT pg_temp.row_id(3, n), pg_temp.row_id(1, n), CASE WHEN n % 100 = 0 THEN 'insighta-cli' ELSE 'insighta-portal' END, '', '', 0,
    '', '', '', now() + interval '9 days', now() + interval '90 days'
  FROM generate_series(1, 100000) AS n;

INSERT INTO tokens_personalaccesstoken (id, user_id, name, prefix, token_hash, scope)
SELECT pg_temp.row_id(4, n), pg_temp.row_id(1, n), 'script', 'insp_', sha256(n::text::bytea), ''
  FROM generate_series(1, 100000) AS n;

INSERT INTO bookings_plan (id, name, credits, period_days)
SELECT pg_temp.row_id(5, n), 'Plan ' || n, 5, 30 FROM generate_series(1, 3) AS n;

INSERT INTO bookings_subscription (id, user_id, plan_id, credits_remaining, starts_at, ends_at, renews)
SELECT pg_temp.row_id(6, n), pg_temp.row_id(1, n), pg_temp.row_id(5, CASE WHEN n % 100 = 0 THEN 2 ELSE 1 END),
    5, now(), now() + interval '30 days', n % 100 = 0
  FROM generate_series(1, 100000) AS n;

INSERT INTO bookings_slot (id, host_id, title, starts_at, ends_at, bookings_close_at, capacity, seats_taken, status,
    cancelled_at)
SELECT pg_temp.row_id(7, slot), pg_temp.row_id(1, host), 'Office hours', starts, starts + interval '1 hour', starts,
    4, 0, CASE WHEN slot % 50 = 7 THEN 'cancelled' ELSE 'open' END,
    CASE WHEN slot % 50 = 7 THEN now() END
  FROM pg_temp.seat WHERE n % 4 = 0;

INSERT INTO bookings_booking (id, slot_id, client_id, host_id, subscription_id, status, scheduled_start_time,
    scheduled_end_time, refund_window, credits_charged, credits_refunded, revision, requested_slot_id, created_at,
    changed_at, cancelled_at, cancelled_by)
SELECT pg_temp.row_id(8, n), pg_temp.row_id(7, slot), pg_temp.row_id(1, client), pg_temp.row_id(1, host),
    pg_temp.row_id(6, client), status, starts, starts + interval '1 hour', interval '12 hours', 1, 0, 0,
    pg_temp.row_id(7, slot), now(), now(), CASE WHEN status = 'cancelled' THEN now() END,
    CASE WHEN status <> 'cancelled' THEN '' WHEN n % 100 = 9 THEN 'host' WHEN n % 10000 = 19 THEN 'staff'
         ELSE 'client' END
  FROM pg_temp.seat;

INSERT INTO bookings_creditentry (id, subscription_id, booking_id, amount, reason, balance_after, created_at)
SELECT pg_temp.row_id(9, n), pg_temp.row_id(6, client), CASE WHEN n % 100 > 0 THEN pg_temp.row_id(8, n) END,
    CASE WHEN n % 100 > 0 THEN -1 ELSE 5 END,
    CASE WHEN n % 100 > 0 THEN 'booking' WHEN n % 200 = 0 THEN 'grant' ELSE 'welcome' END, 5, now()
  FROM pg_temp.seat;

INSERT INTO bookings_waitlistentry (id, slot_id, client_id, status, joined_at)
SELECT pg_temp.row_id(10, n), pg_temp.row_id(7, n / 4), pg_temp.row_id(1, n),
    CASE WHEN n % 100 = 0 THEN 'waiting' WHEN n % 100 < 50 THEN 'promoted' WHEN n % 100 < 51 THEN 'left'
         ELSE 'closed' END, now()
  FROM generate_series(1, 100000) AS n;

INSERT INTO procrastinate_jobs (queue_name, task_name, status)
SELECT 'default', 'bookings.send_notice',
    (CASE WHEN n % 5000 = 0 THEN 'failed' WHEN n > 100000 - 100 THEN 'todo' ELSE 'succeeded' END
    )::procrastinate_job_status
  FROM generate_series(1, 100000) AS n;

DO $$ DECLARE c record; BEGIN
    FOR c IN SELECT * FROM dropped LOOP
        EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.owner, c.conname, c.definition);
    END LOOP;
END $$;
DROP VIEW pg_temp.seat;
DROP TABLE pg_temp.dropped;
SET session_replication_role = origin;
ANALYZE;
