"""Requests that two readers could divide differently: alone before granian, and through nginx before granian."""

import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.attacks.wire import connect, exchange, statuses
from tests.deploy.cluster import HOSTS, write_certificates
from tests.deploy.configuration import DEPLOY
from tests.deploy.proxy import serve_through_nginx
from tests.people import HTTP
from tests.processes import ROOT, Live, free_port, wait_until

# How long a connection has nothing more to say, in seconds.
SILENCE = 0.5


HIDDEN = "GET /{hidden} HTTP/1.1\r\nHost: {host}\r\n\r\n"
POST = "POST /oauth/token HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
CHUNKED_END = "0\r\n\r\n"
FORMS = {
    "CL.TE": POST + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED_END + HIDDEN,
    "CL.TE with the rest inside": (
        POST + "Content-Length: 60\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED_END + HIDDEN
    ),
    "TE.CL": POST + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n" + HIDDEN + "x" * 40,
    "TE with a space": POST + "Content-Length: 5\r\nTransfer-Encoding : chunked\r\n\r\n" + CHUNKED_END + HIDDEN,
    "TE that only looks like it": POST
    + "Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n\r\n"
    + CHUNKED_END
    + HIDDEN,
    "TE twice": (
        POST
        + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"
        + HIDDEN
    ),
    "TE in HTTP/1.0": (
        POST.replace("1.1", "1.0") + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED_END + HIDDEN
    ),
    "two lengths": POST + "Content-Length: 60\r\nContent-Length: 0\r\n\r\n" + HIDDEN,
    "two lengths, the other first": POST + "Content-Length: 0\r\nContent-Length: 60\r\n\r\n" + HIDDEN,
    "a list of lengths": POST + "Content-Length: 60, 0\r\n\r\n" + HIDDEN,
    "a signed length": POST + "Content-Length: +0\r\n\r\n" + HIDDEN,
    "a negative length": POST + "Content-Length: -1\r\n\r\n" + HIDDEN,
    "a folded length": POST + "Content-Length:\r\n 0\r\n\r\n" + HIDDEN,
    "a folded header": POST + "X-Folded: a\r\n Content-Length: 0\r\n\r\n" + HIDDEN,
    "a carriage return alone": POST + "X-A: b\rContent-Length: 0\r\n\r\n" + HIDDEN,
    "a NUL in a header": POST + "X-A: b\0c\r\nContent-Length: 0\r\n\r\n" + HIDDEN,
    "a chunk that lies": POST + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n" + HIDDEN,
    "a chunk of no length": POST + "Transfer-Encoding: chunked\r\n\r\n\r\n0\r\n\r\n" + HIDDEN,
    "a chunk longer than any": POST + "Transfer-Encoding: chunked\r\n\r\n" + "f" * 17 + "\r\n" + HIDDEN,
    "a line feed in a chunk's extension": POST + "Transfer-Encoding: chunked\r\n\r\n2;a\nxx\r\n0\r\n\r\n" + HIDDEN,
    "chunks that end in line feeds": POST + "Transfer-Encoding: chunked\r\n\r\n1\nx\n0\n\n" + HIDDEN,
}
# Nothing is hidden in these: either reader may accept them, but as one request.
HARMLESS = {
    "an extension of a chunk": POST + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n1;a=b\r\nx\r\n0\r\n\r\n",
    "line feeds alone": "GET /healthz HTTP/1.1\nHost: {host}\nConnection: close\n\n",
    "two lengths that agree": POST + "Content-Length: 0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "two hosts": "GET /healthz HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    "the address of another site": "GET http://evil.example/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n",
}


@dataclass
class Nginx:
    """nginx, as `deploy/` describes it, before the live backend."""

    port: int
    log: Path


@pytest.fixture(scope="module")
def nginx(live: Live) -> Iterator[Nginx]:
    directory = Path(tempfile.mkdtemp(prefix="insighta-smuggling-"))
    directory.chmod(0o755)
    write_certificates(directory, list(HOSTS))
    ports = {name: free_port() for name in ("http", "https", "refused")}
    behind = [live.ports[name] for name in ("backend", "backend", "portal", "portal")]
    with serve_through_nginx(directory, ports, behind):
        yield Nginx(ports["https"], directory / "access.log")
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def hidden() -> str:
    """The path of the request that nobody was meant to see."""
    return f"hidden-{secrets.token_hex(8)}"


@pytest.mark.parametrize("form", FORMS)
def test_granian_answers_at_most_the_outer_request(live: Live, hidden: str, form: str) -> None:
    request = FORMS[form].format(host=f"127.0.0.1:{live.ports['backend']}", hidden=hidden).encode()
    assert len(statuses(exchange(live.ports["backend"], request, seconds=SILENCE))) <= 1
    assert hidden not in live.backend.text()


@pytest.mark.parametrize("form", FORMS)
def test_nginx_and_granian_agree_on_where_a_request_ends(live: Live, nginx: Nginx, hidden: str, form: str) -> None:
    request = FORMS[form].format(host=HOSTS[0], hidden=hidden).encode()
    answers = exchange(nginx.port, request, server_name=HOSTS[0], seconds=SILENCE)
    # What nginx passes on as a request of its own it has also counted as one.
    if hidden in live.backend.text():
        wait_until(lambda: hidden in nginx.log.read_text())
    assert not {status for status in statuses(answers) if status >= 500} - {501}


@pytest.mark.parametrize("form", HARMLESS)
def test_what_may_be_accepted_is_one_request_to_both(live: Live, nginx: Nginx, form: str) -> None:
    direct = HARMLESS[form].format(host=f"127.0.0.1:{live.ports['backend']}").encode()
    assert len(statuses(exchange(live.ports["backend"], direct))) == 1
    through = HARMLESS[form].format(host=HOSTS[0]).encode()
    # Another site's address is not answered at all.
    assert len(statuses(exchange(nginx.port, through, server_name=HOSTS[0]))) == (
        "evil.example/" not in through.decode()
    )


def test_the_comparison_sees_a_second_request_where_there_is_one(live: Live, nginx: Nginx, hidden: str) -> None:
    """Two honest requests on one connection arrive as two: the absence above is not blindness."""
    request = f"GET /healthz HTTP/1.1\r\nHost: {HOSTS[0]}\r\n\r\n{HIDDEN}".format(host=HOSTS[0], hidden=hidden).encode()
    assert len(statuses(exchange(nginx.port, request, server_name=HOSTS[0], answers=2))) == 2
    wait_until(lambda: hidden in live.backend.text())
    wait_until(lambda: hidden in nginx.log.read_text())


# Slow clients


def test_clients_that_dribble_headers_keep_nobody_waiting(live: Live) -> None:
    half = f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{live.ports['backend']}\r\nX-Slow: ".encode()
    with ExitStack() as held:
        for _ in range(200):
            held.enter_context(connect(live.ports["backend"])).sendall(half)
        assert HTTP.get(f"{live.backend_url}/healthz").status_code == 200


def test_clients_that_dribble_bodies_hold_no_thread_behind_nginx(live: Live, nginx: Nginx, hidden: str) -> None:
    """Twice as many as the backend has threads; it never hears of them."""
    half = f"POST /{hidden} HTTP/1.1\r\nHost: {HOSTS[0]}\r\nContent-Length: 1000\r\n\r\nabc".encode()
    with ExitStack() as held:
        for _ in range(40):
            held.enter_context(connect(nginx.port, server_name=HOSTS[0])).sendall(half)
        ask = f"GET /healthz HTTP/1.1\r\nHost: {HOSTS[0]}\r\nConnection: close\r\n\r\n".encode()
        assert len(statuses(exchange(nginx.port, ask, server_name=HOSTS[0]))) == 1
        assert hidden not in live.backend.text()


def test_slow_clients_are_given_up_on() -> None:
    settings = (DEPLOY / "nginx" / "nginx.conf.template").read_text()
    for name in ("client_header_timeout", "client_body_timeout", "send_timeout"):
        (seconds,) = re.findall(rf"^\s*{name} (\d+)s;", settings, re.MULTILINE)
        assert int(seconds) <= 10
    assert "proxy_request_buffering off" not in settings
    servers = [line for line in (ROOT / "Procfile").read_text().splitlines() if "granian" in line]
    assert len(servers) == 2
    assert all("--http1-header-read-timeout" in line for line in servers)
