"""One run: clients use the product while faults are injected; then everything that was promised is checked."""

import itertools
import math
import os
import statistics
import sys
import time
from bisect import bisect
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from tests.fault_injection.browsers import Command, Newcomers, Visitor
from tests.fault_injection.clients import BookingClient, Host
from tests.fault_injection.faults import Fault
from tests.fault_injection.product import Product
from tests.fault_injection.verification import find_violations
from tests.fault_injection.workload import Workload
from tests.processes import wait_until

QUIET_SECONDS = 7.0
"""From the end of a fault to the next: the time in which recovery is measured."""
RECOVERY_SECONDS = 5.0
WINDOW_SECONDS = 2.0
RECOVERED_SHARE = 0.8


Person = Host | BookingClient | Visitor | Command


@dataclass(frozen=True)
class Injection:
    """When a fault began and ended."""

    fault: Fault
    began: float
    ended: float


@dataclass
class Run:
    """What happened. `violations` is empty where every promise was kept."""

    workload: Workload
    injections: list[Injection] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    load: list[int] = field(default_factory=list)
    """Processes that wanted to run on the whole machine, at each fault."""
    began: float = field(default_factory=time.monotonic)

    def is_during_fault(self, at: float) -> bool:
        """Whether a fault explains an error at this instant."""
        return any(injection.began <= at <= injection.ended + RECOVERY_SECONDS for injection in self.injections)

    def recoveries(self) -> list[float | None]:
        """For each fault the seconds from its end until the rate of answers was back; None: not seen.

        It is back at 80% of the rate before the fault, or of the usual one between faults where that is lower: the rest
        of the machine makes it rise and fall by itself.
        """
        answers = sorted(request.at for request in self.workload.requests if 0 < request.status < 500)

        def rate(begin: float, seconds: float = WINDOW_SECONDS) -> float:
            return (bisect(answers, begin + seconds) - bisect(answers, begin)) / seconds

        quiet = [
            rate(injection.began - WINDOW_SECONDS)
            for before, injection in itertools.pairwise(self.injections)
            if injection.began - WINDOW_SECONDS >= before.ended + RECOVERY_SECONDS
        ]
        usual = statistics.median(quiet) if quiet else math.inf
        recoveries: list[float | None] = []
        for injection in self.injections:
            wanted = RECOVERED_SHARE * min(usual, rate(injection.began - 2 * WINDOW_SECONDS, 2 * WINDOW_SECONDS))
            tenths = range(int(QUIET_SECONDS * 10))
            recoveries.append(next((n / 10 for n in tenths if rate(injection.ended + n / 10) >= wanted), None))
        return recoveries


def torture(
    product: Product,
    faults: Sequence[Fault],
    inject: Callable[[Fault], AbstractContextManager[None]],
    *,
    seed: int,
    clients: int = 10,
    visitors: int = 4,
    quiet: float = QUIET_SECONDS,
    since: Callable[[Workload], bool] = lambda _: True,
    until: Callable[[Workload], bool] = lambda _: True,
    has_histories: bool = True,
) -> Run:
    """Let each fault hold inside of `inject`, `quiet` seconds apart, wait `until` enough has happened, and check all.

    The first fault waits until enough has happened `since` the beginning. The history is written into the product's
    directory. Raises where the product does not recover.
    """
    run = Run(Workload(product, seed=seed))
    people = _start_clients(run.workload, clients, visitors)
    time.sleep(quiet)
    _wait_until(since, run.workload)
    for fault in faults:
        _inject(run, fault, inject)
        time.sleep(quiet)
    _wait_until(until, run.workload)
    run.workload.finish()
    run.workload.history.write(product.directory / "history")
    run.violations = find_violations(run.workload, people, has_histories=has_histories)
    return run


def _wait_until(is_enough: Callable[[Workload], bool], workload: Workload) -> None:
    wait_until(lambda: is_enough(workload), tell=lambda: f"the clients did too little: {workload.unexpected}")


def _start_clients(workload: Workload, clients: int, visitors: int) -> list[Person]:
    hosts = [Host(workload, name, number=n, hosts=2) for n, name in enumerate(("grace", "linus"))]
    people: list[Person] = [*hosts, Command(workload, "command", workload.product.directory / "home")]
    people += [BookingClient(workload, f"client{n}") for n in range(clients)]
    people += [Visitor(workload, f"visitor{n}") for n in range(visitors)]
    for person in people:
        person.sign_in()
    with workload.product.connect() as connection:
        logins = [host.login for host in hosts]
        connection.execute("UPDATE accounts_user SET is_host = true WHERE login = ANY(%s)", [logins])
    for host in hosts * 4:
        host.offer()
    for person in people:
        workload.repeat(person.step, person.login)
    workload.repeat(Newcomers(workload, "newcomer").step, "newcomer")
    return people


def _inject(run: Run, fault: Fault, inject: Callable[[Fault], AbstractContextManager[None]]) -> None:
    """One fault, until an API call, a page and a refresh have succeeded after its end."""
    run.load.append(round(os.getloadavg()[0]))
    began = time.monotonic()
    with inject(fault):
        time.sleep(fault.seconds)
    ended = time.monotonic()
    run.injections.append(Injection(fault, began, ended))
    sys.stderr.write(f"{began - run.began:7.1f} {fault} for {ended - began:.1f} s\n")
    wait_until(lambda: _is_answering(run.workload, ended), tell=lambda: f"no recovery from {fault}")


def _is_answering(workload: Workload, since: float) -> bool:
    answered = {request.kind for request in workload.requests if request.at > since and request.status == 200}
    return {"slots", "page", "refresh"} <= answered
