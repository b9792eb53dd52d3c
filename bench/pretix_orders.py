"""pretix, which sells tickets from quotas: orders of one product beside bookings of one slot, and the last seat."""

import contextlib
import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
from psycopg.conninfo import conninfo_to_dict

from bench.appointments import RACERS, race_for_a_seat
from bench.booking_world import open_world
from bench.database import Cluster
from bench.harness import Bench, BenchError, Budget, Result, Rounds, Table, Target, interleave, scenario
from bench.peer_servers import PEERS, python_with_pretix
from bench.servers import clean_environment, granian, run_to_end, running
from bench.wrk import load_calls
from tests.processes import Process, accepts, free_port

CLIENTS = 16
HOT, ORDERS = "one hot slot", "pretix, orders of one product"
_PATH = "/api/v1/organizers/bench/events/sessions/orders/"


@scenario("pretix", item=5, title="bookings a second, and pretix's orders", budget=Budget(400, 300), by_name_only=True)
def measure_pretix(run: Bench) -> Result:
    """Its tables are made by some six hundred migrations, which takes two minutes."""
    result = Result()
    people = run.pick(full=2000, quick=1200)
    with (
        serving_pretix(run.cluster) as pretix,
        open_world(run.cluster, clients=people, database="beside_pretix") as ours,
    ):

        def book(_: int) -> float:
            # Everybody books once: longer, and there are not enough people.
            return ours.book(ours.add_wanted_slots(), path="bookings", connections=CLIENTS, seconds=2).rate

        # Processes that have not answered yet load their modules now.
        pretix.rate(10)
        rounds = run.pick(full=Rounds(3, seconds=5), quick=Rounds(1, seconds=5))
        measured = interleave({HOT: book, ORDERS: pretix.rate}, rounds, has_time=run.has_time)
        result.add("/s", measured)
        rows = [["Insighta", str(race_for_a_seat(ours))], ["pretix", str(pretix.race())]]
        ours.check()
    result.tables.append(Table(f"{RACERS} people ask for one free seat at once", ["", "who have it"], rows))
    result.targets.append(Target("bookings of one hot slot, against pretix's orders", 5, result.ratio(HOT, ORDERS)))
    result.notes.append(
        f"{CLIENTS} clients. An order is one free ticket, made through the REST API, without mails. Its background "
        "tasks go to Redis, and nobody works them off. Both lock what is wanted."
    )
    return result


@dataclass(frozen=True)
class Pretix:
    """The running peer; `wanted` is a product that all can have, of `last` there is one."""

    url: str
    token: str
    wanted: int
    last: int

    def rate(self, seconds: int) -> float:
        """Orders a second, all of one product."""
        order = json.dumps(self._order(self.wanted))
        load = load_calls(
            self.url + _PATH,
            clients=CLIENTS,
            seconds=seconds,
            tokens=[self.token],
            scheme="Token",
            method="POST",
            bodies=[order] * CLIENTS,
        )
        return load.rate

    def race(self) -> int:
        """How many of twenty people who order the last one at once have it."""
        order, last = self.url + _PATH, self._order(self.last)
        with (
            httpx.Client(headers={"Authorization": f"Token {self.token}"}, timeout=60) as http,
            ThreadPoolExecutor(RACERS) as pool,
        ):
            answers = list(pool.map(lambda _: http.post(order, json=last).status_code, range(RACERS)))
        # Whoever cannot get its lock in time is told to try again with 409.
        if set(answers) - {201, 400, 409}:
            raise BenchError(f"the race was answered with {answers}")
        return answers.count(201)

    @staticmethod
    def _order(item: int) -> dict[str, object]:
        return {"email": "ada@example.test", "positions": [{"item": item}]}


@contextlib.contextmanager
def serving_pretix(cluster: Cluster) -> Iterator[Pretix]:
    """The peer over a database of its own, as its manual deploys it: PostgreSQL, Redis, several processes."""
    port, redis_port = free_port(), free_port()
    python = python_with_pretix()
    database = conninfo_to_dict(cluster.create("peer_pretix"))
    url, redis = f"http://127.0.0.1:{port}", f"redis://127.0.0.1:{redis_port}"
    environment = {
        "DJANGO_SETTINGS_MODULE": "pretix.settings",
        "PRETIX_DATABASE_BACKEND": "postgresql",
        "PRETIX_DATABASE_NAME": str(database["dbname"]),
        "PRETIX_DATABASE_USER": str(database["user"]),
        "PRETIX_DATABASE_HOST": str(database["host"]),
        "PRETIX_PRETIX_URL": url,
        "PRETIX_PRETIX_DATADIR": str(cluster.directory / "pretix"),
        "PRETIX_DJANGO_SECRET": secrets.token_urlsafe(48),
        "PRETIX_REDIS_LOCATION": f"{redis}/0",
        "PRETIX_CELERY_BROKER": f"{redis}/1",
        "PRETIX_CELERY_BACKEND": f"{redis}/2",
    }
    (cluster.directory / "pretix").mkdir()
    store = ["redis-server", "--port", str(redis_port), "--save", "", "--dir", str(cluster.directory)]
    server = granian("pretix.wsgi:application", port=port, python=python, access_log=True)
    with Process(store, clean_environment(), is_ready=lambda: accepts(redis_port)):
        run_to_end(python, ["-m", "pretix", "migrate", "--verbosity", "0"], environment)
        said = run_to_end(python, [str(PEERS / "pretix" / "seed_pretix.py")], environment)
        with running(server, environment, answers_at=f"{url}/api/v1/version"):
            yield Pretix(url, **json.loads(said.splitlines()[-1]))
