"""People with credits, hosts with slots, and the product that they book at, beside the textbook's way to book."""

import math
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from bench.database import Cluster
from bench.harness import BenchError
from bench.product import Product
from bench.servers import ROOT, granian, run_to_end, running
from bench.wrk import Load, run_script

HOSTS, CREDITS = 300, 300
# The most seats that a host can offer in one slot.
MOST_SEATS = 500
_HOSTS = "INSERT INTO bookings_host (user_id) SELECT unnest(%s::uuid[])"
_PLAN = "INSERT INTO bookings_plan (id, name, credits, period_days) VALUES (%s, 'bench', 300, 365)"
_SUBSCRIPTIONS = """
INSERT INTO bookings_subscription (id, user_id, plan_id, credits_remaining, starts_at, ends_at, renews)
SELECT uuidv7(), person, %(plan)s, %(credits)s, now() - interval '1 day', now() + interval '1 year', false
FROM unnest(%(people)s::uuid[]) AS person
"""
_LEDGER = """
INSERT INTO bookings_creditentry (id, subscription_id, amount, reason, balance_after, created_at)
SELECT uuidv7(), id, credits_remaining, 'grant', credits_remaining, now() FROM bookings_subscription
"""
# One hour for each run, so that nobody's bookings overlap; the hosts' slots of five minutes fill it.
_SLOTS = """
INSERT INTO bookings_slot (id, host_id, title, starts_at, ends_at, bookings_close_at, capacity, seats_taken, status)
SELECT uuidv7(), hosts[1 + n %% cardinality(hosts)], 'Bench', starts, starts + interval '5 minutes', starts,
       %(capacity)s, 0, 'open'
FROM generate_series(0, %(count)s - 1) AS n,
     LATERAL (SELECT %(hosts)s::uuid[] AS hosts) AS h,
     LATERAL (SELECT date_trunc('hour', now()) + interval '30 days' + %(run)s * interval '1 hour'
                     + (n / cardinality(hosts)) * interval '5 minutes' AS starts) AS s
RETURNING id
"""


@dataclass(frozen=True)
class Client:
    """Somebody who books; `token` is an access token."""

    user_id: uuid.UUID
    token: str


class BookingWorld:
    """`clients` people, each of whom books at most once a run; each run has slots of its own."""

    def __init__(self, product: Product, *, clients: int) -> None:
        self.product = product
        self.hosts = product.add_people(HOSTS)
        people = product.add_people(clients)
        with product.connect() as connection:
            plan = uuid.uuid4()
            connection.execute(_HOSTS, [self.hosts])
            connection.execute(_PLAN, [plan])
            with connection.transaction():
                connection.execute(_SUBSCRIPTIONS, {"plan": plan, "credits": CREDITS, "people": people})
                connection.execute(_LEDGER)
            connection.execute("ANALYZE")
        self.clients = self.sign_in(people)
        self._runs = count()

    def sign_in(self, people: Sequence[uuid.UUID]) -> list[Client]:
        """A session and an access token for each; signed by the product's code: refreshing would take minutes."""
        sessions = self.product.sign_in(people)
        given = "".join(f"{session.session_id} {session.user_id}\n" for session in sessions)
        environment = self.product.environment | {"DJANGO_SETTINGS_MODULE": "config.settings.backend"}
        command, root = ["-m", "bench.textbook.mint"], self.product.root
        tokens = run_to_end(self.product.python, command, environment, directory=root, given=given).split()
        return [Client(person, token) for person, token in zip(people, tokens, strict=True)]

    def add_slots(self, number: int, *, capacity: int) -> list[uuid.UUID]:
        """Slots of one run, all within an hour that no other run uses. Up to 3,600."""
        given = {"hosts": self.hosts, "count": number, "capacity": capacity, "run": next(self._runs)}
        with self.product.connect() as connection:
            return [uuid.UUID(str(row[0])) for row in connection.execute(_SLOTS, given)]

    def add_wanted_slots(self) -> list[uuid.UUID]:
        """For each client the slot that everybody wants at that moment: the next one when it is full."""
        wanted = self.add_slots(math.ceil(len(self.clients) / MOST_SEATS), capacity=MOST_SEATS)
        return [slot for slot in wanted for _ in range(MOST_SEATS)]

    def book(self, slots: Sequence[uuid.UUID], *, path: str, connections: int, seconds: int) -> Load:
        """Everybody books in turn, each the next of `slots`. Raises BenchError where anybody was refused."""
        lines = [f"{client.token} {slots[n % len(slots)]}" for n, client in enumerate(self.clients)]
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("\n".join(lines))
            file.flush()
            url = f"{self.product.backend_url}/api/v1/{path}"
            load = run_script(url, "booking.lua", connections, seconds, {"BENCH_BOOKINGS": file.name})
        if load.refused:
            raise BenchError(f"{load.refused} of {load.good + load.refused} bookings were refused")
        return load

    def check(self) -> None:
        """Raises RuntimeError where a rule of the bookings is broken, an oversold slot for example."""
        self.product.manage("audit")


@contextmanager
def open_world(cluster: Cluster, *, clients: int, database: str = "bookings") -> Iterator[BookingWorld]:
    """The product with people and slots, and the textbook's way beside it in the same server."""
    product = Product(cluster, database=database)
    product.make_database()
    environment = product.environment | {"DJANGO_SETTINGS_MODULE": "bench.textbook.settings", "PYTHONPATH": str(ROOT)}
    command = granian("config.wsgi:application", port=product.ports["backend"])
    with running(command, environment, answers_at=f"{product.backend_url}/healthz"):
        yield BookingWorld(product, clients=clients)
