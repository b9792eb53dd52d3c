"""Broken HTTP on real connections to the server: refused or hung up on, and everybody else is served."""

import random
import socket
import time

from tests.fuzz.effort import EFFORT, SEED
from tests.people import HTTP
from tests.processes import Live

NUMBER = 200 * EFFORT
BODY = b"client_id=nobody"
GOOD = [
    b"POST /oauth/device_authorization HTTP/1.1",
    b"Host: 127.0.0.1",
    b"Content-Type: application/x-www-form-urlencoded",
    b"Content-Length: %d" % len(BODY),
    b"Connection: close",
]
LINES = [
    b"", b" ", b"POST", b"POST /", b"POST / HTTP", b"POST / HTTP/9.9", b"\x00\xff\xfe", b"POST http:// HTTP/1.1",
    b"POST * HTTP/1.1", b"PO\x00ST / HTTP/1.1", b"POST /\x00 HTTP/1.1", b"POST /%ff%00%zz HTTP/1.1",
    b"POST //../..// HTTP/1.1", b"\x16\x03\x01\x02\x00", b"PRI * HTTP/2.0", b"POST /" + b"a" * 100_000 + b" HTTP/1.1",
    b"CONNECT evil:80 HTTP/1.1", b"post / http/1.1", "POST /oauth/tok\u00e9n HTTP/1.1".encode(),
]  # fmt: skip
HEADERS = [
    b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"Content-Length: x", b"Content-Length: 5, 6",
    b"Content-Length:", b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding : chunked", b": x", b"no colon", b" folded: x", b"X: \x00", b"X: \xff\xfe",
    b"X" * 70_000 + b": y", b"Content-Type: ; charset=hex", b"Expect: nonsense",
    b"Content-Type: application/x-www-form-urlencoded; charset=hex", b"Upgrade: h2c", b"Host: a, b", b"Host: [::",
    b"Cookie: =;=;", b"Content-Encoding: gzip",
]  # fmt: skip


def broken(chance: random.Random) -> bytes:
    """One request; what it lacks or has besides makes it mean nothing."""
    lines = [chance.choice([*LINES, GOOD[0]]), *GOOD[1:]]
    for _ in range(chance.randint(1, 3)):
        lines.insert(chance.randint(1, len(lines)), chance.choice(HEADERS))
    end = chance.choice([b"\r\n", b"\r\n", b"\n", b"\r"])
    return end.join(lines) + end * 2 + chance.choice([b"", b"x=" * 20, b"zz\r\n", b"\x00" * 20, b"client_id=" * 300])


def exchange(port: int, sent: bytes) -> bytes:
    """What comes back before the server, or this side after a second, gives up."""
    with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        received = b""
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65_536):
                received += part
        except OSError:
            pass
    return received


def rows(live: Live) -> list[object]:
    """How many sessions, grants and sign-ins under way there are."""
    tables = ("tokens_session", "tokens_devicegrant", "tokens_authorizationcode", "accounts_signinflow")
    with live.connect() as connection:
        return [connection.execute(f"SELECT count(*) FROM {table}").fetchone() for table in tables]


def test_broken_http_breaks_nothing(live: Live) -> None:
    before, chance = rows(live), random.Random(SEED)
    faults = []
    for _ in range(NUMBER):
        sent = broken(chance)
        if exchange(live.ports["backend"], sent)[:10].startswith((b"HTTP/1.1 5", b"HTTP/1.0 5")):
            faults.append(sent[:300])
    assert faults == []
    assert rows(live) == before
    assert HTTP.get(f"{live.backend_url}/readyz").status_code == 200


def test_half_a_request_keeps_nobody_waiting(live: Live) -> None:
    waiting = [socket.create_connection(("127.0.0.1", live.ports["backend"])) for _ in range(40)]
    try:
        for number, connection in enumerate(waiting):
            connection.sendall(b"\r\n".join(GOOD)[: 10 + 3 * number])
        began = time.monotonic()
        assert HTTP.get(f"{live.backend_url}/readyz").status_code == 200
        assert time.monotonic() - began < 30
    finally:
        for connection in waiting:
            connection.close()
