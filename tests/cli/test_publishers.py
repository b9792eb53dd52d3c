"""`insighta publishers`, and `insighta` in a CI job that has no secret, against the real product."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.accounts.github import fresh
from tests.cli.people import sign_in
from tests.cli.terminals import Done, Machine, Pointed
from tests.people import HTTP
from tests.processes import Live
from tests.tokens.independent import FOLDER, install_node_clients


@pytest.fixture
def login() -> str:
    return fresh("ada")


@pytest.fixture
def ada(installation: Path, live: Live, tmp_path: Path, login: str) -> Machine:
    return sign_in(installation, tmp_path, live.backend_url, login)


@pytest.fixture
def runner(installation: Path, live: Live, tmp_path: Path) -> Machine:
    """A machine of the CI service, on which nobody has signed in."""
    folder = tmp_path / "runner"
    folder.mkdir()
    return Machine(installation / "insighta", folder, live.backend_url)


def run_in(machine: Machine, job: dict[str, str], *words: str) -> Done:
    """The command with the variables of a job."""
    machine.variables = job
    return machine.run(*words)


def begin_job(live: Live, repository: str, **said: Any) -> dict[str, str]:
    """The variables that the stand-in gives a job of this repository."""
    answer = HTTP.post(f"{live.github_url}/_sandbox/jobs", json={"repository": repository} | said)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_job_acts_as_the_owner_without_any_secret(live: Live, ada: Machine, runner: Machine, login: str) -> None:
    repository = f"{login}/site"
    added = ada.run("publishers", "add", repository, "ci.yml", "--ref", "refs/heads/main")
    assert added.code == 0, added.err
    job = begin_job(live, repository)
    assert run_in(runner, job, "whoami").out == f"{login}\n"
    assert run_in(runner, job, "bookings", "list", "--json").json == []
    status = run_in(runner, job, "status", "--json").json
    assert (status["signed_in"], status["kind"], status["source"]) == (True, "ci_job", "GitHub Actions")
    assert run_in(runner, job, "token", "--json").json["expires_at"] is None
    assert run_in(runner, job, "book", "01a209d7-49e7-70e4-88f6-3a2d2b204cea").code == 1
    # Nothing is left on the machine.
    assert not runner.credentials.exists()
    shown = ada.run("publishers", "list", "--json").json
    assert [one["id"] for one in shown] == [added.out.strip()]
    assert shown[0]["last_used_at"] is not None
    assert "insighta-ci" in ada.run("sessions", "list", "--json").out
    assert ada.run("publishers", "remove", added.out.strip()).code == 0
    refused = run_in(runner, job, "whoami")
    assert (refused.code, "does not accept this job" in refused.err) == (4, True)


def test_an_organisations_job_names_the_publisher(live: Live, ada: Machine, runner: Machine, login: str) -> None:
    repository = f"org-{login}/tool"
    added = ada.run("publishers", "add", repository, "ci.yml")
    assert f"INSIGHTA_PUBLISHER={added.out.strip()}" in added.err
    assert "Any branch may run it" in added.err
    job = begin_job(live, repository)
    assert "INSIGHTA_PUBLISHER" in run_in(runner, job, "whoami").err
    assert run_in(runner, job | {"INSIGHTA_PUBLISHER": added.out.strip()}, "whoami").out == f"{login}\n"


def test_a_refusal_says_which_claim_differs(live: Live, ada: Machine, runner: Machine, login: str) -> None:
    repository = f"{login}/site"
    assert ada.run("publishers", "add", repository, "ci.yml", "--ref", "refs/heads/main").code == 0
    done = run_in(runner, begin_job(live, repository, ref="refs/heads/x"), "whoami")
    assert "ref: expected refs/heads/main, seen refs/heads/x" in done.err
    job = begin_job(live, repository)
    for secret in (job["ACTIONS_ID_TOKEN_REQUEST_TOKEN"], "eyJ"):
        assert secret not in done.out + done.err


def with_id(address: str) -> list[str]:
    """PyPI's `id`, which publishing tools use in jobs."""
    return [sys.executable, "-c", f"import id; print(id.detect_credential({address!r}))"]


def with_actions_core(address: str) -> list[str]:
    """npm's `@actions/core`, with which the CI service's own actions ask."""
    install_node_clients()
    return ["node", str(FOLDER / "actions-core.mjs"), address]


@pytest.mark.parametrize("tooling", [with_id, with_actions_core])
def test_other_peoples_job_tooling_gets_a_token_that_is_taken(
    live: Live, ada: Machine, login: str, tooling: Callable[[str], list[str]]
) -> None:
    repository = f"{login}/site"
    assert ada.run("publishers", "add", repository, "ci.yml").code == 0
    command, environment = tooling(live.backend_url), {"PATH": os.environ["PATH"], **begin_job(live, repository)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
        "subject_token": done.stdout.split()[-1],
    }
    assert HTTP.post(f"{live.backend_url}/oauth/token", data=form).json()["expires_in"] == 900


def test_what_is_meant_by_name_goes_before_the_job(ada: Machine, live: Live, login: str) -> None:
    job = begin_job(live, "stranger/site")
    assert run_in(ada, job, "whoami").out == f"{login}\n"
    assert "INSIGHTA_TOKEN" in run_in(ada, job | {"INSIGHTA_TOKEN": "insp_x"}, "whoami").err


def test_a_job_without_the_permission_is_told_of_it(machine: Pointed) -> None:
    done = machine.run("whoami", GITHUB_ACTIONS="true")
    assert (done.code, "permissions: id-token: write" in done.err) == (4, True)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x?y=1", "https://127.0.0.1:1/x?y=1"])
def test_a_ci_service_that_cannot_be_reached_is_one_sentence(machine: Pointed, url: str) -> None:
    job = {"ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "ghs_secret"}
    done = run_in(machine, {"GITHUB_ACTIONS": "true"} | job, "whoami")
    assert (done.code, "GitHub Actions cannot be asked" in done.err) == (1, True)
    assert "ghs_secret" not in done.err
    assert json.dumps(machine.backend.paths("POST")) == "[]"
