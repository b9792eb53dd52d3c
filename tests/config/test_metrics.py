"""`/metrics`: sums over every worker of a server, outcomes by name, the queue; and who may read it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from accounts.services import people
from bookings.errors import Busy
from bookings.services import slots, transactions
from config.metrics.counters import RETRIES
from config.metrics.page import metrics
from config.metrics.store import share_between_workers
from tests.config.conftest import METRICS_TOKEN, add_slot, address_of_test_database
from tests.people import HTTP, Browser, call, refresh
from tests.processes import Live

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scrape(url: str) -> Samples:
    answer = HTTP.get(f"{url}/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"})
    assert answer.status_code == 200, answer.text
    families = text_string_to_metric_families(answer.text)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, tuple(sorted(labels.items()))), 0)


@pytest.fixture
def before(observed: Live) -> Samples:
    return scrape(observed.backend_url)


def test_requests_of_all_workers_are_counted_once_each(observed: Live, before: Samples) -> None:
    for _ in range(30):
        # A new connection each, so that both workers get some.
        httpx.get(f"{observed.backend_url}/healthz")
    for after in (scrape(observed.backend_url), scrape(observed.backend_url)):
        labels = {"view": "healthz", "method": "GET"}
        counted = value(after, "insighta_requests_total", status="200", **labels)
        assert counted - value(before, "insighta_requests_total", status="200", **labels) == 30
        assert value(after, "insighta_request_seconds_count", **labels) == counted
        assert value(after, "insighta_request_seconds_bucket", le="+Inf", **labels) == counted


def test_addresses_are_counted_by_their_pattern(observed: Live) -> None:
    HTTP.get(f"{observed.backend_url}/api/v1/calendar/insf_secret.ics")
    HTTP.request("MADEUP", f"{observed.backend_url}/made/up")
    after = scrape(observed.backend_url)
    assert value(after, "insighta_requests_total", view="api/v1/calendar/<str:secret>.ics", method="GET", status="404")
    assert value(after, "insighta_requests_total", view="unmatched", method="OTHER", status="404")
    views = {dict(labels).get("view", "") for _name, labels in after}
    assert not [view for view in views if "insf_" in view or "made/up" in view]


def test_sign_ins_and_refreshes_are_counted_by_outcome(observed: Live, before: Samples) -> None:
    tokens = Browser(observed, "edsger").sign_in()
    refresh(observed, tokens.refresh, key="a-key-of-edsger-1")
    refresh(observed, tokens.refresh, key="a-key-of-edsger-1")
    refresh(observed, tokens.refresh, key="a-key-of-edsger-2")
    refresh(observed, "insr_forged")
    denied = Browser(observed, "edsger")
    page = denied.follow(denied.authorize(), until="never")
    denied.submit(page, decision="deny")
    HTTP.get(f"{observed.backend_url}/auth/complete/github/?state=unknown&code=x")
    after = scrape(observed.backend_url)

    def counted(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    assert counted("insighta_sign_ins_total", client="insighta-cli", outcome="opened") == 1
    assert counted("insighta_sign_ins_total", client="insighta-cli", outcome="denied") == 1
    assert counted("insighta_sign_ins_total", client="", outcome="sign_in_expired") == 1
    assert counted("insighta_refreshes_total", outcome="rotated", cause="") == 1
    assert counted("insighta_refreshes_total", outcome="retried", cause="") == 1
    assert counted("insighta_refreshes_total", outcome="replayed", cause="retry key mismatch") == 1
    unknown = "the refresh token is unknown, sign in again"
    assert counted("insighta_refreshes_total", outcome="refused", cause=unknown) == 1
    assert counted("insighta_events_total", kind="session.replayed") == 1


def test_bookings_and_refunds_are_counted_by_outcome(observed: Live, before: Samples) -> None:
    host, client = Browser(observed, "margaret").sign_in().access, Browser(observed, "alan").sign_in().access
    observed.manage("make_host", "margaret")
    slot_id = add_slot(observed, host)
    made = call(observed, "/bookings", client, "POST", json={"slot_id": slot_id})
    assert call(observed, "/bookings", client, "POST", json={"slot_id": slot_id}).json()["code"] == "already_booked"
    waiting = scrape(observed.backend_url)
    assert call(observed, f"/bookings/{made.json()['id']}/cancel", client, "POST", json={}).status_code == 200
    after = scrape(observed.backend_url)
    for outcome in ("made", "already_booked", "cancelled_by_client"):
        labels = {"outcome": outcome}
        counted = value(after, "insighta_bookings_total", **labels) - value(before, "insighta_bookings_total", **labels)
        assert counted == 1, outcome
    refunds = value(after, "insighta_refunds_total", by="client") - value(before, "insighta_refunds_total", by="client")
    assert refunds == 1
    assert value(waiting, "insighta_problems_total", view="api/v1/bookings", code="already_booked")


def test_the_queue_the_workers_and_the_locks_are_read_from_the_database(observed: Live) -> None:
    with observed.connect() as connection:
        connection.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, scheduled_at) VALUES "
            "('drill', 'none', now() - interval '90 seconds'), ('drill', 'none', NULL), "
            "('drill', 'none', now() + interval '1 hour')"
        )
        with observed.connect() as other, connection.transaction(), other.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(7)")
            waiting = subprocess.Popen(
                [sys.executable, "-c", _WAIT, observed.database_url], stdout=subprocess.PIPE, text=True
            )
            assert waiting.stdout is not None
            assert waiting.stdout.readline() == "waits\n"
            _until_waiting(other)
            during = scrape(observed.backend_url)
        waiting.wait(timeout=60)
        connection.execute("DELETE FROM procrastinate_jobs WHERE queue_name = 'drill'")
    after = scrape(observed.backend_url)
    assert value(during, "insighta_queue_jobs", queue="drill", state="due") == 2
    assert value(during, "insighta_queue_jobs", queue="drill", state="scheduled") == 1
    assert 90 <= value(during, "insighta_queue_age_seconds", queue="drill") < 150
    assert value(during, "insighta_lock_waiters") >= 1
    assert value(during, "insighta_lock_wait_seconds") > 0
    assert value(after, "insighta_lock_waiters") == 0
    assert value(after, "insighta_queue_jobs", queue="drill", state="due") == 0
    assert value(after, "insighta_database_up") == 1


_WAIT = """
import sys, psycopg
with psycopg.connect(sys.argv[1]) as connection:
    print("waits", flush=True)
    connection.execute("SELECT pg_advisory_xact_lock(7)")
"""


def _until_waiting(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    for _ in range(1000):
        rows = connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
        if rows and rows[0]:
            return
    raise AssertionError("nobody waits for the lock")


def test_jobs_are_counted_by_what_became_of_them(observed: Live, before: Samples) -> None:
    with observed.connect() as connection:
        connection.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, status) "
            "SELECT 'drill', 'rehearsal', s::procrastinate_job_status "
            "FROM unnest(ARRAY['failed', 'failed', 'succeeded']) AS s"
        )
        after = scrape(observed.backend_url)
        connection.execute("DELETE FROM procrastinate_jobs WHERE task_name = 'rehearsal'")
    assert value(after, "insighta_failed_jobs", task="rehearsal") == 2
    assert value(after, "insighta_recent_jobs", task="rehearsal", status="failed") == 2
    assert value(after, "insighta_recent_jobs", task="rehearsal", status="succeeded") == 1
    assert value(after, "insighta_jobs_deferred_total") - value(before, "insighta_jobs_deferred_total") >= 3
    assert value(scrape(observed.backend_url), "insighta_failed_jobs", task="rehearsal") == 0


@pytest.mark.parametrize(
    ("sql", "because"),
    [
        ("SELECT 1 FROM bookings_slot FOR UPDATE", "lock_timeout"),
        ("DO $$BEGIN RAISE SQLSTATE '40P01'; END$$", "deadlock"),
        ("DO $$BEGIN RAISE SQLSTATE '40001'; END$$", "serialization"),
    ],
)
def test_operations_that_start_over_are_counted_by_their_obstacle(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch, sql: str, because: str
) -> None:
    monkeypatch.setattr(transactions, "LOCK_TIMEOUT_MS", 20)
    now = timezone.now()
    grace = people.upsert_person(github_id=2, login="grace", now=now)
    people.mark_host(user_id=grace.pk, is_host=True)
    times = {"starts_at": now + timedelta(days=2), "ends_at": now + timedelta(days=2, hours=1)}
    slots.create_slot(host_id=grace.pk, title="Office hours", capacity=3, **times)
    counted = RETRIES.labels(because)._value.get()
    with psycopg.connect(address_of_test_database()) as other:
        other.execute("SELECT 1 FROM bookings_slot FOR UPDATE")
        with pytest.raises(Busy):
            transactions.run(lambda _now: _run(sql))
    assert RETRIES.labels(because)._value.get() - counted == (3 if because == "lock_timeout" else 9)


def _run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_the_portal_counts_its_requests_too(observed: Live) -> None:
    HTTP.get(f"{observed.portal_url}/login", follow_redirects=False)
    after = scrape(observed.portal_url)
    assert value(after, "insighta_requests_total", view="login", method="GET", status="302") or value(
        after, "insighta_requests_total", view="login", method="GET", status="303"
    )


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", f"Basic {METRICS_TOKEN}", METRICS_TOKEN])
def test_with_a_token_nobody_reads_without_it(observed: Live, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    for url in (observed.backend_url, observed.portal_url):
        answer = HTTP.get(f"{url}/metrics", headers=headers)
        assert answer.status_code == 401
        assert "insighta" not in answer.text


@pytest.mark.parametrize(
    ("peer", "forwarded", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("10.0.0.7", {}, 403),
        ("", {}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, 403),
        ("127.0.0.1", {"X-Forwarded-Proto": "https"}, 403),
        ("127.0.0.1", {"Forwarded": "for=203.0.113.9"}, 403),
    ],
)
def test_without_a_token_only_this_machine_reads(
    settings: Any, db: None, peer: str, forwarded: dict[str, str], status: int
) -> None:
    settings.DEBUG = False
    request = RequestFactory().get("/metrics", headers=forwarded, REMOTE_ADDR=peer)
    assert metrics(request).status_code == status


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    known = os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
    yield tmp_path / "metrics"
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
    if known:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = known


def test_what_servers_that_have_ended_left_is_removed(root: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for name in (f"{ended.pid}-1", f"{os.getppid()}-1", "notes"):
        (root / name).mkdir(parents=True)
    share_between_workers(root)
    own = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    assert sorted(path.name for path in root.iterdir()) == sorted([own.name, "notes"])
    assert own.name.startswith(f"{os.getppid()}-")
    share_between_workers(root)
    assert own.is_dir()


def test_a_directory_that_cannot_be_used_is_named(root: Path) -> None:
    root.write_text("a file")
    with pytest.raises(ImproperlyConfigured, match=r"METRICS_DIR .* cannot be written"):
        share_between_workers(root)
