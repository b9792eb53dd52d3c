"""nginx as it stands before the product: what it passes on, refuses, repeats and writes down."""

import json
import socket
import ssl
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import trustme

from tests.deploy.cluster import HOSTS
from tests.deploy.proxy import Proxy, proxy
from tests.deploy.visitors import OUTSIDE, NamedTransport
from tests.people import HTTP
from tests.processes import wait_until
from tests.upgrades.pages import command_of, run

API, APP = HOSTS
SECRET = "a-secret-that-no-log-may-hold"
CODE = {"grant_type": "authorization_code", "code": SECRET}
KEY = {"Idempotency-Key": "k" * 43}
PROBES = ["/metrics", "/metrics?x=1", "//metrics", "/./metrics", "/%6detrics"]


@pytest.fixture(scope="module")
def running() -> Iterator[Proxy]:
    with proxy() as nginx:
        yield nginx


@pytest.fixture
def outside(running: Proxy) -> Iterator[httpx.Client]:
    running.recorder.asked.clear()
    running.recorder.lost = running.recorder.missing = 0
    running.recorder.cache_control = ""
    with _client(running) as client:
        yield client


@pytest.fixture
def fresh() -> Iterator[Proxy]:
    """An nginx that has written nothing yet."""
    with proxy() as nginx:
        yield nginx


def _client(running: Proxy, address: str = OUTSIDE) -> httpx.Client:
    authority = ssl.create_default_context(cafile=running.directory / "authority.pem")
    transport = NamedTransport(verify=authority, local_address=address)
    return httpx.Client(transport=transport, base_url=f"https://{API}:{running.ports['https']}", timeout=120)


def _at_portal(running: Proxy, path: str) -> str:
    return f"https://{APP}:{running.ports['https']}{path}"


def test_only_the_proxy_says_who_asks(running: Proxy, outside: httpx.Client) -> None:
    forged = ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Real-IP", "Forwarded", "Via", "Proxy"]
    headers = dict.fromkeys([*forged, "X_Forwarded_For"], "192.0.2.66") | {"X-Forwarded-Proto": "http"}
    for address in ("/api/v1/me", _at_portal(running, "/slots")):
        outside.get(address, headers=headers)
        seen = {name.lower(): value for name, value in running.recorder.asked.pop().headers.items()}
        assert (seen["x-forwarded-for"], seen["x-forwarded-proto"]) == (OUTSIDE, "https")
        assert "192.0.2.66" not in seen.values()
        assert seen["host"] == (APP if "slots" in address else API)


def test_the_portal_is_believed_about_its_browsers(running: Proxy) -> None:
    with _client(running, "127.0.0.1") as portal:
        portal.get("/api/v1/me", headers={"X-Forwarded-For": "192.0.2.66"})
    assert running.recorder.asked.pop().headers["X-Forwarded-For"] == "192.0.2.66"


def test_the_id_of_a_request_is_passed_on_if_it_looks_like_one(running: Proxy, outside: httpx.Client) -> None:
    outside.get("/api/v1/me", headers={"X-Request-ID": "given-by-caller"})
    outside.get("/api/v1/me", headers={"X-Request-ID": "no id\tat all"})
    given, made = (asked.headers["X-Request-ID"] for asked in running.recorder.asked)
    assert given == "given-by-caller"
    assert len(made) == 32
    wait_until(lambda: made in running.log())
    assert [json.loads(line)["request_id"] for line in _lines(running)[-2:]] == [given, made]


@pytest.mark.parametrize("path", [*PROBES, "/readyz"])
def test_what_is_for_the_inside_is_not_there_from_outside(running: Proxy, outside: httpx.Client, path: str) -> None:
    raw = f"GET {path} HTTP/1.1\r\nHost: {API}\r\nConnection: close\r\n\r\n".encode()
    assert _send(running, raw).startswith(b"HTTP/1.1 404")
    assert path == "/readyz" or outside.get(_at_portal(running, path)).status_code == 404
    assert running.recorder.asked == []


def test_health_can_be_asked_from_outside(running: Proxy, outside: httpx.Client) -> None:
    assert outside.get("/healthz").status_code == outside.get(_at_portal(running, "/healthz")).status_code == 200


def test_no_log_holds_a_query_or_the_secret_of_a_calendar(fresh: Proxy) -> None:
    paths = [f"/oauth/authorize?state={SECRET}", f"/auth/complete/github/?code={SECRET}"]
    paths += [f"/api/v1/calendar/{SECRET}.ics", _at_portal(fresh, f"/auth/callback?at={SECRET}&rt={SECRET}")]
    with _client(fresh) as outside:
        for path in paths:
            # Lost twice, nginx has an error to report.
            fresh.recorder.lost = 2
            assert outside.get(path, headers={"Referer": f"https://{APP}/?rt={SECRET}"}).status_code == 502
    wait_until(lambda: len(_lines(fresh)) == len(paths))
    assert SECRET not in fresh.log()
    logged = [json.loads(line)["path"] for line in _lines(fresh)]
    assert logged == ["/oauth/authorize", "/auth/complete/github/", "/api/v1/calendar/[hidden]", "/auth/callback"]


def test_a_large_body_is_refused_before_a_server_sees_it(running: Proxy, outside: httpx.Client) -> None:
    assert outside.post("/api/v1/bookings", content=b"x" * 65_537).status_code == 413
    assert running.recorder.asked == []


def test_the_page_for_people_says_what_to_do_when_no_server_answers(running: Proxy, outside: httpx.Client) -> None:
    running.recorder.lost = 1
    answer = outside.post(_at_portal(running, "/logout"))
    assert answer.status_code == 502
    assert "Wait a moment, go back and try again." in answer.text
    assert answer.headers["Server"] == "nginx"


@pytest.mark.parametrize(
    ("method", "path", "headers", "times"),
    [
        pytest.param("POST", "/oauth/token", KEY, 2, id="a refresh with its key is repeated"),
        pytest.param("POST", "/api/v1/bookings", KEY, 2, id="a booking with its key is repeated"),
        pytest.param("GET", "/api/v1/me", {}, 2, id="reading is repeated"),
        pytest.param("POST", "/oauth/token", {}, 1, id="the exchange of a code is not"),
        pytest.param("POST", "/oauth/token", {"Idempotency-Key": "short"}, 1, id="nor with a key that is none"),
        pytest.param("POST", "/api/v1/bookings/1/cancel", KEY, 1, id="nor what ignores keys"),
    ],
)
def test_a_lost_answer_is_asked_for_again_only_where_that_is_safe(
    running: Proxy, outside: httpx.Client, method: str, path: str, headers: dict[str, str], times: int
) -> None:
    running.recorder.lost = 1
    answer = outside.request(method, path, headers=headers, data=CODE if method == "POST" else None)
    assert answer.status_code == (200 if times == 2 else 502)
    assert [(one.method, one.path) for one in running.recorder.asked] == [(method, path)] * times


@pytest.mark.parametrize("place", ["", APP])
def test_a_file_of_another_release_is_asked_of_the_other_server(
    running: Proxy, outside: httpx.Client, place: str
) -> None:
    sheet = _at_portal(running, "/static/a.css") if place else "/static/a.css"
    for missing, status in ((1, 200), (2, 404)):
        running.recorder.missing = missing
        assert outside.get(sheet).status_code == status
    running.recorder.missing = 1
    assert outside.get("/healthz").status_code == 404


@pytest.mark.parametrize("place", ["", APP])
def test_a_file_of_a_release_that_is_gone_is_still_found_by_its_hash(
    running: Proxy, outside: httpx.Client, place: str
) -> None:
    sheet = _at_portal(running, "/static/b.0123456789ab.css") if place else "/static/b.0123456789ab.css"
    running.recorder.cache_control = "max-age=315360000, public, immutable"
    assert outside.get(sheet).status_code == 200
    running.recorder.missing = 2
    assert outside.get(sheet).status_code == 200
    assert [outside.get("/api/v1/me").status_code for _ in range(2)] == [404, 404]


def test_a_server_that_comes_back_is_asked_at_once(running: Proxy, outside: httpx.Client) -> None:
    running.recorder.lost = 20
    assert {outside.get("/healthz").status_code for _ in range(10)} == {502}
    assert outside.get("/healthz").status_code == 200


def test_a_server_that_refuses_connections_costs_nobody_anything() -> None:
    with proxy(is_one_backend_down=True) as nginx:
        with _client(nginx) as client:
            answers = [client.post("/oauth/token", data=CODE).status_code for _ in range(12)]
        assert answers == [200] * 12
        assert len(nginx.recorder.asked) == 12
        assert f"127.0.0.1:{nginx.ports['refused']}" in nginx.log()


def test_another_name_is_shown_no_certificate_and_given_no_answer(running: Proxy, outside: httpx.Client) -> None:
    with pytest.raises(ssl.SSLError, match="unrecognized name"):
        _send(running, b"", name="evil.example")
    assert _send(running, b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n") == b""
    assert running.recorder.asked == []


@pytest.mark.parametrize(
    ("version", "is_spoken"),
    [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)],
)
def test_tls_begins_with_1_2(running: Proxy, version: ssl.TLSVersion, is_spoken: bool) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(running.directory / "authority.pem")
    # OpenSSL itself speaks old versions only when told that security does not matter.
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = context.maximum_version = version
    request = b"GET /healthz HTTP/1.0\r\nHost: %b\r\n\r\n" % API.encode()
    if is_spoken:
        assert b" 200 " in _send(running, request, context=context)
    else:
        with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
            _send(running, request, context=context)


def test_clear_text_leads_to_https_and_carries_nothing(running: Proxy, outside: httpx.Client) -> None:
    address, host = f"http://127.0.0.1:{running.ports['http']}/slots", {"Host": APP}
    moved = HTTP.get(address, headers=host)
    assert (moved.status_code, moved.headers["Location"]) == (301, f"https://{APP}/slots")
    assert HTTP.post(address, headers=host, data=CODE).status_code == 403
    with pytest.raises(httpx.TransportError):
        HTTP.get(address, headers={"Host": "evil.example"})
    assert running.recorder.asked == []


def _lines(running: Proxy) -> list[str]:
    return (running.directory / "access.log").read_text().splitlines()


def _send(running: Proxy, raw: bytes, *, name: str = API, context: ssl.SSLContext | None = None) -> bytes:
    """What comes back for bytes sent over TLS to the server called `name`; nothing where it ends the connection."""
    context = context or ssl.create_default_context(cafile=running.directory / "authority.pem")
    address = ("127.0.0.1", running.ports["https"])
    with (
        socket.create_connection(address, timeout=120) as plain,
        context.wrap_socket(plain, server_hostname=name) as tls,
    ):
        tls.sendall(raw)
        try:
            return tls.recv(65_536)
        except ConnectionResetError:
            return b""


def test_an_ended_certificate_is_replaced_as_the_page_says(fresh: Proxy, tmp_path: Path) -> None:
    """The commands of docs/incidents.md, on this nginx."""
    authority, now = trustme.CA(), datetime.now(UTC)
    authority.cert_pem.write_to_path(fresh.directory / "authority.pem")
    _write(
        authority.issue_cert(*HOSTS, not_after=now - timedelta(days=1)), fresh.directory, "tls-certificate", "tls-key"
    )

    def follow(number: int) -> str:
        commands = command_of("incidents.md", "A certificate has ended", number)
        for there, here in {
            "/etc/insighta/tls/fullchain.pem": fresh.directory / "tls-certificate.pem",
            "/etc/insighta/tls/privkey.pem": fresh.directory / "tls-key.pem",
            "/var/lib/nginx/nginx.pid": fresh.directory / "nginx.pid",
            "127.0.0.1:443": f"127.0.0.1:{fresh.ports['https']}",
            "DOMAIN": API,
        }.items():
            commands = commands.replace(there, str(here))
        return run(f"cd {tmp_path}\n{commands}")

    def is_served() -> bool:
        """After a reload a process of before may still accept a connection."""
        served, on_disk = follow(0).splitlines()
        return served == on_disk

    follow(3)
    wait_until(is_served)
    wait_until(lambda: "certificate has expired" in _refusal(fresh))
    ended = follow(0)

    _write(authority.issue_cert(*HOSTS, not_after=now + timedelta(days=90)), tmp_path, "new-fullchain", "new-privkey")
    assert all(f"DNS:{host}" in follow(1) for host in HOSTS)
    follow(2)
    follow(3)
    wait_until(is_served)
    wait_until(lambda: not _refusal(fresh))
    assert follow(0) != ended


def _write(certificate: trustme.LeafCert, directory: Path, chain: str, key: str) -> None:
    (directory / f"{chain}.pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(directory / f"{key}.pem")


def _refusal(running: Proxy) -> str:
    """Why a new client does not trust what nginx serves; empty where it does."""
    try:
        with _client(running) as client:
            client.get("/healthz")
    except httpx.ConnectError as error:
        return str(error)
    return ""
