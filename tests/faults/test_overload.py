"""More than can be done at once: some is served, the rest is sent away at once and told when to come back."""

import asyncio
import copy
import io
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from django.core.handlers.wsgi import WSGIHandler

from config.charsets import Application
from config.overload import STANDING_SECONDS, Gate, with_admission
from tests.backends import another_backend
from tests.faults.clients import new_key
from tests.faults.openloop import Generator, Plan
from tests.people import CLI, HTTP, Browser, Tokens, call, refresh
from tests.processes import Live, free_port
from tests.waiting import wait_until

AT_ONCE, WAITING, CROWD = 2, 1, 12
# Far beyond what is promised, for machines that have other things to do.
OVERLOAD, OVERLOAD_SECONDS, PATIENCE_SECONDS = 3, 4.0, 3.0


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
    wait_until(lambda: sum(future.done() for future in futures) >= number)
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


def test_a_gate_lets_in_who_came_first_first() -> None:
    gate, order, threads = Gate(running=1, waiting=3, seconds=60), list[int](), list[threading.Thread]()
    assert gate.enter()

    def enter(number: int) -> None:
        assert gate.enter()
        order.append(number)
        gate.leave()

    for number in range(3):
        threads.append(threading.Thread(target=enter, args=[number]))
        threads[-1].start()
        wait_until(lambda: len(gate._line) == len(threads))
    gate.leave()
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2]


def test_a_gate_whose_queue_is_old_lets_nobody_wait_for_long() -> None:
    gate = Gate(running=1, waiting=1, seconds=60)
    assert gate.enter()
    gate._last_free -= STANDING_SECONDS
    assert not gate.enter()


def test_a_refusal_costs_a_small_part_of_the_cheapest_answer(settings: Any) -> None:
    settings.REQUESTS_AT_ONCE = settings.REQUESTS_WAITING = 0
    application = with_admission(WSGIHandler())
    assert ask(application, "/healthz").startswith("200")
    assert ask(application, "/api/v1/me").startswith("503")
    answers, refusals = (
        [processor_seconds(application, path) for _ in range(5)] for path in ("/healthz", "/api/v1/me")
    )
    assert min(refusals) < min(answers) / 10


def ask(application: Application, path: str) -> str:
    """The status line of the answer to one GET."""
    lines: list[str] = []
    environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "wsgi.url_scheme": "http"}
    environ |= {"SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "wsgi.input": io.BytesIO()}
    application(environ, lambda line, headers: lines.append(line))
    return lines[0]


def processor_seconds(application: Application, path: str) -> float:
    """What a hundred of them cost."""
    began = time.thread_time()
    for _ in range(100):
        ask(application, path)
    return time.thread_time() - began


@pytest.mark.alone
def test_three_times_what_can_be_done_is_answered_in_time_and_all_is_well_afterwards(
    one_worker: Live, ada: Tokens
) -> None:
    limits = {"REQUESTS_AT_ONCE": "2", "REQUESTS_WAITING": "4"}
    with another_backend(one_worker, BACKEND_URL=one_worker.backend_url, **limits) as other:
        port, plan = int(other.backend_url.rpartition(":")[2]), asking_who_one_is(other, ada)
        capacity = asyncio.run(Generator(port).hurry(plan, 600, at_once=2)).rate
        sample = asyncio.run(Generator(port).run(plan, rate=OVERLOAD * capacity, seconds=OVERLOAD_SECONDS))
        time.sleep(1)
        afterwards = [call(other, "/me", ada.access) for _ in range(20)]
    assert sample.statuses.keys() == {200, 503}
    assert sample.without_retry_after == 0
    assert sample.share_within(PATIENCE_SECONDS) >= 0.99
    assert len(sample.served) >= capacity * OVERLOAD_SECONDS / 3
    assert {answer.status_code for answer in afterwards} == {200}


def asking_who_one_is(live: Live, person: Tokens) -> Plan:
    """`GET /api/v1/me`, again and again."""
    host = live.backend_url.removeprefix("http://")
    request = f"GET /api/v1/me HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {person.access}\r\n\r\n".encode()
    return lambda: (request, lambda status, body: None)


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
