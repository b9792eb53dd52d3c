"""Bookings: of one slot that everybody wants, and of many slots, by 4, 16 and 64 clients at once."""

import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from bench.appointments import RACERS, Appointments, race_for_a_seat, serving_appointments
from bench.booking_statements import record_booking, replay
from bench.booking_world import BookingWorld, open_world
from bench.charts import Bar, Chart
from bench.harness import Bench, Budget, Result, Rounds, Table, Target, interleave, scenario
from bench.wrk import Load, load_calls

CONNECTIONS = (4, 16, 64)
EMPTY, SPREAD, HOT = "an empty authenticated POST", "spread slots", "one hot slot"
TEXTBOOK, TEXTBOOK_HOT = "SELECT … FOR UPDATE, spread slots", "SELECT … FOR UPDATE, one hot slot"
PGBENCH = "pgbench, the same statements, spread slots"
APPOINTMENT = "django-appointment, its two forms"


@scenario(
    "booking",
    item=5,
    title="bookings a second, all-or-nothing, with ledger, trail and jobs",
    budget=Budget(190, 30),
    with_peers=True,
)
def measure_bookings(run: Bench) -> Result:
    result = Result()
    world, appointments = _start(run)
    statements = record_booking(world)
    for connections in run.pick(full=CONNECTIONS, quick=CONNECTIONS[1:2]):
        _measure(run, result, world, statements, appointments, connections)
    result.tables.append(_race(world, appointments))
    world.check()
    result.notes.append(
        "After all runs `manage.py audit` found every rule kept: no oversold seat, no lost credit. "
        f"A booking is {len(statements)} statements with the caller's authentication, BEGIN and COMMIT. "
        "Everybody books once in a run. "
        "The textbook's way has the same tables, constraints, jobs and answer; it lacks retries of deadlocks, the "
        "waiting list, and checks of the people's standing."
    )
    return result


def _start(run: Bench) -> tuple[BookingWorld, Appointments]:
    """The product and the peer, started side by side; both run until the end."""
    cluster, people = run.cluster, run.pick(full=3000, quick=1200)
    with ThreadPoolExecutor() as pool:
        world = pool.submit(run.share, "world", lambda: open_world(cluster, clients=people))
        peer = pool.submit(run.share, "appointments", lambda: serving_appointments(cluster, people=max(CONNECTIONS)))
        return world.result(), peer.result()


def _measure(
    run: Bench,
    result: Result,
    world: BookingWorld,
    statements: list[str],
    appointments: Appointments,
    connections: int,
) -> None:
    loads: dict[str, list[Load]] = {}

    def book(seconds: int, *, label: str, path: str, is_hot: bool) -> float:
        slots = world.add_wanted_slots() if is_hot else world.add_slots(len(world.clients), capacity=1)
        load = world.book(slots, path=path, connections=connections, seconds=seconds)
        loads.setdefault(label, []).append(load)
        return load.rate

    def empty(seconds: int) -> float:
        tokens = [client.token for client in world.clients[:connections]]
        url = f"{world.product.backend_url}/api/v1/empty"
        return load_calls(url, clients=connections, seconds=seconds, tokens=tokens, method="POST", bodies=["{}"]).rate

    runs: dict[str, Callable[[int], float]] = {
        EMPTY: empty,
        SPREAD: partial(book, label=SPREAD, path="bookings", is_hot=False),
        HOT: partial(book, label=HOT, path="bookings", is_hot=True),
        TEXTBOOK: partial(book, label=TEXTBOOK, path="textbook-bookings", is_hot=False),
        TEXTBOOK_HOT: partial(book, label=TEXTBOOK_HOT, path="textbook-bookings", is_hot=True),
        PGBENCH: lambda _: replay(world, statements, connections=connections),
        APPOINTMENT: lambda seconds: appointments.rate(connections=connections, seconds=seconds),
    }
    rounds = run.pick(full=Rounds(3, seconds=2), quick=Rounds(1, seconds=1))
    measured = interleave(runs, rounds, has_time=run.has_time)
    after = f", {connections} clients"
    result.add("/s", {label + after: values for label, values in measured.items()})
    _add_targets(result, loads, after)
    if connections == 16:
        result.charts.append(_chart(result, after))


def _add_targets(result: Result, loads: dict[str, list[Load]], after: str) -> None:
    for label, wanted in ((SPREAD, 0.5), (HOT, 0.3)):
        share = result.ratio(label + after, EMPTY + after)
        result.targets.append(Target(f"{label}{after}: of an empty POST's rate", wanted, share))
    tail = statistics.median(load.p99 / max(load.p50, 0.001) for load in loads[HOT])
    result.targets.append(Target(f"{HOT}{after}: p99 in medians", 10, tail, at_most=True))


def _chart(result: Result, after: str) -> Chart:
    bars = [
        Bar(label, figure.median, figure.low, figure.high, ours=label in {SPREAD, HOT})
        for label in (EMPTY, PGBENCH, SPREAD, HOT, TEXTBOOK, TEXTBOOK_HOT, APPOINTMENT)
        if (figure := result.figure(label + after))
    ]
    return Chart("booking", f"Bookings{after}", "bookings a second", bars)


def _race(world: BookingWorld, appointments: Appointments) -> Table:
    rows = [
        ["Insighta", str(race_for_a_seat(world))],
        ["django-appointment", str(appointments.race())],
    ]
    return Table(f"{RACERS} people see one free seat and book it at once", ["", "bookings of that seat"], rows)
