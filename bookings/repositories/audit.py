from collections.abc import Callable

from django.db import connection

# Each rule of the contract, and the ids that break it. A sound database gives no row for any of them.
BREACHES = {
    "seats_taken is between 0 and the capacity": """
        SELECT id FROM bookings_slot WHERE seats_taken < 0 OR seats_taken > capacity""",
    "seats_taken is the number of bookings that hold a seat": """
        SELECT id FROM bookings_slot WHERE seats_taken <>
        (SELECT count(*) FROM bookings_booking b WHERE b.slot_id = bookings_slot.id AND b.status <> 'cancelled')""",
    "a cancelled slot has no active booking": """
        SELECT b.id FROM bookings_booking b JOIN bookings_slot s ON s.id = b.slot_id
        WHERE s.status = 'cancelled' AND b.status = 'active'""",
    "no two open slots of a host overlap": """
        SELECT a.id FROM bookings_slot a JOIN bookings_slot b ON b.host_id = a.host_id AND b.id <> a.id
        AND b.status = 'open' AND tstzrange(a.starts_at, a.ends_at) && tstzrange(b.starts_at, b.ends_at)
        WHERE a.status = 'open'""",
    "a balance is never negative": """
        SELECT id FROM bookings_subscription WHERE credits_remaining < 0""",
    "a balance is the sum of its ledger entries": """
        SELECT s.id FROM bookings_subscription s WHERE credits_remaining <>
        (SELECT coalesce(sum(amount), 0) FROM bookings_creditentry e WHERE e.subscription_id = s.id)""",
    "a booking is charged once, from its subscription, with what it says": """
        SELECT b.id FROM bookings_booking b
        LEFT JOIN bookings_creditentry e ON e.booking_id = b.id AND e.reason = 'booking'
        GROUP BY b.id HAVING count(e.id) <> 1 OR sum(e.amount) <> -b.credits_charged
        OR bool_or(e.subscription_id <> b.subscription_id)""",
    "a booking is refunded at most once, to its subscription, with what it says": """
        SELECT b.id FROM bookings_booking b
        LEFT JOIN bookings_creditentry e ON e.booking_id = b.id AND e.reason = 'refund'
        GROUP BY b.id HAVING count(e.id) > 1 OR coalesce(sum(e.amount), 0) <> b.credits_refunded
        OR bool_or(e.subscription_id <> b.subscription_id)""",
    "only cancelled bookings are refunded, and never more than they cost": """
        SELECT id FROM bookings_booking
        WHERE credits_refunded > credits_charged OR (credits_refunded > 0 AND status <> 'cancelled')""",
    "a client has one booking that holds a seat in a slot": """
        SELECT min(id::text)::uuid FROM bookings_booking WHERE status <> 'cancelled'
        GROUP BY client_id, slot_id HAVING count(*) > 1""",
    "no two active bookings of a client overlap": """
        SELECT a.id FROM bookings_booking a JOIN bookings_booking b ON b.client_id = a.client_id AND b.id <> a.id
        AND b.status = 'active' AND tstzrange(a.scheduled_start_time, a.scheduled_end_time)
        && tstzrange(b.scheduled_start_time, b.scheduled_end_time) WHERE a.status = 'active'""",
    "an active booking has the times and the host of its slot, and is not of the host's own": """
        SELECT b.id FROM bookings_booking b JOIN bookings_slot s ON s.id = b.slot_id
        WHERE (b.status = 'active' AND (b.scheduled_start_time <> s.starts_at OR b.scheduled_end_time <> s.ends_at
        OR b.host_id <> s.host_id)) OR b.client_id = s.host_id""",
    "nobody waits for a slot in which they hold a seat, or for a cancelled one": """
        SELECT w.id FROM bookings_waitlistentry w JOIN bookings_slot s ON s.id = w.slot_id WHERE w.status = 'waiting'
        AND (s.status = 'cancelled' OR EXISTS (SELECT FROM bookings_booking b
        WHERE b.slot_id = w.slot_id AND b.client_id = w.client_id AND b.status = 'active'))""",
    "the ledger is guarded by its append-only trigger": """
        SELECT '00000000-0000-0000-0000-000000000000'::uuid WHERE NOT EXISTS (SELECT FROM pg_trigger
        WHERE tgrelid = 'bookings_creditentry'::regclass AND tgname LIKE '%append_only%' AND tgenabled <> 'D')""",
}


def find_breaches(report: Callable[[str], None] | None = None) -> dict[str, list[str]]:
    """The rules that do not hold, each with the ids that break it. Empty where all is well.

    `report` is told each rule before it is looked into.
    """
    breaches = {}
    with connection.cursor() as cursor:
        for rule, query in BREACHES.items():
            if report is not None:
                report(rule)
            cursor.execute(query)
            ids = sorted({str(row[0]) for row in cursor.fetchall()})
            if ids:
                breaches[rule] = ids
    return breaches
