import socket
import struct
import subprocess
import sys
import time

import pytest

from tests.people import HTTP
from tests.processes import ROOT, Process, free_port, wait_until

COMMAND = [sys.executable, "-m", "sandbox"]


def refusal(code: int, **environment: str) -> str:
    """The line with which it ends instead of serving."""
    done = subprocess.run(COMMAND, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr.count("\n")) == (code, 1)
    return done.stderr


@pytest.mark.parametrize("environment", [{}, {"DEBUG": ""}, {"DEBUG": "false"}])
def test_it_refuses_to_serve_outside_development(environment: dict[str, str]) -> None:
    assert "DEBUG=true" in refusal(2, **environment)


def test_a_taken_port_is_one_line_that_names_the_variable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "GITHUB_PORT" in refusal(1, DEBUG="true", GITHUB_PORT=str(taken.getsockname()[1]))


def start(port: int) -> Process:
    environment = {"DEBUG": "1", "GITHUB_PORT": str(port), "GITHUB_CLIENT_ID": "mine", "GITHUB_CLIENT_SECRET": "own"}
    return Process(COMMAND, environment, f"http://127.0.0.1:{port}/").start()


def test_it_keeps_secrets_out_of_its_log_and_takes_other_credentials() -> None:
    port = free_port()
    process = start(port)
    try:
        asked = {"client_id": "mine", "redirect_uri": "http://localhost/", "state": "a-state"}
        page = HTTP.get(f"http://127.0.0.1:{port}/login/oauth/authorize", params=asked)
    finally:
        process.stop()
    assert page.status_code == 200
    assert "GET /login/oauth/authorize 200" in process.text()
    assert "a-state" not in process.text()


@pytest.mark.alone
def test_it_starts_within_two_seconds() -> None:
    began = time.monotonic()
    start(free_port()).stop()
    assert time.monotonic() - began < 2


def test_who_hangs_up_early_is_no_news() -> None:
    port = free_port()
    process = start(port)
    try:
        with socket.create_connection(("127.0.0.1", port)) as browser:
            browser.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            browser.recv(1)
            # Closing resets the connection.
            browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        HTTP.get(f"http://127.0.0.1:{port}/")
        wait_until(lambda: process.text().count("GET / 200") >= 3, tell=process.text)
    finally:
        process.stop()
    assert "Traceback" not in process.text()
