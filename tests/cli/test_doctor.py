"""`insighta doctor` finds what is planted."""

import socket
from typing import Any

import pytest

from tests.cli.terminals import Pointed


def examine(machine: Pointed, **variables: str) -> dict[str, dict[str, Any]]:
    machine.variables |= variables
    return {finding["name"]: finding for finding in machine.run("doctor", "--json").json}


def test_all_is_well(machine: Pointed) -> None:
    machine.sign_in(seconds_left=150)
    findings = examine(machine)
    names = ["program", "address", "proxy", "backend", "tls", "clock", "port", "browser", "folder", "file", "writing"]
    assert list(findings) == [*names, "sign-in"]
    assert {findings[name]["level"] for name in names if name != "port"} == {"ok"}
    done = machine.run("doctor")
    assert done.code == 0
    assert "eyJ" not in done.out


ELSEWHERE = {"INSIGHTA_API": "https://insighta.invalid"}
PROXY = {"https_proxy": "http://me:secret@proxy.invalid:3128"}
AWAY = {"http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}


@pytest.mark.parametrize(
    ("variables", "name", "level", "part", "said"),
    [
        (ELSEWHERE, "backend", "failed", "fix", "insighta.invalid"),
        (ELSEWHERE | PROXY, "proxy", "ok", "text", "proxy.invalid:3128"),
        (AWAY, "backend", "ok", "text", "answered after"),
        ({"BROWSER": "/nonexistent/browser"}, "browser", "warning", "fix", "Correct BROWSER, or unset it."),
    ],
)
def test_what_the_environment_says(
    machine: Pointed, variables: dict[str, str], name: str, level: str, part: str, said: str
) -> None:
    finding = examine(machine, **variables)[name]
    assert finding["level"] == level
    assert said in finding[part]
    assert "secret" not in str(finding)


@pytest.mark.parametrize(
    ("fault", "text"), [("html", "not as an Insighta backend does"), ("cut before", "the connection was cut")]
)
def test_something_else_answers(machine: Pointed, fault: str, text: str) -> None:
    machine.backend.faults["*"] = [f"always {fault}"]
    finding = examine(machine)["backend"]
    assert finding["level"] == "failed"
    assert text in finding["text"]
    assert finding["fix"]


def test_nothing_listens_at_the_address(machine: Pointed) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        done = machine.run("doctor", INSIGHTA_API=address)
    assert done.code == 1
    assert "connection refused" in done.out
    assert "INSIGHTA_API" in done.out


def test_the_backend_has_another_name(machine: Pointed) -> None:
    machine.backend.issuer = "https://api.example.com"
    assert examine(machine)["backend"]["fix"] == "export INSIGHTA_API=https://api.example.com"


def test_a_clock_an_hour_off(machine: Pointed) -> None:
    machine.backend.skew_seconds = 3600
    finding = examine(machine)["clock"]
    assert finding["level"] == "warning"
    assert "behind the backend's" in finding["text"]


def test_the_port_is_taken(machine: Pointed) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", 9876))
            other.listen()
        except OSError:
            pytest.skip("Another program on this machine uses port 9876.")
        finding = examine(machine)["port"]
    assert finding["level"] == "warning"
    assert "another free port" in finding["fix"]


def test_no_encryption_on_the_way(machine: Pointed) -> None:
    findings = examine(machine, INSIGHTA_API="http://insighta.invalid")
    assert findings["address"]["level"] == "failed"
    assert "https" in findings["address"]["fix"]
    assert "INSIGHTA_ALLOW_HTTP=1" in findings["backend"]["fix"]
    assert examine(machine, INSIGHTA_ALLOW_HTTP="1")["address"]["level"] == "warning"


def test_modes_that_are_too_open(machine: Pointed) -> None:
    machine.sign_in(seconds_left=150)
    machine.credentials.chmod(0o644)
    machine.folder.joinpath("notes").touch()
    machine.folder.chmod(0o755)
    findings = examine(machine)
    assert f"chmod 600 '{machine.credentials}'" in findings["file"]["fix"]
    assert findings["folder"]["fix"] == f"chmod 700 '{machine.folder}'"
