"""The rules of the booking domain as SQL. A source gives a table's rows once, with what belongs to them from other
tables; each rule is a condition on such a row that is true where the rule is broken.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """`broken` is a condition on a row of `source`. A rule `of_jobs` breaks where the worker is away for too long."""

    name: str
    source: str
    sentence: str
    broken: str
    of_jobs: bool = False


# Overlaps are found in the order of the starts, against the latest end so far: a join of a host's slots with each
# other would read them all once for each.
SOURCES = {
    "slots": """
        SELECT s.*, coalesce(b.held, 0) AS held, coalesce(b.active, 0) AS active,
            host.is_active AS host_is_active, o.host_id AS offering_host_id,
            max(s.ends_at) FILTER (WHERE s.status = 'open') OVER (
                PARTITION BY s.host_id ORDER BY s.starts_at, s.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS host_busy_until
        FROM bookings_slot s JOIN accounts_user host ON host.id = s.host_id
        LEFT JOIN bookings_offering o ON o.id = s.offering_id
        LEFT JOIN (
            SELECT slot_id, count(*) FILTER (WHERE status <> 'cancelled') AS held,
                count(*) FILTER (WHERE status = 'active') AS active
            FROM bookings_booking GROUP BY slot_id
        ) b ON b.slot_id = s.id""",
    "bookings": """
        SELECT b.*, b.scheduled_start_time - b.refund_window AS refund_deadline,
            greatest(b.scheduled_start_time - b.refund_window, b.free_to_leave_until) AS refunded_until,
            client.is_active AS client_is_active,
            s.host_id AS slot_host_id, s.starts_at, s.ends_at, s.status AS slot_status, paid.user_id AS payer_id,
            coalesce(e.charges, 0) AS charges, coalesce(e.charged, 0) AS charged, coalesce(e.refunds, 0) AS refunds,
            coalesce(e.refunded, 0) AS refunded, coalesce(e.given_back, 0) AS given_back,
            coalesce(e.charged_to <> ARRAY[b.subscription_id], false) AS is_charged_elsewhere,
            coalesce(e.people <> ARRAY[b.client_id], false) AS is_of_others,
            coalesce(e.refunded_to <> ARRAY[b.subscription_id], false) AS is_refunded_elsewhere,
            coalesce(m.was_late, false) AS was_moved_late, coalesce(m.moves, 0) AS moves,
            coalesce(e.differences, 0) AS differences,
            max(b.scheduled_end_time) FILTER (WHERE b.status = 'active') OVER (
                PARTITION BY b.client_id ORDER BY b.scheduled_start_time, b.id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS client_busy_until,
            count(*) FILTER (WHERE b.status <> 'cancelled') OVER (PARTITION BY b.client_id, b.slot_id) AS seats
        FROM bookings_booking b JOIN bookings_slot s ON s.id = b.slot_id
        JOIN accounts_user client ON client.id = b.client_id
        LEFT JOIN bookings_subscription paid ON paid.id = b.subscription_id
        LEFT JOIN (
            SELECT e.booking_id, count(*) FILTER (WHERE e.reason = 'booking') AS charges,
                sum(-e.amount) FILTER (WHERE e.reason IN ('booking', 'difference')) AS charged,
                count(*) FILTER (WHERE e.reason = 'difference') AS differences,
                count(*) FILTER (WHERE e.reason = 'refund') AS refunds,
                sum(e.amount) FILTER (WHERE e.reason = 'refund') AS refunded,
                sum(e.amount) FILTER (WHERE e.reason = 'goodwill') AS given_back,
                array_agg(DISTINCT e.subscription_id) FILTER (WHERE e.reason = 'booking') AS charged_to,
                array_agg(DISTINCT e.subscription_id) FILTER (WHERE e.reason = 'refund') AS refunded_to,
                array_agg(DISTINCT owned.user_id) AS people
            FROM bookings_creditentry e JOIN bookings_subscription owned ON owned.id = e.subscription_id
            WHERE e.booking_id IS NOT NULL GROUP BY e.booking_id
        ) e ON e.booking_id = b.id
        LEFT JOIN (
            SELECT m.booking_id, count(*) AS moves,
                bool_or(m.moved_at >= m.previous_start_time - b.refund_window) AS was_late
            FROM bookings_bookingmove m JOIN bookings_booking b ON b.id = m.booking_id GROUP BY m.booking_id
        ) m ON m.booking_id = b.id""",
    "subscriptions": """
        SELECT s.*, coalesce(e.total, 0) AS total, coalesce(e.renewals, 0) AS renewals,
            owner.is_active AND owner.standing = 'approved' AS is_settled_by_jobs,
            coalesce(e.is_broken, false) AS has_broken_balances
        FROM bookings_subscription s JOIN accounts_user owner ON owner.id = s.user_id
        LEFT JOIN (
            SELECT subscription_id, sum(amount) AS total, sum(renewals) AS renewals,
                -- Where every balance follows from another, each is left as often as reached, but the first and last.
                bool_or(left_from <> reached + (balance = 0)::int - (balance = remaining)::int) AS is_broken
            FROM (
                SELECT one.subscription_id, step.balance, owned.credits_remaining AS remaining,
                    sum(step.amount) AS amount, sum(step.left_from) AS left_from, sum(step.reached) AS reached,
                    count(*) FILTER (
                        WHERE step.reached = 1 AND one.reason = 'renewal' AND one.created_at >= owned.starts_at
                    ) AS renewals
                FROM bookings_creditentry one JOIN bookings_subscription owned ON owned.id = one.subscription_id
                CROSS JOIN LATERAL (VALUES
                    (one.balance_after, one.amount, 0, 1), (one.balance_after - one.amount, 0, 1, 0)
                ) AS step (balance, amount, left_from, reached)
                GROUP BY one.subscription_id, step.balance, owned.credits_remaining
            ) balances GROUP BY subscription_id
        ) e ON e.subscription_id = s.id""",
    "places": """
        SELECT w.*, s.status AS slot_status, client.is_active AS client_is_active,
            EXISTS (
                SELECT FROM bookings_booking b
                WHERE b.slot_id = w.slot_id AND b.client_id = w.client_id AND b.status <> 'cancelled'
            ) AS has_seat,
            w.status = 'promoted' AND NOT EXISTS (
                SELECT FROM bookings_booking b WHERE b.client_id = w.client_id AND (b.slot_id = w.slot_id
                OR b.id IN (SELECT m.booking_id FROM bookings_bookingmove m WHERE m.previous_slot_id = w.slot_id))
            ) AS is_promoted_for_nothing,
            w.status = 'waiting' AND w.passed_over <> 'changed'
            AND s.status = 'open' AND s.seats_taken < s.capacity AND s.bookings_close_at > now()
            AND s.starts_at - coalesce(make_interval(hours => s.refund_window_hours), %(refund_window)s) > now()
            AND w.agreed_price >= s.price_credits AND (
                w.agreed_starts_at IS NULL OR (w.agreed_starts_at, w.agreed_ends_at) = (s.starts_at, s.ends_at)
            )
            AND client.is_active AND client.standing = 'approved' AND host.is_active AND host.standing = 'approved'
            AND NOT EXISTS (
                SELECT FROM bookings_booking b WHERE b.client_id = w.client_id AND b.status = 'active'
                AND tstzrange(b.scheduled_start_time, b.scheduled_end_time) && tstzrange(s.starts_at, s.ends_at)
            ) AND (s.price_credits = 0 OR EXISTS (
                SELECT FROM bookings_subscription c
                WHERE c.user_id = w.client_id AND c.credits_remaining >= s.price_credits
                AND now() BETWEEN c.starts_at AND c.ends_at - interval '1 microsecond'
            )) AND greatest(
                w.joined_at,
                (SELECT max(b.changed_at) FROM bookings_booking b WHERE b.slot_id = w.slot_id),
                (SELECT max(b.changed_at) FROM bookings_booking b WHERE b.client_id = w.client_id),
                (SELECT max(e.created_at) FROM bookings_creditentry e
                    JOIN bookings_subscription c ON c.id = e.subscription_id WHERE c.user_id = w.client_id)
            ) < now() - %(overdue_after)s AS is_passed_over
        FROM bookings_waitlistentry w JOIN bookings_slot s ON s.id = w.slot_id
        JOIN accounts_user client ON client.id = w.client_id JOIN accounts_user host ON host.id = s.host_id""",
}

RULES = (
    Rule("seats_fit", "slots", "seats_taken is between 0 and the capacity", "seats_taken NOT BETWEEN 0 AND capacity"),
    Rule("seats_match", "slots", "seats_taken is the number of bookings that hold a seat", "seats_taken <> held"),
    Rule(
        "cancelled_is_empty", "slots", "a cancelled slot has no active booking", "status = 'cancelled' AND active > 0"
    ),
    Rule(
        "slots_apart",
        "slots",
        "no two open slots of a host overlap",
        "status = 'open' AND starts_at < host_busy_until",
    ),
    Rule("made_from_own", "slots", "a slot is made from an offering of its host", "offering_host_id <> host_id"),
    Rule(
        "left_hosts_offer_nothing",
        "slots",
        "a host who has left offers nothing ahead",
        "status = 'open' AND starts_at > now() AND NOT host_is_active",
    ),
    Rule(
        "charged_once",
        "bookings",
        "a booking is charged once, from its subscription, and with its differences what it says",
        "charges > 1 OR (charges = 0 AND differences = 0 AND credits_charged > 0) OR charged <> credits_charged "
        "OR is_charged_elsewhere",
    ),
    Rule(
        "difference_of_move",
        "bookings",
        "a booking has at most one difference for each time that it was moved",
        "differences > moves",
    ),
    Rule("own_credits", "bookings", "a booking is paid by its client", "payer_id <> client_id OR is_of_others"),
    Rule(
        "refunded_once",
        "bookings",
        "a booking is refunded at most once, with what it says",
        "refunds > 1 OR refunded <> credits_refunded",
    ),
    Rule(
        "refund_goes_back",
        "bookings",
        "what a client's cancellation refunds goes back to the subscription charged",
        "cancelled_by = 'client' AND is_refunded_elsewhere",
    ),
    Rule(
        "refund_of_cancelled",
        "bookings",
        "only cancelled bookings are refunded, and never more than they cost",
        "credits_refunded + credits_given_back > credits_charged OR (credits_refunded > 0 AND status <> 'cancelled')",
    ),
    Rule(
        "given_back_is_ledger",
        "bookings",
        "what host or staff have given back stands in the ledger",
        "given_back <> credits_given_back",
    ),
    Rule(
        "refund_in_time",
        "bookings",
        "a client who cancels before the refund deadline, or while free to leave, gets everything back",
        "cancelled_by = 'client' AND cancelled_at < refunded_until "
        "AND credits_refunded + credits_given_back <> credits_charged",
    ),
    Rule(
        "no_late_refund",
        "bookings",
        "a client who cancels from the refund deadline on, and not free to leave, gets nothing back",
        "cancelled_by = 'client' AND cancelled_at >= refunded_until AND credits_refunded > 0",
    ),
    Rule(
        "refund_by_host",
        "bookings",
        "what the host or the staff cancel is refunded in full",
        "cancelled_by IN ('host', 'staff') AND credits_refunded + credits_given_back <> credits_charged",
    ),
    Rule(
        "cancelled_before_start",
        "bookings",
        "nothing is cancelled from its start on",
        "cancelled_at >= scheduled_start_time",
    ),
    Rule(
        "booked_before_start", "bookings", "nothing is booked from its start on", "created_at >= scheduled_start_time"
    ),
    Rule("moved_in_time", "bookings", "nothing is moved from its refund deadline on", "was_moved_late"),
    Rule(
        "free_until_start",
        "bookings",
        "who is free to leave is so until the session's start",
        "free_to_leave_until <> scheduled_start_time",
    ),
    Rule(
        "no_show_after_start",
        "bookings",
        "a no-show is noted from the start on",
        "status = 'no_show' AND changed_at < scheduled_start_time",
    ),
    Rule(
        "one_seat_each",
        "bookings",
        "a client has one booking that holds a seat in a slot",
        "status <> 'cancelled' AND seats > 1",
    ),
    Rule(
        "bookings_apart",
        "bookings",
        "no two active bookings of a client overlap",
        "status = 'active' AND scheduled_start_time < client_busy_until",
    ),
    Rule(
        "slot_copied",
        "bookings",
        "an active booking has the times and the host of its slot",
        "status = 'active' AND (starts_at, ends_at, slot_host_id) "
        "<> (scheduled_start_time, scheduled_end_time, host_id)",
    ),
    Rule("not_own_slot", "bookings", "nobody books an own slot", "client_id IN (host_id, slot_host_id)"),
    Rule(
        "left_clients_hold_nothing",
        "bookings",
        "a client who has left holds no booking ahead",
        "status = 'active' AND scheduled_start_time > now() AND NOT client_is_active",
    ),
    Rule(
        "reminders_in_time",
        "bookings",
        "no reminder is overdue",
        "status = 'active' AND remind_at < now() - %(overdue_after)s AND scheduled_start_time > now()",
        of_jobs=True,
    ),
    Rule("never_overdrawn", "subscriptions", "a balance is never negative", "credits_remaining < 0"),
    Rule(
        "balance_is_ledger",
        "subscriptions",
        "a balance is the sum of its ledger entries",
        "credits_remaining <> total",
    ),
    Rule(
        "balances_follow",
        "subscriptions",
        "each balance in the ledger follows from the one before",
        "has_broken_balances",
    ),
    Rule("renewed_once", "subscriptions", "a subscription is renewed once in its period", "renewals > 1"),
    Rule(
        "settled_in_time",
        "subscriptions",
        "no renewal or expiry is overdue",
        "ends_at < now() - %(overdue_after)s AND expired_at IS NULL AND is_settled_by_jobs",
        of_jobs=True,
    ),
    Rule(
        "waits_without_seat",
        "places",
        "nobody waits for a slot in which they hold a seat, or for a cancelled one",
        "status = 'waiting' AND (has_seat OR slot_status = 'cancelled')",
    ),
    Rule(
        "left_clients_wait_for_nothing",
        "places",
        "a client who has left waits for nothing",
        "status = 'waiting' AND NOT client_is_active",
    ),
    Rule("promoted_is_booked", "places", "who was promoted has been booked", "is_promoted_for_nothing"),
    Rule(
        "free_seats_are_given",
        "places",
        "no seat is free while somebody waits who could have it",
        "is_passed_over",
        of_jobs=True,
    ),
)
