"""Alert rules fire when they should, as Prometheus itself evaluates them, and dashboards ask what it can answer."""

import json
import re
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from tests.accounts.github import fresh
from tests.deploy.cluster import program
from tests.deploy.configuration import DEPLOY
from tests.people import HTTP, Browser
from tests.processes import Live, Process, free_port, status_of, wait_until

FILES = [
    *(DEPLOY / "prometheus" / name for name in ("alerts.yml", "backups.yml")),
    DEPLOY / "postgresql" / "alerts.yml",
]
COMPOSED = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
GROUPS = [group for file in FILES for group in yaml.safe_load(file.read_text())["groups"]]
RULES = {rule["alert"]: rule for group in GROUPS for rule in group["rules"]}
CASES = yaml.safe_load(Path(__file__).with_name("alert_cases.yml").read_text())
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "insighta.json").read_text())
PACKAGE = "--no-install-recommends prometheus"


def promtool(*words: str) -> None:
    """Runs it. Raises AssertionError with what it prints."""
    done = subprocess.run([program("promtool", PACKAGE), *words], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_its_case_and_says_what_to_do() -> None:
    assert CASES.keys() == RULES.keys()
    for rule in RULES.values():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert set(rule["annotations"]) == {"summary", "action"}


def test_every_alert_fires_when_it_should_and_is_quiet_otherwise(tmp_path: Path) -> None:
    tests = [_promtool_test(name, firing=firing) for name in RULES for firing in (True, False)]
    file = tmp_path / "alerts.test.yml"
    whole = {"rule_files": [str(path) for path in FILES], "evaluation_interval": "5m", "tests": tests}
    file.write_text(yaml.safe_dump(whole))
    promtool("test", "rules", str(file))


def _promtool_test(name: str, *, firing: bool) -> dict[str, Any]:
    case, rule = CASES[name], RULES[name]
    lines = case["fires" if firing else "quiet"]
    series = [dict(zip(("series", "values"), line.split(" ", 1), strict=True)) for line in lines]
    alert = {
        "exp_labels": rule["labels"] | case.get("labels", {}),
        "exp_annotations": {"summary": case["says"], "action": rule["annotations"]["action"]},
    }
    expected = {"eval_time": "1h", "alertname": name, "exp_alerts": [alert] if firing else []}
    return {"interval": "1m", "name": name, "input_series": series, "alert_rule_test": [expected]}


def test_the_configuration_of_compose_is_prometheus_s() -> None:
    promtool("check", "config", "--syntax-only", str(DEPLOY / "prometheus" / "prometheus.yml"))


def test_compose_s_prometheus_reads_every_rule_that_is_not_of_three_nodes() -> None:
    assert [DEPLOY / "prometheus" / name for name in COMPOSED["rule_files"]] == FILES[:2]


def test_the_alerts_of_backups_ask_for_what_is_written() -> None:
    program = (DEPLOY / "backup" / "backups.py").read_text()
    asked = set(re.findall(r"\binsighta_\w+", FILES[1].read_text()))
    assert asked
    assert {name for name in asked if name not in program} == set()


ABSENT = ["InsightaBackupOld", "InsightaBackupsNotMeasured", "InsightaRehearsalOld"]


@pytest.mark.parametrize("name", ABSENT)
def test_what_nobody_measures_is_told(name: str, tmp_path: Path) -> None:
    rule = RULES[name]
    alert = {"exp_labels": rule["labels"], "exp_annotations": rule["annotations"]}
    expected = {"eval_time": "2h", "alertname": name, "exp_alerts": [alert]}
    file = tmp_path / "absent.test.yml"
    test = {"interval": "1m", "input_series": [], "alert_rule_test": [expected]}
    file.write_text(yaml.safe_dump({"rule_files": [str(FILES[1])], "tests": [test]}))
    promtool("test", "rules", str(file))


@pytest.fixture
def prometheus(live: Live, tmp_path: Path) -> Iterator[str]:
    """A Prometheus that scrapes the product once a second; its address."""
    scraped = [
        {"job_name": job, "static_configs": [{"targets": [f"{host}:{live.ports[job]}"]}]}
        for job, host in (("backend", "127.0.0.1"), ("portal", "localhost"))
    ]
    with scraping(scraped, tmp_path) as address:
        yield address


@contextmanager
def scraping(jobs: list[dict[str, Any]], directory: Path, *, every: str = "1s") -> Iterator[str]:
    """A Prometheus with these jobs; the address of its API."""
    configuration = directory / "prometheus.yml"
    configuration.write_text(yaml.safe_dump({"global": {"scrape_interval": every}, "scrape_configs": jobs}))
    address = f"127.0.0.1:{free_port()}"
    command = [program("prometheus", PACKAGE), f"--config.file={configuration}", f"--web.listen-address={address}"]
    command += [f"--storage.tsdb.path={directory}/data"]
    with Process(command, {"PATH": "/usr/bin"}, is_ready=lambda: status_of(f"http://{address}/-/ready") == 200):
        yield f"http://{address}/api/v1"


def ask(prometheus: str, query: str) -> list[Any]:
    answer = HTTP.get(f"{prometheus}/query", params={"query": query})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"]["result"])


@pytest.fixture
def exporters(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A node exporter that reads `tmp_path`/metrics and a blackbox exporter that trusts `authority.pem`: addresses."""
    addresses = {name: f"127.0.0.1:{free_port()}" for name in ("node-exporter:9100", "blackbox:9115")}
    (tmp_path / "metrics").mkdir()
    options = {
        "node": ["--collector.disable-defaults", "--collector.textfile", "--collector.filesystem"],
        "blackbox": [f"--config.file={DEPLOY}/prometheus/blackbox.yml"],
    }
    options["node"].append(f"--collector.textfile.directory={tmp_path}/metrics")
    with ExitStack() as stack:
        for kind, address in zip(options, addresses.values(), strict=True):
            name = f"prometheus-{kind}-exporter"
            command = [program(name, f"{PACKAGE} {name}"), *options[kind], f"--web.listen-address={address}"]
            environment = {"PATH": "/usr/bin", "SSL_CERT_FILE": str(tmp_path / "authority.pem")}
            stack.enter_context(Process(command, environment, f"http://{address}/metrics"))
        yield addresses


@contextmanager
def answering_over_tls(certificate: trustme.LeafCert) -> Iterator[int]:
    """A server with this certificate; its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(server.serve_forever)
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            server.server_close()


def test_backups_certificates_and_disks_are_measured_as_compose_does(tmp_path: Path, exporters: dict[str, str]) -> None:
    now, authority = datetime.now(UTC), trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    days = {"fresh": 60, "old": 10, "ending": 2, "ended": -1}
    with ExitStack() as stack:
        ports = {
            name: stack.enter_context(
                answering_over_tls(
                    authority.issue_cert(
                        "127.0.0.1", not_before=now - timedelta(days=90), not_after=now + timedelta(days=left)
                    )
                )
            )
            for name, left in days.items()
        }
        addresses = {name: f"https://127.0.0.1:{port}/" for name, port in ports.items()}
        text = yaml.safe_dump([job for job in COMPOSED["scrape_configs"] if job["job_name"] in {"machines", "https"}])
        for there, here in exporters.items():
            text = text.replace(there, here)
        jobs = yaml.safe_load(text)
        (https,) = (job for job in jobs if job["job_name"] == "https")
        https["static_configs"] = [{"targets": list(addresses.values())}]
        prometheus = stack.enter_context(scraping(jobs, tmp_path, every="3s"))

        def fires(name: str) -> set[str]:
            found = ask(prometheus, RULES[name]["expr"])
            return {one["metric"].get("check") or one["metric"].get("instance") or name for one in found}

        fired = partial(until_fires, fires)
        wait_until(lambda: len(ask(prometheus, 'probe_success{job="https"}')) == len(addresses))
        fired("InsightaUnreachable", {addresses["ended"]})
        fired("InsightaCertificateEnds", {addresses["old"], addresses["ending"]})
        fired("InsightaCertificateEndsSoon", {addresses["ending"]})
        wait_until(lambda: bool(ask(prometheus, "node_filesystem_avail_bytes / node_filesystem_size_bytes")))

        for name in ABSENT:
            fired(name, {name})
        write_backup_metrics(tmp_path / "metrics", since=60, check=1)
        fired("InsightaBackupOld", set())
        assert [name for name in RULES if re.search("Backup|Rehearsal|Archiving", name) and fires(name)] == []
        write_backup_metrics(tmp_path / "metrics", since=30 * 86_400, check=0)
        fired("InsightaBackupOld", {"InsightaBackupOld"})
        assert fires("InsightaArchivingFails") == {"receive_wal_running"}
        assert fires("InsightaBackupCheckFails") == {"encryption"}
        assert all(fires(name) for name in (*ABSENT, "InsightaRehearsalFails"))


def until_fires(fires: Callable[[str], set[str]], name: str, wanted: set[str]) -> None:
    """Wait until the rule is true of `wanted` and of nothing else. A certificate that has ended is not looked at."""
    wait_until(lambda: fires(name) == wanted, tell=lambda: f"{name}: {fires(name)} instead of {wanted}")


def write_backup_metrics(directory: Path, *, since: float, check: int) -> None:
    """What tests/upgrades/test_backup.py sees `deploy/backup/backups.py` write, of `since` seconds ago."""
    at = time.time() - since
    lines = [f'insighta_backup_check{{check="{name}"}} {check}' for name in ("receive_wal_running", "encryption")]
    lines += [f"insighta_{name}_timestamp_seconds {at}" for name in ("backup_end", "backup_measured", "rehearsal_end")]
    lines += [f"insighta_rehearsal_succeeded {check}"]
    fresh = directory / "backups.new"
    fresh.write_text("\n".join(lines) + "\n")
    fresh.rename(directory / "backups.prom")


def test_the_dashboard_asks_what_prometheus_can_answer(live: Live, prometheus: str) -> None:
    Browser(live, fresh("ada")).sign_in()

    panels = [panel for panel in DASHBOARD["panels"] if "targets" in panel]
    queries = [target["expr"].replace("$__rate_interval", "1m") for panel in panels for target in panel["targets"]]
    for query in queries:
        ask(prometheus, query)

    def is_drawn(what: str) -> bool:
        return any(ask(prometheus, query) for query in queries if what in query)

    # What has happened in this product is drawn, as soon as two scrapes have seen it.
    for what in ("up{job", "insighta_database_up", "insighta_requests", "insighta_request_sec", "insighta_sign_ins"):
        wait_until(partial(is_drawn, what), tell=partial(str, what))
