"""Every list of the admin among 100,000 people: each page, filter, order and search reads few rows.

With INSIGHTA_TEST_BOOKINGS=1000000 the same among a million bookings.
"""

import json
import os
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bookings.models import Booking
from config.admin import COUNT_LIMIT
from tests.conftest import empty_tables
from tests.processes import ROOT

pytestmark = pytest.mark.slow

LISTS = """accounts_user accounts_event tokens_session tokens_personalaccesstoken bookings_slot bookings_booking
bookings_subscription bookings_creditentry bookings_waitlistentry procrastinate_procrastinatejob""".split()
# A new list needs rows in many_rows.sql; these have as many rows as there are hosts, kinds or applications.
SMALL = {"bookings_plan", "bookings_availabilityrule", "bookings_offering", "tokens_application"}
SOMEBODY = "01900000-0000-7000-8001-00000000abcd"
SEARCHES = ("person77", "person4242@example.test", "PERSON7", "nobody", "%", SOMEBODY)
LINKS = {
    "tokens_session": "user__exact",
    "tokens_personalaccesstoken": "user__exact",
    "bookings_booking": "client__exact",
    "bookings_subscription": "user__exact",
    "bookings_creditentry": "subscription__exact",
    "accounts_event": "user_id__exact",
}
# What may be read for one page: a count up to its end, and the rows that a filter passes over on the way.
MOST_ROWS = 10 * COUNT_LIMIT


@pytest.fixture(scope="module")
def staff(django_db_setup: None, django_db_blocker: Any) -> Iterator[Client]:
    """A member of the staff; the rows go with the module."""
    rows = (ROOT / "tests/config/many_rows.sql").read_text()
    with django_db_blocker.unblock():
        try:
            with connection.cursor() as cursor:
                cursor.execute(rows.replace("{bookings}", os.environ.get("INSIGHTA_TEST_BOOKINGS", "200000")))
            client = Client()
            client.force_login(
                get_user_model().objects.create_superuser("root"), backend="accounts.authentication.StaffBackend"
            )
            yield client
        finally:
            empty_tables("TRUNCATE {}")


def test_every_list_that_can_grow_is_measured_here() -> None:
    registered = {f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry}
    assert registered - SMALL == set(LISTS)


@pytest.mark.django_db
@pytest.mark.parametrize("name", LISTS)
def test_every_page_filter_order_and_search_reads_few_rows(staff: Client, name: str) -> None:
    for address in _addresses(staff, name):
        with CaptureQueriesContext(connection) as queries:
            assert staff.get(address, follow=True).status_code == 200, address
        assert len(queries) < 15, (address, len(queries))
        for query in queries.captured_queries:
            rows = _rows_read(query["sql"])
            assert rows <= MOST_ROWS, (address, rows, query)


@pytest.mark.django_db
def test_a_persons_and_a_bookings_page_and_the_front_desk_read_few_rows(staff: Client) -> None:
    booking = str(Booking.objects.order_by("-id").values_list("id", flat=True)[0])
    pages = [("accounts_user_change", SOMEBODY), ("bookings_booking_book", SOMEBODY)]
    pages += [(f"bookings_booking_{name}", booking) for name in ("change", "move", "cancel", "give_back")]
    for name, pk in pages:
        address = reverse(f"admin:{name}", args=[pk])
        with CaptureQueriesContext(connection) as queries:
            assert staff.get(address).status_code == 200, address
        assert len(queries) < 40, (address, len(queries))
        for query in queries.captured_queries:
            rows = _rows_read(query["sql"])
            assert rows <= MOST_ROWS, (address, rows, query)


@pytest.mark.alone
@pytest.mark.django_db
@pytest.mark.parametrize("name", LISTS)
def test_every_page_filter_order_and_search_answers_within_a_second(staff: Client, name: str) -> None:
    for address in _addresses(staff, name):
        began = time.perf_counter()
        staff.get(address, follow=True)
        assert time.perf_counter() - began < 1, address


def _addresses(staff: Client, name: str) -> list[str]:
    address = reverse(f"admin:{name}_changelist")
    return [address + query for query in _queries(staff.get(address).context["cl"], name)]


def _queries(changes: Any, name: str) -> Iterator[str]:
    """Everything that the page offers to choose, and the page of one person that others link to."""
    yield from ("", "?p=3", "?p=19")
    columns = enumerate(changes.list_display)
    yield from (f"?o={sign}{n}" for n, column in columns if column in changes.sortable_by for sign in ("", "-"))
    for spec in changes.filter_specs:
        chosen = [choice["query_string"] for choice in spec.choices(changes)]
        yield from chosen
        yield from (f"{query}&p=2" for query in chosen[1:])
    yield from (f"?{urlencode({'q': words})}" for words in SEARCHES)
    if name in LINKS:
        yield f"?{LINKS[name]}={SOMEBODY}"


def _rows_read(sql: str) -> int:
    """The most rows that any scan looked at; one that stops where the page is full has looked at a part only."""
    if not sql.startswith(("SELECT", "WITH", "\nWITH")):
        return 0
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) " + sql)
        answer = cursor.fetchone()[0]
    plan = answer if isinstance(answer, list) else json.loads(answer)
    return max(_scans(plan[0]["Plan"]), default=0)


def _scans(node: dict[str, Any]) -> Iterator[int]:
    if "Scan" in node["Node Type"]:
        passed_over = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
        yield int((node["Actual Rows"] + passed_over) * node["Actual Loops"])
    for inner in node.get("Plans", []):
        yield from _scans(inner)
