"""django-appointment, which looks for free times first and books later: its rate, and what a race leaves."""

import contextlib
import json
import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

import httpx

from bench.booking_world import BookingWorld
from bench.database import Cluster
from bench.harness import BenchError
from bench.peer_servers import PEERS, python_of_peers
from bench.servers import granian, run_to_end, running
from bench.wrk import run_script
from tests.processes import free_port

DATABASE, RACERS = "peer_appointment", 20
FORM = "application/x-www-form-urlencoded"
# Answers that only a client gives; the name is split by the peer.
PERSON = urlencode(
    {
        "name": "Ada Lovelace",
        "email": "ada@example.test",
        "phone_0": "US",
        "phone_1": "2025550123",
        "address": "London",
        "payment_type": "full",
    }
)


@dataclass(frozen=True)
class Appointments:
    """The running peer."""

    url: str
    cluster: Cluster
    service: int
    staff: int
    sessions: list[str]

    def rate(self, *, connections: int, seconds: int) -> float:
        """Bookings a second, each of its two forms one after the other. It looks at nothing, so one time serves all."""
        environment = {
            "BENCH_TIME": self._time(_today() + timedelta(days=10), "09:00", "09:30"),
            "BENCH_PERSON": PERSON,
        }
        return run_script(
            f"{self.url}/appointment/request-submit/",
            "appointment.lua",
            connections,
            seconds,
            environment,
            tokens=self.sessions[:connections],
        ).rate

    def race(self) -> int:
        """Twenty people see one free time and book it; how many have it in the end."""
        day, barrier = _today() + timedelta(days=20), threading.Barrier(RACERS)
        with ThreadPoolExecutor(RACERS) as pool:
            list(pool.map(lambda session: self._see_and_book(session, day, barrier), self.sessions[:RACERS]))
        with self.cluster.connect(DATABASE) as connection:
            row = connection.execute(
                "SELECT count(*) FROM appointment_appointment a"
                " JOIN appointment_appointmentrequest r ON r.id = a.appointment_request_id WHERE r.date = %s",
                [day],
            ).fetchone()
        return int(str(row[0])) if row else 0

    def _see_and_book(self, session: str, day: date, barrier: threading.Barrier) -> None:
        with httpx.Client(base_url=self.url, cookies={"sessionid": session}, timeout=60) as http:
            asked: dict[str, str | int] = {
                "selected_date": day.isoformat(),
                "staff_member": self.staff,
                "service_id": self.service,
            }
            ajax = {"X-Requested-With": "XMLHttpRequest"}
            free = http.get("/appointment/ajax/available_slots/", params=asked, headers=ajax).json()["available_slots"]
            barrier.wait()
            if any("T09:00" in str(slot) for slot in free):
                chosen = http.post(
                    "/appointment/request-submit/",
                    content=self._time(day, "09:00", "09:30"),
                    headers={"Content-Type": FORM},
                )
                http.post(chosen.headers["Location"], content=PERSON, headers={"Content-Type": FORM})

    def _time(self, day: date, start: str, end: str) -> str:
        chosen = {
            "service": self.service,
            "staff_member": self.staff,
            "date": day,
            "start_time": start,
            "end_time": end,
        }
        return urlencode(chosen)


def _today() -> date:
    return datetime.now(UTC).date()


@contextlib.contextmanager
def serving_appointments(cluster: Cluster, *, people: int) -> Iterator[Appointments]:
    """The peer over a database of its own, with `people` signed in."""
    python, port = python_of_peers(), free_port()
    environment = {
        "DJANGO_SETTINGS_MODULE": "appointment_settings",
        "DATABASE_URL": cluster.create(DATABASE),
        "SECRET_KEY": secrets.token_urlsafe(48),
        "PYTHONPATH": str(PEERS / "django"),
    }
    said = run_to_end(python, ["-m", "django", "seed_appointments", str(people)], environment)
    # Before its last line the package logs to standard output.
    seeded = json.loads(said.splitlines()[-1])
    url = f"http://127.0.0.1:{port}"
    with running(granian("entry:application", port=port, python=python), environment, answers_at=f"{url}/empty"):
        yield Appointments(url, cluster, **seeded)


def race_for_a_seat(world: BookingWorld) -> int:
    """The same race in the product: twenty people see a slot with one seat and book it; how many have it."""
    (slot,) = world.add_slots(1, capacity=1)
    barrier = threading.Barrier(RACERS)

    def book(token: str) -> int:
        with httpx.Client(base_url=world.product.backend_url, headers={"Authorization": f"Bearer {token}"}) as http:
            http.get("/api/v1/slots")
            barrier.wait()
            return http.post("/api/v1/bookings", json={"slot_id": str(slot)}).status_code

    with ThreadPoolExecutor(RACERS) as pool:
        answers = list(pool.map(book, [client.token for client in world.clients[:RACERS]]))
    if set(answers) - {201, 409}:
        raise BenchError(f"the race was answered with {answers}")
    return answers.count(201)
