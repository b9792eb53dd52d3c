"""What a deployment asks of a process: SIGTERM ends it soon, and nobody whom it was serving notices."""

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, LiteralString

import httpx
import psycopg
from django.db import connection
from procrastinate.contrib.django.models import ProcrastinateJob

from bookings.services.booking import book_slot
from tests.bookings.people import make_person, make_slot
from tests.config.conftest import add_slot
from tests.databases import database_address
from tests.people import NO_CERTIFICATES, Browser, call
from tests.portal.conftest import arrived
from tests.processes import Live, Process, accepts, wait_until
from tests.upgrades.commands import from_procfile, server_of

# The Procfile gives unfinished work 8 seconds, and a client 5 seconds to say what it wants. A server that waited for
# its clients would need the half minute that they stay.
BOUND_SECONDS = 25
_HERE = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
WAITS_FOR_LOCK: LiteralString = f"{_HERE} wait_event_type = 'Lock'"
LISTENS: LiteralString = f"{_HERE} query LIKE 'LISTEN%'"


@contextlib.contextmanager
def nobody_is_recognised(live: Live) -> Iterator[None]:
    """Whoever sends a token waits for the end of this block."""
    with live.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE tokens_session IN ACCESS EXCLUSIVE MODE")
        yield


def wait_for(connection: "psycopg.Connection[Any]", query: LiteralString, row: tuple[int]) -> None:
    """Until the query gives this row."""
    wait_until(lambda: connection.execute(query).fetchone() == row, tell=lambda: query)


def lingering_clients(process: Process) -> list[socket.socket]:
    """Connections that their clients keep: idle after an answer, without a word yet, in the middle of a word."""
    clients = [socket.create_connection(("127.0.0.1", process.port), timeout=120) for _ in range(9)]
    for idle in clients[:3]:
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert idle.recv(4096).startswith(b"HTTP/1.1 ")
    for unfinished in clients[3:6]:
        unfinished.sendall(b"GET /healthz HTTP/1.1\r\nHo")
    return clients


def connecting_anew() -> httpx.Client:
    """A client that opens a connection for each request, as programs do that are started for each."""
    return httpx.Client(timeout=120, verify=NO_CERTIFICATES, limits=httpx.Limits(max_keepalive_connections=0))


def stop_in_the_middle(live: Live, server: Process, send: Callable[[int], httpx.Response]) -> list[int]:
    """Ask `server` to end while it works on three requests; the statuses of their answers."""
    with ThreadPoolExecutor(3) as pool, contextlib.ExitStack() as stack:
        for client in lingering_clients(server):
            stack.enter_context(client)
        with live.connect() as watching, nobody_is_recognised(live):
            answers = [pool.submit(send, number) for number in range(3)]
            wait_for(watching, WAITS_FOR_LOCK, (3,))
            server.terminate()
            began = time.monotonic()
            wait_until(lambda: not accepts(server.port), tell=server.text)
            assert not any(answer.done() for answer in answers)
        statuses = [answer.result().status_code for answer in answers]
        assert server.wait() == 0, server.text()
        assert time.monotonic() - began < BOUND_SECONDS
        return statuses


def test_a_backend_that_is_stopped_answers_the_bookings_it_has_begun(live: Live) -> None:
    grace = Browser(live, "grace-stops").sign_in()
    live.manage("make_host", str(call(live, "/me", grace.access).json()["id"]))
    slot = add_slot(live, grace.access)
    people = [Browser(live, f"ada-stops-{number}").sign_in() for number in range(3)]
    with server_of(live, "backend") as backend, connecting_anew() as http:

        def book_seat(number: int) -> httpx.Response:
            headers = {"Authorization": f"Bearer {people[number].access}"}
            return http.post(f"{backend.address}/api/v1/bookings", json={"slot_id": slot}, headers=headers)

        assert stop_in_the_middle(live, backend, book_seat) == [201] * 3
    booked = [call(live, "/bookings", person.access).json()["results"] for person in people]
    assert [[booking["slot_id"] for booking in bookings] for bookings in booked] == [[slot]] * 3


def test_a_portal_that_is_stopped_shows_the_pages_it_has_begun(live: Live) -> None:
    browsers = [arrived(live, f"ada-reads-{number}") for number in range(3)]
    with server_of(live, "portal") as portal:
        assert stop_in_the_middle(live, portal, lambda n: browsers[n].get(f"{portal.address}/credits")) == [200] * 3


def test_a_worker_that_is_stopped_finishes_its_job_and_takes_no_other(transactional_db: None, tmp_path: Path) -> None:
    for number in range(2):
        slot = make_slot(make_person(f"grace-{number}", is_host=True), hours=5)
        book_slot(client_id=make_person(f"ada-{number}").id, slot_id=slot.id)
    database = database_address(connection.settings_dict["NAME"])
    settings = {"DATABASE_URL": database, "EMAIL_URL": f"filemail:///{tmp_path / 'mails'}"}
    settings["DJANGO_SETTINGS_MODULE"] = "config.settings.backend"
    process = from_procfile("worker", dict(os.environ) | settings)
    with psycopg.connect(database, autocommit=True) as watching, process:
        with psycopg.connect(database) as holding:
            # The worker has begun with the first mail and waits for its recipient's row.
            holding.execute("LOCK TABLE accounts_user IN ACCESS EXCLUSIVE MODE")
            wait_for(watching, WAITS_FOR_LOCK, (1,))
            process.terminate()
            wait_for(watching, LISTENS, (0,))
            assert process.popen is not None
            assert process.popen.poll() is None
        assert process.wait() == 0, process.text()
    assert len(list((tmp_path / "mails").iterdir())) == 1
    jobs = ProcrastinateJob.objects.filter(task_name="bookings.send_notice").order_by("-id")
    assert list(jobs.values_list("status", flat=True)[:2]) == ["todo", "succeeded"]
