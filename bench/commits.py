"""Two commits of the product in one run: `make bench AGAINST=3d98e19` measures this one beside that one."""

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol
from uuid import UUID

import httpx

from bench.booking_world import BookingWorld
from bench.harness import LOCAL, Bench, BenchError, Budget, Result, Rounds, Table, Target, interleave, scenario
from bench.product import BACKEND, DATABASE, Product
from bench.servers import ROOT, run_to_end
from bench.wrk import Load, load_calls, load_refreshes

THIS = "this commit"
RATE, REFRESHES = "rate", "refreshes, 16 clients"
# Enough for the fastest connection of a round.
CLIENTS = 3500


class Costed(Protocol):
    """Something that uses the processor."""

    def processor_seconds(self) -> dict[str, float]:
        """What its parts have used so far."""


@dataclass
class Side:
    """One commit, running, with its people and their refresh tokens. Nobody can book `full_slot`."""

    product: Product
    world: BookingWorld
    refresh_tokens: list[str]
    full_slot: UUID

    def book_spread(self, seconds: int) -> tuple[float, int]:
        """Bookings a second of slots with one seat each, and how many they were."""
        return self._book(self.world.add_slots(len(self.world.clients), capacity=1), seconds)

    def book_hot(self, seconds: int) -> tuple[float, int]:
        """Bookings a second of the one slot that everybody wants at that moment."""
        return self._book(self.world.add_wanted_slots(), seconds)

    def refuse(self, seconds: int) -> tuple[float, int]:
        """Refusals a second of a slot without a free seat."""
        url, tokens = f"{self.product.backend_url}/api/v1/bookings", [one.token for one in self.world.clients[1:65]]
        bodies = [f'{{"slot_id": "{self.full_slot}"}}'] * len(tokens)
        load = load_calls(
            url, clients=64, seconds=seconds, tokens=tokens, method="POST", bodies=bodies, allow_refusals=True
        )
        if load.good:
            raise BenchError(f"{load.good} bookings of a full slot were made")
        return load.refused / seconds, load.refused

    def refresh(self, seconds: int) -> tuple[float, int]:
        """Refreshes a second, each client along a chain of its own."""
        tokens = [self.refresh_tokens.pop() for _ in range(16)]
        return _seen(load_refreshes(self.product.refresh_request, tokens, seconds=seconds))

    def _book(self, slots: list[UUID], seconds: int) -> tuple[float, int]:
        return _seen(self.world.book(slots, path="bookings", connections=16, seconds=seconds))

    def processor_seconds(self) -> dict[str, float]:
        return self.product.processor_seconds()


ACTS: dict[str, Callable[[Side, int], tuple[float, int]]] = {
    "bookings of spread slots, 16 clients": Side.book_spread,
    "bookings of one hot slot, 16 clients": Side.book_hot,
    "refusals of a full slot, 64 clients": Side.refuse,
    REFRESHES: Side.refresh,
}


@scenario("commits", item=1, title="this commit beside the one of AGAINST", budget=Budget(60, 15), by_name_only=True)
def measure_commits(run: Bench) -> Result:
    against = os.environ.get("AGAINST", "")
    if not against:
        raise BenchError("Say beside which commit: make bench AGAINST=3d98e19")
    result, rows = Result(), []
    with ExitStack() as stack:
        sides = {label: _start(run, stack, root) for label, root in ((against, check_out(against)), (THIS, ROOT))}
        for name, act in ACTS.items():
            run.begin(Budget(60, 15))
            rows += measure_sides(
                run, result, name, {label: partial(act, side) for label, side in sides.items()}, sides
            )
        for side in sides.values():
            side.world.check()
    ratio = result.ratio(_label(REFRESHES, BACKEND, THIS), _label(REFRESHES, BACKEND, against))
    result.targets.append(Target(f"{REFRESHES}: {BACKEND}, of {against}'s", 0.67, ratio, at_most=True))
    result.tables.append(Table("Each row is this commit against the other", ["", "", "ratio"], rows))
    result.notes.append("After all runs `manage.py audit` found every rule kept on both sides.")
    return result


def check_out(commit: str) -> Path:
    """The commit in a directory of its own, with the environment that its Makefile makes. Raises RuntimeError."""
    name = run_to_end(Path("git"), ["rev-parse", "--short=12", f"{commit}^{{commit}}"], {}).strip()
    directory = LOCAL / "commits" / name
    if not directory.exists():
        directory.mkdir(parents=True)
        archive = directory / "commit.tar"
        run_to_end(Path("git"), ["archive", "--output", str(archive), name], {})
        run_to_end(Path("tar"), ["-xf", str(archive), "-C", str(directory)], {})
        archive.unlink()
    # Beside the clean environment, what tells pip where its packages are.
    pip = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
    run_to_end(Path("make"), [".venv/installed-dev"], pip, directory=directory)
    return directory


def _start(run: Bench, stack: ExitStack, root: Path) -> Side:
    database = "this_commit" if root == ROOT else f"commit_{root.name}"
    product = stack.enter_context(Product(run.cluster, root, database=database))
    world = BookingWorld(product, clients=CLIENTS)
    (slot,) = world.add_slots(1, capacity=1)
    headers = {"Authorization": f"Bearer {world.clients[0].token}"}
    url = f"{product.backend_url}/api/v1/bookings"
    httpx.post(url, json={"slot_id": str(slot)}, headers=headers).raise_for_status()
    return Side(product, world, product.refresh_tokens(16 * 10), slot)


def measure_sides(
    run: Bench,
    result: Result,
    name: str,
    acts: Mapping[str, Callable[[int], tuple[float, int]]],
    sides: Mapping[str, Costed],
) -> list[list[str]]:
    """The rates, and the milliseconds of processor time for one; the ratios as rows of a table."""
    used: dict[tuple[str, str], list[float]] = {}

    def rate_of(label: str, seconds: int) -> float:
        before = sides[label].processor_seconds()
        rate, count = acts[label](seconds)
        after = sides[label].processor_seconds()
        for part in after:
            used.setdefault((part, label), []).append(1000 * (after[part] - before[part]) / max(count, 1))
        return rate

    rounds = run.pick(full=Rounds(5, seconds=3), quick=Rounds(2, seconds=1))
    rates = interleave({label: partial(rate_of, label) for label in sides}, rounds, has_time=run.has_time)
    result.add("/s", {_label(name, RATE, label): values for label, values in rates.items()})
    for (part, label), values in used.items():
        # The first is the warm-up's.
        result.add("ms", {_label(name, part, label): values[1:]})
    other = next(label for label in sides if label != THIS)
    return [
        [name, part, f"{result.ratio(_label(name, part, THIS), _label(name, part, other)):.2f}"]
        for part in (RATE, BACKEND, DATABASE)
    ]


def _label(name: str, part: str, commit: str) -> str:
    return f"{name}: {part}, {commit}"


def _seen(load: Load) -> tuple[float, int]:
    return load.rate, load.good
