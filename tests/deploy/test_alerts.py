"""Alert rules fire when they should, as Prometheus itself evaluates them, and dashboards ask what it can answer."""

import json
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.accounts.github import fresh
from tests.deploy.cluster import program
from tests.deploy.configuration import DEPLOY
from tests.people import HTTP, Browser
from tests.processes import Live, Process, free_port, wait_until

FILES = [DEPLOY / "prometheus" / "alerts.yml", DEPLOY / "postgresql" / "alerts.yml"]
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
    whole = {"rule_files": [str(path) for path in FILES], "evaluation_interval": "1m", "tests": tests}
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


@pytest.fixture
def prometheus(live: Live, tmp_path: Path) -> Iterator[str]:
    """A Prometheus that scrapes the product once a second; its address."""
    scraped = [
        {"job_name": job, "static_configs": [{"targets": [f"{host}:{live.ports[job]}"]}]}
        for job, host in (("backend", "127.0.0.1"), ("portal", "localhost"))
    ]
    configuration = tmp_path / "prometheus.yml"
    configuration.write_text(yaml.safe_dump({"global": {"scrape_interval": "1s"}, "scrape_configs": scraped}))
    address = f"127.0.0.1:{free_port()}"
    command = [program("prometheus", PACKAGE), f"--config.file={configuration}", f"--web.listen-address={address}"]
    command += [f"--storage.tsdb.path={tmp_path}/data"]
    with Process(command, {"PATH": "/usr/bin"}, f"http://{address}/-/ready"):
        yield f"http://{address}/api/v1"


def test_the_dashboard_asks_what_prometheus_can_answer(live: Live, prometheus: str) -> None:
    Browser(live, fresh("ada")).sign_in()

    def ask(query: str) -> list[Any]:
        answer = HTTP.get(f"{prometheus}/query", params={"query": query})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["data"]["result"])

    panels = [panel for panel in DASHBOARD["panels"] if "targets" in panel]
    queries = [target["expr"].replace("$__rate_interval", "1m") for panel in panels for target in panel["targets"]]
    for query in queries:
        ask(query)

    def is_drawn(what: str) -> bool:
        return any(ask(query) for query in queries if what in query)

    # What has happened in this product is drawn, as soon as two scrapes have seen it.
    for what in ("up{job", "insighta_database_up", "insighta_requests", "insighta_request_sec", "insighta_sign_ins"):
        wait_until(partial(is_drawn, what), tell=partial(str, what))
