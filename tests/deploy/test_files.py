"""The files of `deploy/`: each can be read by its program, and all speak of the same names, ports and variables."""

import json
import re
import shutil
import subprocess
import sys
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest
import yaml
from click import Command
from granian.cli import cli as granian

from deploy.make_secrets import make_files
from tests.deploy.configuration import (
    DEPLOY,
    environment_file,
    fill,
    image_contents,
    read_environment,
    services,
    variables,
)
from tests.processes import ROOT

MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
BACKUP_UNITS = sorted(path for kind in ("service", "timer") for path in (DEPLOY / "backup").glob(f"*.{kind}"))
ROLES = sorted((DEPLOY / "environment").glob("*.env"))
SECRETS = make_files(database="postgres:5432", pooler="pgbouncer:6432", name="insighta")
COMPOSE = services()
SERVERS = ("backend-1", "backend-2", "portal-1", "portal-2")
# The secret in Kubernetes and the file that it is made from.
SECRET_FILES = {
    "insighta-backend": "backend.env",
    "insighta-portal": "portal.env",
    "insighta-pooled-database": "pooled.env",
    "insighta-direct-database": "direct.env",
}


def objects(kind: str = "") -> list[dict[str, Any]]:
    """The Kubernetes objects of this kind, or all."""
    found = [document for path in MANIFESTS for document in yaml.safe_load_all(path.read_text())]
    return [one for one in found if not kind or one["kind"] == kind]


def containers() -> dict[str, dict[str, Any]]:
    """By name, the containers of all pods."""
    pods = [one["spec"]["template"]["spec"] for one in objects() if "template" in one.get("spec", {})]
    return {container["name"]: container for pod in pods for container in pod["containers"]}


def known_variables() -> set[str]:
    """What a process reads: the product's variables, granian's, and the one that names Django's settings."""
    ours = re.findall(r"^#?([A-Z_0-9]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert isinstance(granian, Command)
    theirs = [f"GRANIAN_{(parameter.name or '').upper()}" for parameter in granian.params]
    return {*ours, *theirs, "DJANGO_SETTINGS_MODULE"}


@pytest.mark.parametrize("path", ROLES, ids=lambda path: path.name)
def test_every_variable_of_an_environment_file_is_read_by_somebody(path: Path) -> None:
    assert set(environment_file(path)) <= known_variables()


@pytest.mark.parametrize("name", sorted(set(SECRET_FILES.values())))
def test_every_secret_is_read_by_somebody(name: str) -> None:
    assert set(read_environment(SECRETS[name])) <= known_variables()


def test_secrets_are_of_their_own_and_the_portal_has_only_its_part() -> None:
    backend, portal = (read_environment(SECRETS[f"{name}.env"]) for name in ("backend", "portal"))
    assert set(portal) == {"SECRET_KEY", "PORTAL_RETRY_KEY", "PORTAL_CLIENT_SECRET", "METRICS_TOKEN"}
    assert portal["PORTAL_CLIENT_SECRET"] == backend["PORTAL_CLIENT_SECRET"]
    made = [backend[name] for name in ("SECRET_KEY", "TOKEN_KEY", "PORTAL_CLIENT_SECRET", "METRICS_TOKEN")]
    made += [portal["SECRET_KEY"], portal["PORTAL_RETRY_KEY"], SECRETS["database-password"]]
    assert len(set(made)) == len(made)
    assert all(len(secret) >= 64 for secret in made)


def test_secrets_are_written_once_into_a_closed_directory(tmp_path: Path) -> None:
    directory = tmp_path / "secrets"
    command = [sys.executable, str(DEPLOY / "make_secrets.py"), str(directory)]
    assert subprocess.run(command, capture_output=True).returncode == 0
    before = {path.name: path.read_text() for path in directory.iterdir()}
    again = subprocess.run(command, capture_output=True, text=True)
    assert (again.returncode, "nothing was changed" in again.stderr) == (1, True)
    assert {path.name: path.read_text() for path in directory.iterdir()} == before
    assert directory.stat().st_mode & 0o777 == 0o700
    assert (directory / "backend.env").stat().st_mode & 0o777 == 0o600


def test_the_secrets_of_an_installation_are_in_no_commit_and_no_image() -> None:
    ignored = ["git", "check-ignore", "--quiet", "deploy/secrets/backend.env"]
    assert (ROOT / ".git").exists() is False or subprocess.run(ignored, cwd=ROOT).returncode == 0
    assert "deploy/secrets" in (DEPLOY / "Containerfile.dockerignore").read_text().splitlines()


def test_the_image_holds_the_product_and_runs_as_nobody_in_particular() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    assert all((ROOT / item).exists() for item in image_contents())
    assert {"manage.py", "accounts", "bookings", "config", "portal", "tokens"} <= set(image_contents())
    assert not {"sandbox", "tests", "cli", ".env"} & set(image_contents())
    stages = re.split(r"^FROM ", text, flags=re.MULTILINE)[2:]
    assert [re.findall(r"^USER (\S+)", stage, re.MULTILINE) for stage in stages] == [["10001"]] * 3


def test_compose_kubernetes_and_systemd_run_the_same_commands() -> None:
    units = {path.name: path.read_text() for path in UNITS}
    for name in ("worker", "migrate"):
        assert containers()[name]["args"] == COMPOSE[name]["command"]
    for name in ("backend", "portal"):
        assert containers()[name]["args"] == COMPOSE[f"{name}-1"]["command"] == COMPOSE[f"{name}-2"]["command"]
    assert " ".join(COMPOSE["worker"]["command"][1:]) in units["insighta-worker.service"]
    assert " ".join(COMPOSE["migrate"]["command"][1:]) in units["insighta-migrate.service"]
    for name in ("backend", "portal"):
        assert f"--port %i {COMPOSE[f'{name}-1']['command'][1]}" in units[f"insighta-{name}@.service"]


@pytest.mark.parametrize("role", ["backend", "portal", "worker", "migrate"])
def test_each_role_is_given_the_same_files_everywhere(role: str) -> None:
    composed = [Path(name) for name in COMPOSE[f"{role}-1" if role in ("backend", "portal") else role]["env_file"]]
    plain = [path.stem for path in composed if path.parent.name == "environment"]
    secret = [path.name for path in composed if path.parent.name == "secrets"]
    given = containers()[role]["envFrom"]
    maps = [source["configMapRef"]["name"] for source in given if "configMapRef" in source]
    assert maps == ["insighta", *(f"insighta-{name}" for name in plain[1:])]
    assert [SECRET_FILES[source["secretRef"]["name"]] for source in given if "secretRef" in source] == secret
    unit = next(path for path in UNITS if role in path.name).read_text()
    files = re.findall(r"^EnvironmentFile=/etc/insighta/(\S+)", unit, re.MULTILINE)
    assert files == [*(f"{name}.env" for name in plain), *(f"secrets/{name}" for name in secret)]


def test_every_template_is_given_every_variable_by_everybody_who_fills_it_in() -> None:
    proxy = {one["name"]: one["value"] for one in containers()["proxy"]["env"]}
    pooler = {one["name"]: one["value"] for one in containers()["pgbouncer"]["env"]}
    alone = environment_file(DEPLOY / "systemd" / "templates.env")
    nginx, pgbouncer = DEPLOY / "nginx" / "nginx.conf.template", DEPLOY / "pgbouncer" / "pgbouncer.ini.template"
    for template, values in [(nginx, proxy), (pgbouncer, pooler)]:
        assert variables(template) <= set(values)
        assert variables(template) <= set(alone)
        fill(template, alone)
    assert variables(nginx) <= set(COMPOSE["nginx"]["environment"])
    assert variables(pgbouncer) <= set(COMPOSE["pgbouncer"]["environment"])


def test_the_page_for_operators_names_every_variable_of_a_database_node() -> None:
    page = (ROOT / "docs" / "high-availability.md").read_text()
    for template in (DEPLOY / "postgresql").glob("*.template"):
        assert {name for name in variables(template) if name not in page} == set()


def test_a_lease_outlives_two_failed_renewals() -> None:
    patroni = yaml.safe_load((DEPLOY / "postgresql" / "patroni.yml").read_text())["bootstrap"]["dcs"]
    assert patroni["loop_wait"] + 2 * patroni["retry_timeout"] <= patroni["ttl"]
    assert patroni["synchronous_mode"] is patroni["failsafe_mode"] is True


def test_all_speak_of_the_same_two_hosts() -> None:
    shared = environment_file(DEPLOY / "environment" / "insighta.env")
    names = {"BACKEND": shared["BACKEND_URL"], "PORTAL": shared["PORTAL_URL"]}
    proxy = {one["name"]: one["value"] for one in containers()["proxy"]["env"]}
    for values in (COMPOSE["nginx"]["environment"], proxy, environment_file(DEPLOY / "systemd" / "templates.env")):
        for side, url in names.items():
            assert f"https://{values[f'{side}_HOST']}" == f"https://{values[f'{side}_AUTHORITY']}" == url
    for name, url in (("backend", names["BACKEND"]), ("portal", names["PORTAL"])):
        assert environment_file(DEPLOY / "environment" / f"{name}.env")["ALLOWED_HOSTS"].split(",")[0] in url
        probes = [containers()[name][probe]["httpGet"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")]
        assert {header["value"] for probe in probes for header in probe["httpHeaders"]} == {url.partition("://")[2]}


def test_addresses_lead_to_somebody_who_listens() -> None:
    port = environment_file(DEPLOY / "environment" / "backend.env")["GRANIAN_PORT"]
    nginx = COMPOSE["nginx"]["environment"]
    listening = [f"{name}:{port}" for name in SERVERS]
    assert [nginx[name.upper().replace("-", "_")] for name in SERVERS] == listening
    assert COMPOSE["backend-1"]["environment"]["TRUSTED_PROXIES"] == _address("nginx")
    portals = [IPv4Address(_address(name)) for name in SERVERS if name.startswith("portal")]
    assert list(IPv4Network(nginx["PORTAL_ADDRESS"])) == portals
    # nginx asks for addresses once: a container that is made anew must come back at its own.
    assert len({_address(name) for name in ("nginx", *SERVERS)}) == 5
    assert f"@pgbouncer:{COMPOSE['pgbouncer']['environment']['PGBOUNCER_PORT']}/" in SECRETS["pooled.env"]
    for service in objects("Service"):
        ports = {one["name"] for one in containers()[service["metadata"]["name"]]["ports"]}
        assert {one["targetPort"] for one in service["spec"]["ports"]} <= ports
    scraped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    servers = [job for job in scraped if job["job_name"] in {"backend", "portal"}]
    targets = [target for job in servers for group in job["static_configs"] for target in group["targets"]]
    assert targets == listening
    for target in targets:
        role = target.partition(":")[0].partition("-")[0]
        hosts = environment_file(DEPLOY / "environment" / f"{role}.env")["ALLOWED_HOSTS"]
        assert target.partition(":")[0] in hosts.split(",")


def _address(name: str) -> str:
    return str(COMPOSE[name]["networks"]["inside"]["ipv4_address"])


def test_whoever_stops_a_server_waits_longer_than_it_takes_to_stop() -> None:
    seconds = int(environment_file(DEPLOY / "environment" / "backend.env")["GRANIAN_WORKERS_KILL_TIMEOUT"])
    for deployment in objects("Deployment"):
        pod = deployment["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        waits = int(container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", [0])[-1])
        stops = seconds if container["name"] in {"backend", "portal", "worker"} else 0
        assert pod.get("terminationGracePeriodSeconds", 30) > waits + stops
    assert {COMPOSE[name]["stop_grace_period"] for name in (*SERVERS, "worker")} == {"30s"}
    assert all("TimeoutStopSec=30\n" in path.read_text() for path in UNITS if "migrate" not in path.name)
    assert seconds < 30


@pytest.mark.parametrize("name", sorted(containers()))
def test_every_container_is_shut_in(name: str) -> None:
    context = containers()[name]["securityContext"]
    assert (context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"]) == (False, True)
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert {"requests", "limits"} == set(containers()[name]["resources"])


def test_pods_are_not_told_of_services_by_variables_that_are_settings_of_ours() -> None:
    pods = [one["spec"]["template"]["spec"] for one in objects() if "template" in one.get("spec", {})]
    assert {pod["enableServiceLinks"] for pod in pods} == {False}


def test_selectors_find_pods() -> None:
    pods = [one["spec"]["template"]["metadata"]["labels"] for one in objects() if "template" in one.get("spec", {})]
    for one in objects("Service"):
        assert one["spec"]["selector"] in pods
    for one in [*objects("PodDisruptionBudget"), *objects("Deployment")]:
        assert one["spec"]["selector"]["matchLabels"] in pods
    for one in objects("NetworkPolicy"):
        assert one["spec"]["podSelector"]["matchLabels"] in pods


def test_kustomization_names_every_manifest_and_file() -> None:
    kustomization = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())
    assert sorted(kustomization["resources"]) == [f"kubernetes/{path.name}" for path in MANIFESTS]
    maps = kustomization["configMapGenerator"]
    files = [file for one in maps for file in one.get("envs", []) + one.get("files", [])]
    assert all((DEPLOY / file).is_file() for file in files)
    if shutil.which("kubectl"):
        built = subprocess.run(["kubectl", "kustomize", str(DEPLOY)], capture_output=True, text=True)
        assert (built.returncode, built.stderr) == (0, "")
        assert built.stdout.count("\nkind: ") == len(objects()) + len(maps)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_are_hardened_and_systemd_reads_them(path: Path, tmp_path: Path) -> None:
    text = path.read_text()
    for line in ("NoNewPrivileges=yes", "ProtectSystem=strict", "User=insighta", "PrivateTmp=yes", "UMask=0077"):
        assert f"\n{line}\n" in text
    if shutil.which("systemd-analyze"):
        # The programs are not installed here.
        unit = tmp_path / path.name.replace("@", "@8001")
        unit.write_text(re.sub(r"/opt/insighta/bin/\w+", "/bin/true", text))
        said = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True)
        assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.parametrize("path", BACKUP_UNITS, ids=lambda path: path.name)
def test_units_of_the_backups_are_systemd_s(path: Path, tmp_path: Path) -> None:
    """A timer's unit is beside it."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    for unit in BACKUP_UNITS:
        (tmp_path / unit.name).write_text(re.sub(r"/opt/(?:insighta|barman)/bin/\w+", "/bin/true", unit.read_text()))
    said = subprocess.run(["systemd-analyze", "verify", str(tmp_path / path.name)], capture_output=True, text=True)
    assert (said.returncode, said.stderr) == (0, "")


def test_a_container_keeps_the_backups_that_systemd_does() -> None:
    stage = (DEPLOY / "Containerfile").read_text().partition(" AS backup\n")[2]
    program = "/srv/insighta/deploy/backup/backups.py"
    assert f"python3 {program} due" in stage
    assert {path.stem for path in BACKUP_UNITS} == {"insighta-archive", "insighta-backup", "insighta-rehearsal"}
    commands = "".join(path.read_text() for path in BACKUP_UNITS)
    for command in ("barman cron", f"{program} measure", "barman backup --wait insighta", f"{program} rehearse"):
        assert command in commands
    given = set(COMPOSE["backup"]["environment"]) | set(re.findall(r"\b([A-Z]+(?:_[A-Z]+)*)=", stage))
    given |= set(read_environment(SECRETS["backup.env"])) | {"BACKUP_ACCOUNT", "BACKUP_SCRATCH", "BACKUP_PASSPHRASE"}
    assert variables(DEPLOY / "backup" / "barman.conf.template") | {"BARMAN_PASSWORD"} <= given


def test_the_dashboard_and_grafana_s_provisioning_are_well_formed() -> None:
    dashboard = json.loads((DEPLOY / "grafana" / "dashboards" / "insighta.json").read_text())
    identifiers = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(identifiers)) == len(identifiers) > 10
    for path in (DEPLOY / "grafana" / "provisioning").rglob("*.yml"):
        assert yaml.safe_load(path.read_text())["apiVersion"] == 1
