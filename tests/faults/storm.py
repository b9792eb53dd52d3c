"""One run: people use the product while a seeded schedule breaks it; then everything that was promised is checked."""

import json
import math
import os
import random
import statistics
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psycopg

from tests.faults.clients import Run, summarize
from tests.faults.history import Log
from tests.faults.injection import injected, possible_kinds
from tests.faults.product import Product
from tests.faults.schedule import QUIET_SECONDS, TARGETS, Fault, draw_faults
from tests.faults.terminals import Client, Host, Terminal
from tests.faults.verdict import WELCOME_CREDITS, find_broken_promises
from tests.faults.visitors import Command, Newcomer, Visitor

WINDOW_SECONDS = 2.0
RECOVERY_SECONDS = 5.0
FULL = 0.8


@dataclass(frozen=True)
class Size:
    """How many people, and how long each of them rests on average."""

    clients: int = 10
    visitors: int = 4
    newcomers: int = 1
    commands: int = 1
    pace: float = 0.25


@dataclass(frozen=True)
class Recovery:
    """Seconds from a fault's end to the first success and to the rate expected (None: not seen).

    Expected is the rate before the fault, or that of the run's quiet times where it is lower: what else the machine has
    to do makes it rise and fall by itself.
    """

    fault: str
    lasted: float
    rate_expected: float
    first: float | None
    full: float | None


@dataclass
class Report:
    """What happened. `broken` is empty where every promise was kept."""

    seed: int
    seconds: float
    faults: dict[str, int]
    not_possible: list[str]
    requests: dict[str, dict[int, int]]
    sign_ins: int
    sign_ins_lost: int
    bookings: int
    server_errors: dict[str, int]
    server_errors_outside: list[str]
    recoveries: list[Recovery]
    ended_by_themselves: list[str]
    operations: int
    histories: int
    broken: list[str]
    slow: list[str] = field(default_factory=list)
    processes_that_wanted_to_run: tuple[int, int] = (0, 0)

    def to_json(self) -> str:
        """Everything."""
        return json.dumps(asdict(self), indent=1)


class Storm:
    """`seconds` is the time with faults, of which `quiet` lie between one and the next.

    History and logs are written into `directory`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        seed: int,
        seconds: float,
        size: Size,
        kinds: frozenset[str] | None = None,
        quiet: float = QUIET_SECONDS,
    ) -> None:
        self.directory, self.seed, self.seconds, self.size = directory, seed, seconds, size
        self.kinds, self.quiet = kinds, quiet
        self.faults: list[tuple[Fault, float, float]] = []
        self._begun = time.monotonic()
        self._busy: list[int] = []

    def run(self) -> Report:
        """Raises only where the product does not even start."""
        with Product(self.directory, WELCOME_CREDITS=str(WELCOME_CREDITS)) as product:
            run = Run(product, Log(self.directory / "history"), seed=self.seed, pace=self.size.pace)
            terminals, visitors = self._gather(run)
            kinds = possible_kinds(product) & (self.kinds or possible_kinds(product))
            time.sleep(self.quiet)
            for fault in draw_faults(self.seed, kinds=kinds, seconds=self.seconds, quiet=self.quiet):
                self._break(product, fault)
            run.finish()
            broken = find_broken_promises(run, terminals, visitors)
            return self._report(run, broken)

    def _gather(self, run: Run) -> tuple[list[Terminal], list[Visitor]]:
        hosts = [Host(run, name, number=n, hosts=2) for n, name in enumerate(("grace", "linus"))]
        clients = [Client(run, f"client{n}") for n in range(self.size.clients)]
        visitors = [Visitor(run, f"visitor{n}") for n in range(self.size.visitors)]
        commands = [Command(run, f"command{n}", self.directory / f"home{n}") for n in range(self.size.commands)]
        newcomers = [Newcomer(run, f"newcomer{n}") for n in range(self.size.newcomers)]
        people: tuple[Host | Client | Visitor | Command, ...] = (*hosts, *clients, *visitors, *commands)
        for person in people:
            person.sign_in()
        with psycopg.connect(run.product.cluster.address, autocommit=True) as connection:
            logins = [host.login for host in hosts]
            connection.execute("UPDATE accounts_user SET is_host = true WHERE login = ANY(%s)", [logins])
        for host in hosts * 4:
            host.offer()
        for person in people:
            run.let(person.step, person.login)
        for newcomer in newcomers:
            run.let(newcomer.step, newcomer.name)
        return [*hosts, *clients], visitors

    def _break(self, product: Product, fault: Fault) -> None:
        self._busy.append(_processes_that_want_to_run())
        began = time.monotonic()
        with injected(product, fault):
            time.sleep(fault.seconds)
        ended = time.monotonic()
        self.faults.append((fault, began, ended))
        sys.stderr.write(f"{began - self._begun:7.1f} {fault} for {ended - began:.1f} s\n")
        time.sleep(self.quiet)

    def _report(self, run: Run, broken: list[str]) -> Report:
        errors = [(at, status) for at, _, status in run.notes.requests if status >= 500]
        recoveries = self._recoveries(run)
        histories = run.log.read()
        return Report(
            seed=self.seed,
            seconds=round(time.monotonic() - self._begun, 1),
            faults=dict(Counter(str(fault) for fault, _, _ in self.faults)),
            not_possible=sorted(set() if self.kinds else frozenset(TARGETS) - possible_kinds(run.product)),
            requests={kind: dict(counts) for kind, counts in sorted(summarize(run.notes.requests).items())},
            sign_ins=len(run.notes.sign_ins),
            sign_ins_lost=len(run.notes.sign_ins_lost),
            bookings=len(run.notes.booked),
            server_errors=dict(Counter(str(status) for _, status in errors)),
            server_errors_outside=[
                f"{at - self._begun:.1f} {kind} {status}"
                for at, kind, status in run.notes.requests
                if status >= 500 and not self._is_excused(at)
            ],
            recoveries=recoveries,
            ended_by_themselves=run.product.ended_by_themselves,
            operations=sum(map(len, histories.values())),
            histories=len(histories),
            broken=broken,
            slow=[str(r) for r in recoveries if r.full is None or r.full > RECOVERY_SECONDS],
            processes_that_wanted_to_run=(min(self._busy, default=0), max(self._busy, default=0)),
        )

    def _recoveries(self, run: Run) -> list[Recovery]:
        done = sorted(at for at, _, status in run.notes.requests if 0 < status < 500)
        ends = [self._begun, *(ended for _, _, ended in self.faults)]
        quiet = [
            _rate(done, began - WINDOW_SECONDS, began)
            for (_, began, _), last in zip(self.faults, ends, strict=False)
            if began - WINDOW_SECONDS >= last + RECOVERY_SECONDS
        ]
        usual = statistics.median(quiet) if quiet else math.inf
        return [_recovery(done, fault, began, ended, usual=usual) for fault, began, ended in self.faults]

    def _is_excused(self, at: float) -> bool:
        return any(began <= at <= ended + RECOVERY_SECONDS for _, began, ended in self.faults)


def _recovery(done: list[float], fault: Fault, began: float, ended: float, *, usual: float) -> Recovery:
    """`done` are the instants of answers, `usual` their rate in quiet times."""
    expected = min(usual, _rate(done, began - 2 * WINDOW_SECONDS, began))
    first = next((at - ended for at in done if at > ended), None)
    full = None
    for tenth in range(int(QUIET_SECONDS * 10)):
        begin = ended + tenth / 10
        if _rate(done, begin, begin + WINDOW_SECONDS) >= FULL * expected:
            full = tenth / 10
            break
    return Recovery(str(fault), round(ended - began, 1), round(expected, 1), first and round(first, 2), full)


def _rate(instants: list[float], begin: float, end: float) -> float:
    return sum(begin <= at < end for at in instants) / (end - begin)


def _processes_that_want_to_run() -> int:
    """On the whole machine, over the last minute; 0 where it cannot be told."""
    return round(os.getloadavg()[0]) if hasattr(os, "getloadavg") else 0


def new_seed() -> int:
    """One to be printed, so that the run can be repeated."""
    return random.SystemRandom().randrange(10**6)
