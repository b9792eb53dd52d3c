"""More than can be done at once: some is served, the rest is sent away at once and told when to come back."""

import copy
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest

from config.overload import Gate
from tests.backends import another_backend
from tests.faults.clients import new_key
from tests.people import CLI, HTTP, Browser, Tokens, call, refresh
from tests.processes import Live, free_port

AT_ONCE, WAITING, CROWD = 2, 1, 12


@pytest.fixture(scope="module")
def one_worker(live: Live) -> Live:
    """As `live`, for servers of a single worker."""
    single = copy.copy(live)
    single.workers = 1
    return single


@pytest.fixture(scope="module")
def small(one_worker: Live) -> Iterator[Live]:
    """The product through a backend that does two things at once and has threads for all who come."""
    settings = {"REQUESTS_AT_ONCE": str(AT_ONCE), "REQUESTS_WAITING": str(WAITING)}
    with another_backend(one_worker, BACKEND_URL=one_worker.backend_url, **settings) as other:
        yield other


@pytest.fixture(scope="module")
def ada(live: Live) -> Tokens:
    return Browser(live, "ada").sign_in()


def wait_for(futures: "list[Future[httpx.Response]]", number: int) -> list[httpx.Response]:
    """The answers once there are so many."""
    deadline = time.monotonic() + 60
    while sum(future.done() for future in futures) < number:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return [future.result() for future in futures if future.done()]


def test_a_gate_lets_one_in_for_each_that_leaves() -> None:
    gate = Gate(running=1, waiting=1, seconds=60)
    assert gate.enter()
    entered: list[bool] = []
    waiter = threading.Thread(target=lambda: entered.append(gate.enter()))
    waiter.start()
    gate.leave()
    waiter.join()
    assert entered == [True]
    gate.leave()


def test_a_gate_sends_away_whoever_waits_too_long() -> None:
    gate = Gate(running=1, waiting=1, seconds=0.01)
    assert [gate.enter() for _ in range(3)] == [True, False, False]
    gate.leave()
    assert gate.enter()


def test_a_backend_with_too_much_to_do_refuses_at_once_serves_the_rest_and_recovers(small: Live, ada: Tokens) -> None:
    with ThreadPoolExecutor(CROWD) as threads:
        with small.connect() as connection, connection.transaction():
            connection.execute("LOCK TABLE bookings_slot IN ACCESS EXCLUSIVE MODE")
            asked = [threads.submit(call, small, "/slots", ada.access) for _ in range(CROWD)]
            refused = wait_for(asked, CROWD - AT_ONCE)
            assert {answer.status_code for answer in refused} == {503}
            assert {answer.json()["code"] for answer in refused} == {"unavailable"}
            assert {answer.headers["Content-Type"] for answer in refused} == {"application/problem+json"}
            assert {answer.headers["Retry-After"] for answer in refused} == {"1"}
            assert {answer.headers["Content-Length"] for answer in refused} == {str(len(refused[0].content))}
            assert HTTP.get(f"{small.backend_url}/healthz").status_code == 200
            key = new_key()
            sent_away = refresh(small, ada.refresh, key=key)
            assert (sent_away.status_code, sent_away.headers["Retry-After"]) == (503, "1")
            assert sent_away.json()["error"] == "temporarily_unavailable"
            page = HTTP.get(f"{small.backend_url}/oauth/authorize")
            assert (page.status_code, "Try again" in page.text) == (503, True)
        answers = wait_for(asked, CROWD)
    assert sorted(answer.status_code for answer in answers) == [200] * AT_ONCE + [503] * (CROWD - AT_ONCE)
    assert [call(small, "/slots", ada.access).status_code for _ in range(5)] == [200] * 5
    assert refresh(small, ada.refresh, key=key).status_code == 200


def test_a_backend_without_its_database_says_so_in_every_form(one_worker: Live, ada: Tokens) -> None:
    nowhere = f"postgresql://postgres@127.0.0.1:{free_port()}/postgres"
    with another_backend(one_worker, BACKEND_URL=one_worker.backend_url, DATABASE_URL=nowhere) as lost:
        api = call(lost, "/me", ada.access)
        assert (api.status_code, api.json()["code"], api.headers["Retry-After"]) == (503, "unavailable", "1")
        code = {"grant_type": "authorization_code", "code": "insc_unknown", "code_verifier": "v" * 43}
        oauth = HTTP.post(f"{lost.backend_url}/oauth/token", data=code | {"client_id": CLI, "redirect_uri": "http://x"})
        assert (oauth.status_code, oauth.json()["error"]) == (503, "temporarily_unavailable")
        page = HTTP.get(f"{lost.backend_url}/admin/login/github/")
        assert (page.status_code, "Nothing is half done" in page.text) == (503, True)


def test_a_portal_with_too_much_to_do_keeps_the_visitors_signed_in(one_worker: Live) -> None:
    portal = one_worker.another_portal()
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(2) as threads:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        limits = {"REQUESTS_AT_ONCE": "1", "REQUESTS_WAITING": "0", "BACKEND_TIMEOUT_SECONDS": "4"}
        portal.environment = portal.environment | limits | {"BACKEND_URL": address}
        portal.start()
        try:
            url = portal.answers_at.replace("/healthz", "/bookings")
            cookies = {"Cookie": f"insighta_at=a.b.c; insighta_rt=insr_{'a' * 60}"}
            pages = wait_for([threads.submit(httpx.get, url, headers=cookies, timeout=30) for _ in range(2)], 2)
        finally:
            portal.stop(signal.SIGKILL)
    titles = ("Many people are here right now", "Insighta cannot be reached")
    for page, title in zip(sorted(pages, key=lambda page: titles[0] not in page.text), titles, strict=True):
        assert (page.status_code, title in page.text) == (503, True)
        assert int(page.headers["Retry-After"]) >= 1
        assert not [cookie for cookie in page.headers.get_list("set-cookie") if cookie.startswith("insighta_")]
