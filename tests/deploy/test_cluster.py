"""The multi-process set-up of `deploy/`: under load while backends go and come, and as its operator sees it."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import yaml
from prometheus_client import Counter
from prometheus_client.parser import text_string_to_metric_families

from config.observability.metrics import counters
from tests.deploy.cluster import NAMES, Cluster
from tests.deploy.configuration import DEPLOY
from tests.deploy.users import ARRIVING, Users, users
from tests.deploy.visitors import OUTSIDE, http_client, trust
from tests.people import HTTP

BOOKINGS = "SELECT id::text, status FROM bookings_booking"
ENDED_SESSIONS = "SELECT revoked_because FROM tokens_session WHERE revoked_at IS NOT NULL"
ADDRESSES = "SELECT DISTINCT host(address) FROM accounts_event WHERE kind = 'session.opened'"
# docs/deployment.md: what restarts without a lost request, and what takes new settings without a restart.
RESTARTED = ("backend-2", "backend-1", "portal-1", "portal-2", "worker", "redis")
RELOADED = ("nginx", "pgbouncer")
RULES = DEPLOY / "prometheus" / "alerts.yml"
# What a log must not hold: refresh tokens, codes, access tokens, and the names they have in addresses.
SECRETS = re.compile(r"ins[rcp]_[A-Za-z0-9_-]{8}|eyJ[A-Za-z0-9_-]{20}|[?&](?:at|rt|code|state)=[^ \[]")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(WELCOME_CREDITS="1000") as running:
        yield running


@pytest.fixture(scope="module")
def people(cluster: Cluster) -> Users:
    """Users who were at work while a backend was killed, and then every part restarted or reloaded, one by one."""
    with users(cluster) as working:
        working.load.wait_for_rounds(2)
        cluster.kill("backend-1")
        working.load.wait_for_rounds(2)
        cluster.start("backend-1")
        working.load.wait_for_rounds(2)
        for name in RESTARTED:
            working.count_cut_off()
            assert cluster.stop(name) == 0, cluster.logs(name)
            working.load.wait_for_rounds(1)
            cluster.start(name)
        for name in RELOADED:
            working.count_cut_off()
            cluster.reload(name)
            working.load.wait_for_rounds(1)
        working.count_cut_off()
    return working


def test_every_sign_in_succeeds(people: Users) -> None:
    """Only who was inside the backend that was killed may have had to begin again."""
    assert [visitor.steps for visitor in people.visitors if not visitor.is_signed_in()] == []
    assert len([visitor for visitor in people.visitors if visitor.attempts > 1]) <= ARRIVING


def test_nobody_is_told_that_nobody_answers(people: Users) -> None:
    """nginx always finds the backend that is up, and asks it again for what the other one took along."""
    assert [step for visitor in people.visitors for step in visitor.steps if step.startswith("502")] == []


def test_no_restart_cuts_a_request_off(people: Users) -> None:
    """A POST without a key included, which nginx sends once."""
    assert len(set(people.cut_off)) == 1, dict(zip((*RESTARTED, *RELOADED), people.cut_off[1:], strict=True))


def test_no_booking_is_lost_and_none_is_made_twice(people: Users) -> None:
    with people.cluster.connect() as connection:
        rows = connection.execute(BOOKINGS).fetchall()
    assert sorted(booking for booking, _status in rows) == sorted(people.booked)
    assert {booking for booking, status in rows if status == "cancelled"} == set(people.cancelled)


def test_nobody_is_signed_out(people: Users) -> None:
    with people.cluster.connect() as connection:
        assert connection.execute(ENDED_SESSIONS).fetchall() == []
    for terminal in people.terminals:
        terminal.refresh()
    assert [visitor.steps for visitor in people.visitors if not visitor.is_signed_in()] == []


def test_the_audit_is_clean(cluster: Cluster, people: Users) -> None:
    cluster.manage("audit")


def test_both_backends_have_answered_since(cluster: Cluster, people: Users) -> None:
    for name in ("backend-1", "backend-2"):
        assert _scrape(cluster, name)["insighta_requests_total"], name


def test_everybody_is_known_by_the_address_they_came_from(cluster: Cluster, people: Users) -> None:
    """Through nginx, and through the portal and nginx."""
    with cluster.connect() as connection:
        assert connection.execute(ADDRESSES).fetchall() == [(OUTSIDE,)]


def test_no_log_holds_a_secret(cluster: Cluster, people: Users) -> None:
    logs = {name: cluster.logs(name) for name in NAMES if name != "github"}
    logs["access"] = (cluster.directory / "access.log").read_text()
    assert {name: SECRETS.findall(text) for name, text in logs.items() if SECRETS.search(text)} == {}
    assert "/auth/callback" in logs["access"]


def test_dashboard_and_alerts_ask_for_what_is_measured(cluster: Cluster, people: Users) -> None:
    people.terminals[0].call("POST", "/bookings", json={"slot_id": str(uuid4())})
    # A counter of what has not happened yet is not there to be scraped; its name is known where it is declared.
    declared = [counter.describe() for counter in vars(counters).values() if isinstance(counter, Counter)]
    measured = {f"{family.name}_total": set[str]() for families in declared for family in families}
    for name in ("backend-1", "backend-2"):
        measured |= _scrape(cluster, name)
    for expression in _expressions():
        for name, selector in re.findall(r"\b(insighta_\w+)(\{[^}]*\})?", expression):
            assert name in measured, expression
            asked = {*re.findall(r"(\w+)=~?", selector)} - {"job", "instance"}
            # Of what has no value, an empty queue for example, the labels cannot be seen.
            assert not measured[name] or asked <= measured[name], expression


def test_the_portal_s_metrics_are_for_who_has_the_token(cluster: Cluster) -> None:
    assert "insighta_requests_total" in _scrape(cluster, "portal-1")
    address = f"http://127.0.0.1:{cluster.ports['portal-1']}/metrics"
    assert HTTP.get(address, headers={"Host": "app.insighta.test"}).status_code == 401


def test_requests_wait_for_locks_for_two_seconds_and_jobs_as_long_as_they_have_to(cluster: Cluster) -> None:
    for role, limit in (("backend-1", "2s"), ("worker", "0")):
        with psycopg.connect(cluster.environments[role]["DATABASE_URL"], prepare_threshold=None) as connection:
            assert connection.execute("SHOW lock_timeout").fetchone() == (limit,)


@pytest.mark.parametrize("role", ["backend-1", "worker", "portal-1"])
def test_the_checks_of_a_deployment_find_nothing(cluster: Cluster, role: str) -> None:
    database = [] if role == "portal-1" else ["--database", "default"]
    # Here people sign in at the stand-in, which is what a check warns of.
    cluster.manage(
        "check", "--deploy", "--fail-level", "WARNING", *database, role=role, GITHUB_URL="", GITHUB_API_URL=""
    )


@pytest.mark.parametrize("role", ["backend-1", "portal-1"])
def test_a_container_knows_whether_its_server_lives(cluster: Cluster, role: str) -> None:
    command = [sys.executable, "deploy/healthcheck.py"]
    for changes, code in (({}, 0), ({"GRANIAN_PORT": "1"}, 1)):
        environment = cluster.environments[role] | changes
        assert subprocess.run(command, cwd=cluster.release, env=environment, capture_output=True).returncode == code


def test_health_is_seen_from_outside_and_readiness_is_not(cluster: Cluster) -> None:
    with http_client(trust(cluster)) as outside:
        assert outside.get(f"{cluster.backend_url}/healthz").status_code == 200
        assert outside.get(f"{cluster.backend_url}/readyz").status_code == 404
        assert outside.get(f"{cluster.portal_url}/metrics").status_code == 404


def _scrape(cluster: Cluster, name: str) -> dict[str, set[str]]:
    """Every name that the server's `/metrics` gives, with its labels; none where it has no value now."""
    environment = cluster.environments[name]
    headers = {"Authorization": f"Bearer {environment['METRICS_TOKEN']}"}
    headers["Host"] = environment["ALLOWED_HOSTS"].split(",")[0]
    answer = HTTP.get(f"http://127.0.0.1:{cluster.ports[name]}/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(answer.text):
        found.setdefault(family.name, set())
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def _rules() -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    return rules


def _expressions() -> list[str]:
    dashboard = json.loads((DEPLOY / "grafana" / "dashboards" / "insighta.json").read_text())
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return shown + [rule["expr"] for rule in _rules()]
