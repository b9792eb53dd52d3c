"""A database whose transactions are real: committed, raced, killed. Cleaned by hand, since nothing rolls it back."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.db import connection, connections, transaction

from accounts.models import User
from bookings.models import CreditEntry, Plan, Subscription
from bookings.repositories import clock


@contextmanager
def another_connection() -> Iterator[psycopg.Connection[Any]]:
    """A connection of the test's own, in autocommit, past Django."""
    parameters = connection.get_connection_params()
    kept = {name: parameters[name] for name in ("dbname", "user", "password", "host", "port") if name in parameters}
    with psycopg.connect(**kept, autocommit=True) as other:
        yield other


def count_deadlocks() -> int:
    """Deadlocks that PostgreSQL has broken in this database so far."""
    with another_connection() as other:
        other.execute("SELECT pg_stat_force_next_flush()")
        row = other.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").fetchone()
    assert row is not None
    number: int = row[0]
    return number


def make_clients(number: int, *, credits: int = 5) -> list[User]:
    """Many clients at once, each with a subscription that holds `credits`."""
    now = clock.read_now()
    plan, _ = Plan.objects.get_or_create(name="Clients", defaults={"credits": credits, "period_days": 365})
    people = User.objects.bulk_create(
        User(login=f"client{n}", github_id=10**9 + n, email=f"client{n}@example.org") for n in range(number)
    )
    with_credits(people, plan=plan, credits=credits, now=now)
    return people


def with_credits(people: list[User], *, plan: Plan, credits: int, now: datetime) -> None:
    with transaction.atomic():
        subscriptions = Subscription.objects.bulk_create(
            Subscription(
                user=person, plan=plan, credits_remaining=credits, starts_at=now, ends_at=now + timedelta(days=365)
            )
            for person in people
        )
        if credits:
            CreditEntry.objects.bulk_create(
                CreditEntry(
                    subscription=subscription, amount=credits, reason="plan", balance_after=credits, created_at=now
                )
                for subscription in subscriptions
            )


def together(calls: Sequence[Callable[[], Any]], *, threads: int = 0) -> list[Any]:
    """Run the calls at the same time, each thread on a connection of its own; results, or the exceptions raised."""
    workers = min(threads or len(calls), len(calls))
    barrier = threading.Barrier(workers)
    results: list[Any] = [None] * len(calls)
    waiting = iter(enumerate(calls))
    lock = threading.Lock()

    def work() -> None:
        connection.ensure_connection()
        barrier.wait(timeout=120)
        try:
            while True:
                with lock:
                    number, call = next(waiting)
                results[number] = _outcome(call)
        except StopIteration:
            connections.close_all()

    running = [threading.Thread(target=work) for _ in range(workers)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return results


def _outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:  # noqa: BLE001  # the race's outcome, whatever it is, is what the test looks at
        return error
