"""`/metrics`: sums over every worker of a server, outcomes by name, the queue; and who may read it."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from accounts.services import people
from bookings.errors import Busy
from bookings.services import hosting, operations
from config.observability.metrics.counters import RETRIES
from config.observability.metrics.multiprocess import VARIABLE, share_between_workers
from config.observability.metrics.view import metrics
from tests.config.conftest import METRICS_TOKEN, add_slot, address_of_test_database
from tests.people import HTTP, Browser, call, refresh
from tests.processes import Live, wait_until

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]
Counted = Callable[..., float]


def scrape(url: str) -> Samples:
    answer = HTTP.get(f"{url}/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"})
    assert answer.status_code == 200, answer.text
    families = text_string_to_metric_families(answer.text)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((f"insighta_{name}", tuple(sorted(labels.items()))), 0)


@pytest.fixture
def counted(observed: Live) -> Counted:
    """How much one of the backend's metrics has grown since the test began."""
    before = scrape(observed.backend_url)
    return lambda name, **labels: value(scrape(observed.backend_url), name, **labels) - value(before, name, **labels)


def test_requests_of_all_workers_are_counted_once_each(observed: Live, counted: Counted) -> None:
    for _ in range(30):
        # A new connection each, so that both workers get some.
        HTTP.get(f"{observed.backend_url}/healthz", headers={"Connection": "close"})
    for _ in range(2):
        labels = {"view": "healthz", "method": "GET"}
        assert counted("requests_total", status="200", **labels) == 30
        assert counted("request_seconds_count", **labels) == 30
        assert counted("request_seconds_bucket", le="+Inf", **labels) == 30


def test_addresses_are_counted_by_their_pattern(observed: Live, counted: Counted) -> None:
    HTTP.get(f"{observed.backend_url}/api/v1/calendar/insf_secret.ics")
    HTTP.request("MADEUP", f"{observed.backend_url}/made/up")
    assert counted("requests_total", view="api/v1/calendar/<str:secret>.ics", method="GET", status="404") == 1
    assert counted("requests_total", view="unmatched", method="OTHER", status="404") == 1
    views = {dict(labels).get("view", "") for _name, labels in scrape(observed.backend_url)}
    assert not [view for view in views if "insf_" in view or "made/up" in view]


def test_sign_ins_and_refreshes_are_counted_by_outcome(observed: Live, counted: Counted) -> None:
    tokens = Browser(observed, "edsger").sign_in()
    for key in ("a-key-of-edsger-1", "a-key-of-edsger-1", "a-key-of-edsger-2"):
        refresh(observed, tokens.refresh, key=key)
    refresh(observed, "insr_forged")
    denied = Browser(observed, "edsger")
    denied.submit(denied.follow(denied.authorize(), until="never"), decision="deny")
    HTTP.get(f"{observed.backend_url}/auth/complete/github/?state=unknown&code=x")
    assert counted("sign_ins_total", client="insighta-cli", outcome="opened") == 1
    assert counted("sign_ins_total", client="insighta-cli", outcome="denied") == 1
    assert counted("sign_ins_total", client="", outcome="sign_in_expired") == 1
    assert counted("refreshes_total", outcome="rotated", cause="") == 1
    assert counted("refreshes_total", outcome="retried", cause="") == 1
    assert counted("refreshes_total", outcome="replayed", cause="retry key mismatch") == 1
    unknown = "the refresh token is unknown, sign in again"
    assert counted("refreshes_total", outcome="refused", cause=unknown) == 1
    assert counted("events_total", kind="session.replayed") == 1


def test_bookings_and_refunds_are_counted_by_outcome(observed: Live, counted: Counted) -> None:
    host, client = Browser(observed, "margaret").sign_in().access, Browser(observed, "alan").sign_in().access
    observed.manage("make_host", "margaret")
    slot = {"slot_id": add_slot(observed, host)}
    made = call(observed, "/bookings", client, "POST", json=slot).json()["id"]
    assert call(observed, "/bookings", client, "POST", json=slot).json()["code"] == "already_booked"
    assert counted("problems_total", view="api/v1/bookings", code="already_booked") == 1
    assert call(observed, f"/bookings/{made}/cancel", client, "POST", json={}).status_code == 200
    for outcome in ("made", "already_booked", "cancelled_by_client"):
        assert counted("bookings_total", outcome=outcome) == 1, outcome
    assert counted("refunds_total", by="client") == 1


def test_the_queue_the_workers_and_the_locks_are_read_from_the_database(observed: Live) -> None:
    lock = "SELECT pg_advisory_xact_lock(7)"
    with observed.connect() as connection:
        connection.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, scheduled_at) VALUES "
            "('drill', 'none', now() - interval '90 seconds'), ('drill', 'none', NULL), "
            "('drill', 'none', now() + interval '1 hour')"
        )
        with observed.connect() as other, ThreadPoolExecutor() as threads:
            with connection.transaction():
                connection.execute(lock)
                waiting = threads.submit(other.execute, lock)
                wait_until(lambda: bool(value(scrape(observed.backend_url), "lock_waiters")))
                during = scrape(observed.backend_url)
            waiting.result(timeout=120)
        connection.execute("DELETE FROM procrastinate_jobs WHERE queue_name = 'drill'")
    after = scrape(observed.backend_url)
    assert value(during, "queue_jobs", queue="drill", state="due") == 2
    assert value(during, "queue_jobs", queue="drill", state="scheduled") == 1
    assert 90 <= value(during, "queue_age_seconds", queue="drill") < 3600
    assert value(during, "lock_waiters") >= 1
    assert value(during, "lock_wait_seconds") > 0
    assert value(after, "lock_waiters") == 0
    assert value(after, "queue_jobs", queue="drill", state="due") == 0
    assert value(after, "database_up") == 1


def test_jobs_are_counted_by_what_became_of_them(observed: Live, counted: Counted) -> None:
    with observed.connect() as connection:
        connection.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, status) "
            "SELECT 'drill', 'rehearsal', s::procrastinate_job_status "
            "FROM unnest(ARRAY['failed', 'failed', 'succeeded']) AS s"
        )
        assert counted("failed_jobs", task="rehearsal") == 2
        assert counted("recent_jobs", task="rehearsal", status="failed") == 2
        assert counted("recent_jobs", task="rehearsal", status="succeeded") == 1
        assert counted("jobs_deferred_total") >= 3
        connection.execute("DELETE FROM procrastinate_jobs WHERE task_name = 'rehearsal'")
    assert counted("failed_jobs", task="rehearsal") == 0


@pytest.mark.parametrize(
    ("sql", "because"),
    [
        ("SELECT 1 FROM bookings_slot FOR UPDATE", "lock_timeout"),
        ("DO $$BEGIN RAISE SQLSTATE '40P01'; END$$", "deadlock"),
        ("DO $$BEGIN RAISE SQLSTATE '40001'; END$$", "serialization"),
    ],
)
def test_operations_that_start_over_are_counted_by_their_conflict(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch, sql: str, because: str
) -> None:
    monkeypatch.setattr(operations, "LOCK_TIMEOUT_MS", 20)
    now = timezone.now()
    grace = people.upsert_person(github_id=2, login="grace", now=now)
    people.mark_host(user_id=grace.pk, is_host=True)
    times = {"starts_at": now + timedelta(days=2), "ends_at": now + timedelta(days=2, hours=1)}
    hosting.create_slot(host_id=grace.pk, title="Office hours", capacity=3, **times)
    counted = RETRIES.labels(because)._value.get()
    with psycopg.connect(address_of_test_database()) as other:
        other.execute("SELECT 1 FROM bookings_slot FOR UPDATE")
        with pytest.raises(Busy):
            _run(sql=sql)
    assert RETRIES.labels(because)._value.get() - counted == (3 if because == "lock_timeout" else 9)


@operations.operation
def _run(_: datetime, /, *, sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_the_portal_counts_its_requests_too(observed: Live) -> None:
    HTTP.get(f"{observed.portal_url}/login", follow_redirects=False)
    after = scrape(observed.portal_url)
    assert any(value(after, "requests_total", view="login", method="GET", status=status) for status in ("302", "303"))


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
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, "")
    return tmp_path / "metrics"


def test_what_servers_that_have_ended_left_is_removed_and_nothing_else(root: Path, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    foreign = ["notes", f"{ended.pid}-1", "2024-photos", f"insighta-{ended.pid}-2", f"insighta-{ended.pid}-3"]
    for name in (f"insighta-{ended.pid}-1", f"insighta-{os.getppid()}-1", *foreign[:-1]):
        (root / name).mkdir(parents=True)
        (root / name / "counter_7.db").touch()
    (root / foreign[-2] / "letter.txt").touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/counter_7.db").touch()
    (root / foreign[-1]).symlink_to(tmp_path / "elsewhere")
    share_between_workers(root)
    own = Path(os.environ[VARIABLE])
    assert sorted(path.name for path in root.iterdir()) == sorted([own.name, *foreign])
    assert own.name.startswith(f"insighta-{os.getppid()}-")
    assert (root / foreign[-2] / "letter.txt").exists()
    assert (root / "2024-photos/counter_7.db").exists()
    assert (tmp_path / "elsewhere/counter_7.db").exists()
    share_between_workers(root)
    assert own.is_dir()


def test_a_directory_that_cannot_be_used_is_named(root: Path) -> None:
    root.write_text("a file")
    with pytest.raises(ImproperlyConfigured, match=r"METRICS_DIR .* cannot be written"):
        share_between_workers(root)


def test_a_symbolic_link_is_not_followed(root: Path, tmp_path: Path) -> None:
    root.symlink_to(tmp_path)
    with pytest.raises(ImproperlyConfigured, match=r"METRICS_DIR.* is a link"):
        share_between_workers(root)
    assert list(tmp_path.iterdir()) == [root]
