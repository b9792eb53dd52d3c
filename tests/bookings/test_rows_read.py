"""Lists that are bounded by time read what they show, however much is over or closed."""

import json
import sys
import time as clock
from collections.abc import Callable, Iterator
from datetime import time, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from bookings.repositories.clock import read_now
from bookings.services.audit import find_breaches
from bookings.services.availability import add_rule
from bookings.services.calendar_feed import get_feed_secret
from bookings.services.expansion import expand_host
from tests.bookings.api import Caller
from tests.bookings.people import make_person

pytestmark = pytest.mark.slow

PAST, CLOSED, AHEAD = 6000, 3000, 120
HOURS = {"start_time": time(9), "end_time": time(12), "horizon_days": 366}
_SLOTS = """
INSERT INTO bookings_slot (id, host_id, title, starts_at, ends_at, bookings_close_at, capacity, seats_taken, status,
    cancelled_at)
SELECT gen_random_uuid(), %(host)s::uuid, 'Session', at, at + interval '30 minutes', at - %(notice)s::interval, 3, 0,
    %(status)s::text, CASE %(status)s::text WHEN 'cancelled' THEN now() END
FROM generate_series(1, %(number)s::int) AS n,
    LATERAL (SELECT now() + %(first)s::interval + n * interval '1 hour') AS s (at)
"""


def insert(host: User, number: int, first: str, *, status: str = "open", notice: str = "0") -> None:
    values: dict[str, Any] = {"host": host.id, "number": number, "first": first, "status": status, "notice": notice}
    with connection.cursor() as cursor:
        # Nobody has booked: the triggers, which look at the bookings of each, would take most of the test.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(_SLOTS, values)
        cursor.execute("SET LOCAL session_replication_role = origin")


@pytest.fixture
def busy(grace: User) -> User:
    """A host of years: most is over, and much of what is ahead is cancelled or too near to be booked."""
    linus = make_person("linus", is_host=True)
    for host in (grace, linus):
        insert(host, PAST, f"-{PAST + 24 * 100} hours")
        insert(host, AHEAD, "200 days")
    insert(linus, CLOSED, "0", status="cancelled")
    insert(linus, CLOSED, "30 minutes", notice="190 days")
    with connection.cursor() as cursor:
        # What other tests have left in the indexes would change the plans.
        cursor.execute("REINDEX TABLE bookings_slot")
        cursor.execute("ANALYZE bookings_slot, bookings_booking, accounts_user")
    return grace


def rows_read(work: Callable[[], Any]) -> int:
    """How many rows of slots the statements of `work` read, the second time."""
    work()
    with CaptureQueriesContext(connection) as captured:
        work()
    reads = [q["sql"] for q in captured if q["sql"].startswith("SELECT") and '"bookings_slot"' in q["sql"]]
    assert reads
    return sum(_rows_of(sql) for sql in reads)


def _rows_of(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
        found = cursor.fetchone()[0]
    plans = json.loads(found) if isinstance(found, str) else found
    return sum(_rows_of_scan(node) for node in _walk(plans[0]["Plan"]) if node.get("Relation Name") == "bookings_slot")


def _rows_of_scan(node: dict[str, Any]) -> int:
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return int((node["Actual Rows"] + removed) * node["Actual Loops"])


def _walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for part in node.get("Plans", ()):
        yield from _walk(part)


def test_open_slots_are_read_as_many_as_are_shown(ada: User, busy: User) -> None:
    caller = Caller(ada)
    assert len(caller.get("/slots?open=true")["results"]) == 50
    assert rows_read(lambda: caller.get("/slots?open=true")) <= 2 * 51
    assert rows_read(lambda: caller.get(caller.get("/slots?open=true")["next"])) <= 4 * 51
    assert rows_read(lambda: caller.get(f"/slots?open=true&host={busy.id}")) <= 2 * 51


def test_days_of_a_host_are_read_without_those_of_others(ada: User, busy: User) -> None:
    first = read_now().date() + timedelta(days=200)
    month = {"from": first, "to": first + timedelta(days=9), "host": busy.id}
    assert rows_read(lambda: Caller(ada).get("/slots/days", **month)) <= AHEAD


def test_a_hosts_pages_read_nothing_that_is_over(busy: User) -> None:
    caller, secret = Caller(busy), get_feed_secret(user_id=busy.id)
    assert rows_read(lambda: caller.get("/pages/hosting")) <= 2 * 51
    assert rows_read(lambda: caller.get("/hosting/slots?when=past")) <= 2 * 51
    assert rows_read(lambda: Client().get(f"/api/v1/calendar/{secret}.ics")) <= AHEAD
    assert rows_read(lambda: caller.get("/pages/deactivation")) <= AHEAD


def test_an_expansion_reads_nothing_that_is_over(busy: User) -> None:
    assert rows_read(lambda: expand_host(host_id=busy.id)) <= AHEAD


@pytest.mark.alone
def test_a_calendar_of_thirty_thousand_among_three_hundred_thousand_answers_in_bounded_time(ada: User) -> None:
    busy, *others = [make_person(f"host-{number}", is_host=True) for number in range(10)]
    for host in (busy, *others):
        insert(host, 30_000, "1 hour")
    add_rule(host_id=busy.id, values={"kind": "weekly", "weekday": 1, "title": "x", **HOURS})
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE bookings_slot, bookings_booking, accounts_user")
    caller, hosting, feed = Caller(ada), Caller(busy), get_feed_secret(user_id=busy.id)
    limits: list[tuple[float, Callable[[], Any]]] = [
        *((1, partial(caller.get, path)) for path in ("/slots", "/slots?open=true", f"/slots?host={busy.id}")),
        *((1, partial(hosting.get, path)) for path in ("/pages/hosting", "/pages/home", "/pages/slots", "/bookings")),
        (10, lambda: Client().get(f"/api/v1/calendar/{feed}.ics")),
        (10, lambda: expand_host(host_id=busy.id)),
        (60, lambda: find_breaches(with_jobs=False)),
    ]
    caller.get("/slots")  # The first request of a process loads what it needs.
    for limit, work in limits:
        began = clock.perf_counter()
        work()
        took = clock.perf_counter() - began
        sys.stdout.write(f"{took:.2f} s of {limit}: {work}\n")
        assert took < limit, work
