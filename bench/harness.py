"""What every benchmark is made of: scenarios that measure, figures with their spread, and targets."""

import os
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

from bench.charts import Chart
from bench.database import Cluster
from bench.terminal import say

RESULTS = Path(__file__).resolve().parent / "results"
LOCAL = Path(__file__).resolve().parent.parent / ".local" / "bench"
T = TypeVar("T")


class BenchError(RuntimeError):
    """A measurement would be worth nothing; the message says why."""


@dataclass(frozen=True)
class Figure:
    """One thing measured several times. The median stands for it, lowest and highest are its spread."""

    label: str
    unit: str
    values: list[float]
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        return min(self.values)

    @property
    def high(self) -> float:
        return max(self.values)


@dataclass(frozen=True)
class Target:
    """A promise about a ratio or count: at least `wanted`, or with `at_most` not more."""

    claim: str
    wanted: float
    measured: float
    unit: str = "x"
    at_most: bool = False

    @property
    def is_reached(self) -> bool:
        return self.measured <= self.wanted if self.at_most else self.measured >= self.wanted


@dataclass(frozen=True)
class Table:
    """Facts that are not timed: counts, sizes, what came of a race."""

    title: str
    columns: list[str]
    rows: list[list[str]]


@dataclass
class Result:
    """What a scenario found."""

    figures: list[Figure] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def figure(self, label: str) -> Figure:
        """The figure called `label`. Raises KeyError."""
        return {figure.label: figure for figure in self.figures}[label]

    def add(self, unit: str, measured: Mapping[str, list[float]], *, notes: Mapping[str, str] | None = None) -> None:
        """A figure for each label of what `interleave` gave."""
        for label, values in measured.items():
            self.figures.append(Figure(label, unit, values, (notes or {}).get(label, "")))

    def ratio(self, label: str, to: str) -> float:
        """The median of one figure against another's, taken in the same rounds: the median of the rounds' ratios.

        Raises BenchError where the other was never measured: a server may have answered nothing in its seconds.
        """
        pairs = zip(self.figure(label).values, self.figure(to).values, strict=True)
        ratios = [mine / other for mine, other in pairs if other]
        if not ratios:
            raise BenchError(f"{to} answered nothing in any round")
        return statistics.median(ratios)


class Bench:
    """One run: how long it may take, where its files go, and the database cluster that its scenarios share."""

    def __init__(self, *, quick: bool, results: Path = RESULTS) -> None:
        self.quick = quick
        self.results = results
        self._stack = ExitStack()
        self._shared: dict[str, Any] = {}
        self._ends_at = float("inf")

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def pick(self, *, full: T, quick: T) -> T:
        """One of two sizes: how much a full run measures, or a quick one."""
        return quick if self.quick else full

    def begin(self, budget: "Budget") -> None:
        """From now on `has_time` counts the seconds of a benchmark that has just begun."""
        self._ends_at = time.monotonic() + self.pick(full=budget.full, quick=budget.quick)

    def has_time(self, seconds: float) -> bool:
        """Whether something that takes so long ends before the running benchmark's time is over."""
        return time.monotonic() + seconds <= self._ends_at

    def share(self, name: str, make: Callable[[], AbstractContextManager[T]]) -> T:
        """What `make` opens, opened once and kept until the run ends: servers that several scenarios ask."""
        if name not in self._shared:
            self._shared[name] = self._stack.enter_context(make())
        return cast(T, self._shared[name])

    @cached_property
    def cluster(self) -> Cluster:
        """A throw-away PostgreSQL, started for the first scenario that asks for it."""
        return self._stack.enter_context(Cluster())


@dataclass(frozen=True)
class Budget:
    """How many seconds a benchmark may take, in a full run and in a quick one.

    When they are over, no further round begins and nothing grows further; the figures say how many rounds there were.
    """

    full: int
    quick: int


@dataclass(frozen=True)
class Rounds:
    """How often everything is measured, for how many seconds each time; a second of each before it warms up."""

    count: int
    seconds: int
    warm_up: bool = True


@dataclass(frozen=True)
class Scenario:
    """One benchmark. `item` orders them; `run` is given the Bench and answers with its Result.

    One `with_peers` is given their environment first, which does not count as its time. One `by_name_only` is run where
    it is named.
    """

    name: str
    item: int
    title: str
    budget: Budget
    run: Callable[[Bench], Result]
    with_peers: bool = False
    by_name_only: bool = False


SCENARIOS: dict[str, Scenario] = {}


def scenario(name: str, **options: Any) -> Callable[[Callable[[Bench], Result]], Callable[[Bench], Result]]:
    """Register a benchmark under `name`; `python -m bench NAME` runs it alone. `options` are the fields of Scenario."""

    def register(run: Callable[[Bench], Result]) -> Callable[[Bench], Result]:
        SCENARIOS[name] = Scenario(name, run=run, **options)
        return run

    return register


def interleave(
    runs: Mapping[str, Callable[[int], float]],
    rounds: Rounds,
    *,
    has_time: Callable[[float], bool] = lambda _: True,
    quiet: bool = False,
) -> dict[str, list[float]]:
    """Measure each of `runs`, which are given their seconds, once a round, every round beginning with another one.

    What disturbs the machine for a while disturbs all of them; `Result.ratio` compares within rounds. After the first
    round, another begins only where `has_time` for it.
    """
    values: dict[str, list[float]] = {label: [] for label in runs}
    labels = list(runs)
    for label in labels if rounds.warm_up else []:
        runs[label](1)
    for number in range(rounds.count):
        first, began = number % len(labels), time.monotonic()
        for label in labels[first:] + labels[:first]:
            values[label].append(runs[label](rounds.seconds))
        if not quiet:
            say(f"    round {number + 1} of {rounds.count}: " + ", ".join(f"{x} {values[x][-1]:.4g}" for x in labels))
        if number + 1 < rounds.count and not has_time(time.monotonic() - began):
            say(f"    the time is over after {number + 1} of {rounds.count} rounds")
            break
    return values


def warn_of_load() -> float:
    """The load average of the last minute; a machine that is busy with something else is told about."""
    load = os.getloadavg()[0]
    if load > 0.5 * (os.cpu_count() or 1):
        say(f"    warning: the machine is busy (load {load:.1f}); only ratios within a round mean anything")
    return load


def to_json(result: Result) -> dict[str, Any]:
    """A result as it is stored, with what is derived from it written out."""
    stored = asdict(result)
    for figure, kept in zip(result.figures, stored["figures"], strict=True):
        kept.update(median=figure.median, low=figure.low, high=figure.high)
    for target, kept in zip(result.targets, stored["targets"], strict=True):
        kept.update(is_reached=target.is_reached)
    return stored
