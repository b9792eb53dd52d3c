"""A server with more requests than it can serve: it serves some and refuses the rest at once, with Retry-After."""

import copy
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from config.http.load_shedding import INTERVAL_SECONDS, AdmissionQueue, shed_load
from tests.fault_injection.workload import new_key
from tests.people import CLI, HTTP, Browser, Tokens, call, refresh
from tests.processes import Live, another_backend, free_port, wait_until

RUNNING, WAITING, REQUESTS = 2, 1, 12


@pytest.fixture(scope="module")
def one_worker(live: Live) -> Live:
    """As `live`, for servers of a single worker."""
    single = copy.copy(live)
    single.workers = 1
    return single


@pytest.fixture(scope="module")
def small(one_worker: Live) -> Iterator[Live]:
    """The product through a backend that serves two requests at once and has threads for all."""
    settings = {"REQUESTS_AT_ONCE": str(RUNNING), "REQUESTS_WAITING": str(WAITING)}
    with another_backend(one_worker, BACKEND_URL=one_worker.backend_url, **settings) as other:
        yield other


@pytest.fixture(scope="module")
def ada(live: Live) -> Tokens:
    return Browser(live, "ada").sign_in()


def wait_for(futures: "list[Future[httpx.Response]]", number: int) -> list[httpx.Response]:
    """The answers once there are so many."""
    wait_until(lambda: sum(future.done() for future in futures) >= number)
    return [future.result() for future in futures if future.done()]


def test_a_queue_admits_one_request_for_each_that_leaves() -> None:
    queue = AdmissionQueue(concurrency=1, queue_limit=1, max_sojourn=60)
    assert queue.acquire()
    entered: list[bool] = []
    waiter = threading.Thread(target=lambda: entered.append(queue.acquire()))
    waiter.start()
    queue.release()
    waiter.join()
    assert entered == [True]
    queue.release()


def test_a_queue_refuses_a_request_that_waits_too_long() -> None:
    queue = AdmissionQueue(concurrency=1, queue_limit=1, max_sojourn=0.01)
    assert [queue.acquire() for _ in range(3)] == [True, False, False]
    queue.release()
    assert queue.acquire()


def test_a_queue_admits_first_in_first_out() -> None:
    queue = AdmissionQueue(concurrency=1, queue_limit=3, max_sojourn=60)
    order, threads = list[int](), list[threading.Thread]()
    assert queue.acquire()

    def enter(number: int) -> None:
        assert queue.acquire()
        order.append(number)
        queue.release()

    for number in range(3):
        threads.append(threading.Thread(target=enter, args=[number]))
        threads[-1].start()
        wait_until(lambda: len(queue._queue) == len(threads))
    queue.release()
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2]


def test_a_standing_queue_rejects_early() -> None:
    queue = AdmissionQueue(concurrency=1, queue_limit=1, max_sojourn=60)
    assert queue.acquire()
    queue._last_free -= INTERVAL_SECONDS
    assert not queue.acquire()


def test_a_refused_request_does_not_reach_django(settings: Any) -> None:
    settings.REQUESTS_AT_ONCE = settings.REQUESTS_WAITING = 0
    admitted: list[str] = []

    def application(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
        admitted.append(environ["PATH_INFO"])
        return []

    shedding: Any = shed_load(application)
    for path in ("/api/v1/me", "/healthz"):
        shedding({"REQUEST_METHOD": "GET", "PATH_INFO": path}, lambda status, headers: None)
    assert admitted == ["/healthz"]


def test_an_overloaded_backend_refuses_at_once_serves_the_rest_and_recovers(small: Live, ada: Tokens) -> None:
    with ThreadPoolExecutor(REQUESTS) as threads:
        with small.connect() as connection, connection.transaction():
            connection.execute("LOCK TABLE bookings_slot IN ACCESS EXCLUSIVE MODE")
            asked = [threads.submit(call, small, "/slots", ada.access) for _ in range(REQUESTS)]
            refused = wait_for(asked, REQUESTS - RUNNING)
            assert {answer.status_code for answer in refused} == {503}
            assert {answer.json()["code"] for answer in refused} == {"unavailable"}
            assert {answer.headers["Content-Type"] for answer in refused} == {"application/problem+json"}
            assert {answer.headers["Retry-After"] for answer in refused} == {"1"}
            assert {answer.headers["Content-Length"] for answer in refused} == {str(len(refused[0].content))}
            assert HTTP.get(f"{small.backend_url}/healthz").status_code == 200
            key = new_key()
            refused_refresh = refresh(small, ada.refresh, key=key)
            assert (refused_refresh.status_code, refused_refresh.headers["Retry-After"]) == (503, "1")
            assert refused_refresh.json()["error"] == "temporarily_unavailable"
            page = HTTP.get(f"{small.backend_url}/oauth/authorize")
            assert (page.status_code, "Try again" in page.text) == (503, True)
        answers = wait_for(asked, REQUESTS)
    assert sorted(answer.status_code for answer in answers) == [200] * RUNNING + [503] * (REQUESTS - RUNNING)
    assert [call(small, "/slots", ada.access).status_code for _ in range(5)] == [200] * 5
    assert refresh(small, ada.refresh, key=key).status_code == 200


def test_a_backend_without_its_database_says_so_in_every_format(one_worker: Live, ada: Tokens) -> None:
    nowhere = f"postgresql://postgres@127.0.0.1:{free_port()}/postgres"
    with another_backend(one_worker, BACKEND_URL=one_worker.backend_url, DATABASE_URL=nowhere) as lost:
        api = call(lost, "/me", ada.access)
        assert (api.status_code, api.json()["code"], api.headers["Retry-After"]) == (503, "unavailable", "1")
        code = {"grant_type": "authorization_code", "code": "insc_unknown", "code_verifier": "v" * 43}
        oauth = HTTP.post(f"{lost.backend_url}/oauth/token", data=code | {"client_id": CLI, "redirect_uri": "http://x"})
        assert (oauth.status_code, oauth.json()["error"]) == (503, "temporarily_unavailable")
        page = HTTP.get(f"{lost.backend_url}/admin/login/github/")
        assert (page.status_code, "Nothing is half done" in page.text) == (503, True)


def test_an_overloaded_portal_keeps_visitors_signed_in(one_worker: Live) -> None:
    portal = one_worker.another_portal()
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(2) as threads:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        limits = {"REQUESTS_AT_ONCE": "1", "REQUESTS_WAITING": "0", "BACKEND_TIMEOUT_SECONDS": "300"}
        portal.environment = portal.environment | limits | {"BACKEND_URL": address}
        portal.start()
        try:
            url = portal.answers_at.replace("/healthz", "/bookings")
            cookies = {"Cookie": f"insighta_at=a.b.c; insighta_rt=insr_{'a' * 60}"}
            asked = [threads.submit(HTTP.get, url, headers=cookies) for _ in range(2)]
            wait_for(asked, 1)
            # The other one waits for the backend until that hangs up.
            silent.accept()[0].close()
            silent.close()
            pages = wait_for(asked, 2)
        finally:
            portal.stop(signal.SIGKILL)
    titles = ("Many people are here right now", "Insighta cannot be reached")
    for page, title in zip(sorted(pages, key=lambda page: titles[0] not in page.text), titles, strict=True):
        assert (page.status_code, title in page.text) == (503, True)
        assert int(page.headers["Retry-After"]) >= 1
        assert not [cookie for cookie in page.headers.get_list("set-cookie") if cookie.startswith("insighta_")]
