"""Requests out of all proportion, at the door of the real servers: a refusal, at once, and the next one is served."""

import pytest

from tests.attacks.wire import exchange, statuses
from tests.people import HTTP
from tests.processes import Live

HUGE = 2_000_000
REQUESTS = {
    "a header": ("GET / HTTP/1.1", [f"X-Large: {'x' * HUGE}"], ""),
    "many headers": ("GET / HTTP/1.1", [f"X-{number}: x" for number in range(1000)], ""),
    "a cookie": ("GET / HTTP/1.1", [f"Cookie: insighta_rt={'x' * HUGE}"], ""),
    "many cookies": ("GET / HTTP/1.1", ["Cookie: " + "; ".join(f"c{n}=x" for n in range(100_000))], ""),
    "a bearer token": ("GET /api/v1/me HTTP/1.1", [f"Authorization: Bearer {'x' * HUGE}"], ""),
    "an address": (f"GET /{'x' * HUGE} HTTP/1.1", [], ""),
    "a query": (f"GET /login?next={'x' * HUGE} HTTP/1.1", [], ""),
    "a form": ("POST /oauth/token HTTP/1.1", ["Content-Type: application/x-www-form-urlencoded"], "a=" + "x" * HUGE),
    "many fields": (
        "POST /oauth/token HTTP/1.1", ["Content-Type: application/x-www-form-urlencoded"], "&".join(["a=1"] * 15_000),
    ),
    "a deep body": ("PATCH /api/v1/me HTTP/1.1", ["Content-Type: application/json"], "[" * HUGE),
    "a file": ("POST /login HTTP/1.1", ["Content-Type: multipart/form-data; boundary=x"], "--x\r\n" * 100_000),
    "a body that is announced only": ("POST /oauth/token HTTP/1.1", ["Content-Length: 99999999999"], ""),
}  # fmt: skip


@pytest.mark.parametrize("server", ["backend", "portal"])
@pytest.mark.parametrize("large", REQUESTS)
def test_what_is_too_large_is_refused_and_the_next_is_served(live: Live, server: str, large: str) -> None:
    first, headers, body = REQUESTS[large]
    host = f"{'127.0.0.1' if server == 'backend' else 'localhost'}:{live.ports[server]}"
    lines = [first, f"Host: {host}", *headers]
    if not any(line.startswith("Content-Length") for line in lines):
        lines.append(f"Content-Length: {len(body)}")
    lines.append("Connection: close")
    answers = exchange(live.ports[server], ("\r\n".join(lines) + "\r\n\r\n" + body).encode(), seconds=5)
    assert set(statuses(answers)) <= {400, 401, 403, 404, 405, 413, 414, 431}
    assert HTTP.get(f"http://{host}/healthz").status_code == 200
