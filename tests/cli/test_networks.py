"""What failed is named by who answered, with what to type."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cli.terminals import Pointed


@contextmanager
def answering(content: bytes) -> Iterator[int]:
    """A server that says one thing to everybody; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(content)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def point(machine: Pointed, api: str) -> Pointed:
    """Signed in there."""
    account = machine.backend.store_for(machine.backend.sign_in())["accounts"][machine.backend.url]
    machine.store({"version": 1, "accounts": {api: account}})
    machine.api = api
    return machine


@pytest.mark.parametrize(
    ("status", "said", "advice"),
    [
        ("407 Proxy Authentication Required", "wants to know who you are", "HTTPS_PROXY=http://name:password@"),
        ("403 Forbidden", "does not let the request through (status 403)", "Ask whoever runs the proxy"),
    ],
)
def test_a_proxy_that_refuses_is_named(machine: Pointed, status: str, said: str, advice: str) -> None:
    with answering(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()) as port:
        done = point(machine, "https://api.invalid").run("whoami", https_proxy=f"http://me:secret@127.0.0.1:{port}")
    assert done.code == 1
    assert f"the proxy 127.0.0.1:{port} {said}" in done.err
    assert advice in done.err
    assert "secret" not in done.err


def test_a_proxy_that_is_not_there_is_named(machine: Pointed) -> None:
    done = point(machine, "https://api.invalid").run("whoami", HTTPS_PROXY="http://127.0.0.1:1")
    assert "the proxy 127.0.0.1:1 was asked, and nothing listens there" in done.err
    assert "NO_PROXY=api.invalid" in done.err


@pytest.mark.parametrize("variable", ["https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4"])
def test_a_socks_proxy_is_refused_by_name(machine: Pointed, variable: str, scheme: str) -> None:
    machine.variables[variable] = f"{scheme}://127.0.0.1:1080"
    done = point(machine, "https://api.invalid").run("whoami")
    assert done.code == 2
    assert f"127.0.0.1:1080 is a {scheme} proxy" in done.err
    assert "NO_PROXY=api.invalid" in done.err
    doctor = machine.run("doctor", "--json").json
    assert next(finding for finding in doctor if finding["name"] == "proxy")["level"] == "failed"


@pytest.mark.parametrize(
    ("head", "said", "advice"),
    [
        (
            "301 Moved\r\nLocation: https://127.0.0.1/x",
            "leads to its https address",
            "insighta login https://127.0.0.1",
        ),
        ("302 Found\r\nLocation: https://hotel.example/login", "leads to hotel.example", "sign-in page"),
        ("302 Found\r\nLocation: https://x$(touch made)/", "leads to x (status 302)", "sign-in page"),
        ("302 Found", "leads to another address", "sign-in page"),
        ("200 OK\r\nServer: nginx/1.22", "but not as an Insighta backend does (nginx/1.22)", "insighta doctor"),
        ("502 Bad Gateway\r\nServer: \x1b[31m", "(status 502), but not as an Insighta backend does.", "try again"),
    ],
)
def test_another_server_is_named(machine: Pointed, head: str, said: str, advice: str) -> None:
    content = f"HTTP/1.1 {head}\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n".encode()
    with answering(content) as port:
        for words in (["whoami"], ["login", "--device"], ["sessions", "revoke", "--others"]):
            done = point(machine, f"http://127.0.0.1:{port}").run(*words)
            assert done.code == 1
            assert said in done.err, done.err
            assert advice in done.err
            assert "$(" not in done.err
            assert "\x1b" not in done.err


def test_localhost_where_127_0_0_1_is_meant(machine: Pointed) -> None:
    api = machine.api.replace("127.0.0.1", "localhost")
    machine.backend.faults["*"] = ["always 400"]
    assert f"insighta login {machine.api}" in point(machine, api).run("whoami").err


def test_a_server_that_does_not_speak_tls(machine: Pointed) -> None:
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        done = point(machine, f"https://127.0.0.1:{port}").run("whoami")
    assert "does not speak TLS" in done.err


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_certificates_that_are_not_there_are_named(machine: Pointed, variable: str) -> None:
    machine.variables[variable] = "/nonexistent"
    done = point(machine, "https://127.0.0.1:1").run("whoami")
    assert done.code == 2
    assert f"{variable} names certificates that are not there: /nonexistent." in done.err


def test_a_name_from_a_backend_is_suggested_only_where_a_shell_cannot_act_on_it(machine: Pointed) -> None:
    machine.backend.issuer = "https://x$(touch made)"
    for done in (machine.run("login", "--device"), machine.run("doctor")):
        assert done.code == 1
        assert "export INSIGHTA_API=https://x$(" not in done.err + done.out
