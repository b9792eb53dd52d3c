import socket
import subprocess
import sys
import time

import httpx
import pytest

from tests.processes import ROOT, Process, free_port

COMMAND = [sys.executable, "-m", "sandbox"]


@pytest.mark.parametrize("environment", [{}, {"DEBUG": ""}, {"DEBUG": "false"}])
def test_it_refuses_to_serve_outside_development(environment: dict[str, str]) -> None:
    done = subprocess.run(COMMAND, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "DEBUG=true" in done.stderr


def test_a_taken_port_is_one_line_that_names_the_variable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        environment = {"DEBUG": "true", "GITHUB_PORT": str(taken.getsockname()[1])}
        done = subprocess.run(COMMAND, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "GITHUB_PORT" in done.stderr


@pytest.mark.alone
def test_it_starts_quickly_keeps_secrets_out_of_its_log_and_takes_other_credentials() -> None:
    port = free_port()
    environment = {"DEBUG": "1", "GITHUB_PORT": str(port), "GITHUB_CLIENT_ID": "mine", "GITHUB_CLIENT_SECRET": "own"}
    process = Process(COMMAND, environment, f"http://127.0.0.1:{port}/")
    began = time.monotonic()
    process.start()
    took = time.monotonic() - began
    try:
        page = httpx.get(
            f"http://127.0.0.1:{port}/login/oauth/authorize",
            params={"client_id": "mine", "redirect_uri": "http://localhost/", "state": "a-state"},
        )
    finally:
        process.stop()
    assert page.status_code == 200
    assert took < 2
    assert "GET /login/oauth/authorize 200" in process.text()
    assert "a-state" not in process.text()
