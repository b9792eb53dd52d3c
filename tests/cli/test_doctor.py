"""`insighta doctor` finds what is planted."""

import socket
from typing import Any

import pytest

from tests.cli.fake_backend import FakeBackend
from tests.cli.terminals import Machine


def examine(machine: Machine, **variables: str) -> dict[str, dict[str, Any]]:
    machine.variables |= variables
    return {finding["name"]: finding for finding in machine.run("doctor", "--json").json}


def test_all_is_well(backend: FakeBackend, machine: Machine) -> None:
    machine.store(backend.store_for(backend.sign_in(), seconds_left=150))
    findings = examine(machine)
    names = ["program", "address", "proxy", "backend", "tls", "clock", "port", "browser", "folder", "file", "writing"]
    assert list(findings) == [*names, "sign-in"]
    assert {findings[name]["level"] for name in names if name != "port"} == {"ok"}
    done = machine.run("doctor")
    assert done.code == 0
    assert "eyJ" not in done.out


def test_nothing_listens_at_the_address(machine: Machine) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        done = machine.run("doctor", INSIGHTA_API=address)
    assert done.code == 1
    assert "connection refused" in done.out
    assert "INSIGHTA_API" in done.out


@pytest.mark.parametrize(
    ("fault", "text"), [("html", "not as an Insighta backend does"), ("cut before", "the connection was cut")]
)
def test_something_else_answers(backend: FakeBackend, machine: Machine, fault: str, text: str) -> None:
    backend.faults["*"] = [f"always {fault}"]
    finding = examine(machine)["backend"]
    assert finding["level"] == "failed"
    assert text in finding["text"]
    assert finding["fix"]


def test_a_name_that_is_not_known(machine: Machine) -> None:
    finding = examine(machine, INSIGHTA_API="https://insighta.invalid")["backend"]
    assert finding["level"] == "failed"
    assert "insighta.invalid" in finding["fix"]


def test_the_backend_has_another_name(backend: FakeBackend, machine: Machine) -> None:
    backend.issuer = "https://api.example.com"
    assert examine(machine)["backend"]["fix"] == "export INSIGHTA_API=https://api.example.com"


def test_a_clock_an_hour_off(backend: FakeBackend, machine: Machine) -> None:
    backend.skew_seconds = 3600
    finding = examine(machine)["clock"]
    assert finding["level"] == "warning"
    assert "behind the backend's" in finding["text"]


def test_the_port_is_taken(machine: Machine) -> None:
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


def test_no_encryption_on_the_way(machine: Machine) -> None:
    findings = examine(machine, INSIGHTA_API="http://insighta.invalid")
    assert findings["address"]["level"] == "warning"
    assert "https" in findings["address"]["fix"]


def test_a_proxy_is_named_without_its_password(machine: Machine) -> None:
    proxy = {"https_proxy": "http://me:secret@proxy.invalid:3128"}
    finding = examine(machine, INSIGHTA_API="https://insighta.invalid", **proxy)["proxy"]
    assert "proxy.invalid:3128" in finding["text"]
    assert "secret" not in str(finding)


def test_this_machine_is_reached_without_the_proxy(backend: FakeBackend, machine: Machine) -> None:
    findings = examine(machine, http_proxy="http://127.0.0.1:1", HTTP_PROXY="http://127.0.0.1:1")
    assert findings["backend"]["level"] == "ok"


def test_modes_that_are_too_open(backend: FakeBackend, machine: Machine) -> None:
    machine.store(backend.store_for(backend.sign_in(), seconds_left=150))
    machine.credentials.chmod(0o644)
    machine.folder.joinpath("notes").touch()
    machine.folder.chmod(0o755)
    findings = examine(machine)
    assert f"chmod 600 '{machine.credentials}'" in findings["file"]["fix"]
    assert findings["folder"]["fix"] == f"chmod 700 '{machine.folder}'"


def test_a_browser_that_is_not_there(machine: Machine) -> None:
    finding = examine(machine, BROWSER="/nonexistent/browser")["browser"]
    assert (finding["level"], finding["fix"]) == ("warning", "Correct BROWSER, or unset it.")
