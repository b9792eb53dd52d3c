"""Load held: the rate at which 99 of 100 answers come within 250 ms, what three times that rate does, and memory."""

import asyncio
import json
import os
import re
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from bench.database import Cluster
from bench.product import Product
from bench.servers import ROOT, running
from tests.faults.openloop import Generator, Plan, Sample
from tests.faults.workload import Workload
from tests.processes import free_port

GOAL_SECONDS = 0.25
PROBE_SECONDS = 4.0
WARM_UP_SECONDS = 4.0
OVERLOAD, OVERLOAD_SECONDS = 3, 15.0
# What follows the overload begins so soon after it.
RELIEF_SECONDS = 1.0
FIRST_RATE, SHARPER, CHANCES = 60.0, 3, 2
POINTS, AT_ONCE = 10, 12


@dataclass
class LoadReport:
    """Rates are requests a second, times milliseconds."""

    held: dict[str, float] = field(default_factory=dict)
    p99_held: dict[str, float] = field(default_factory=dict)
    overload: dict[str, object] = field(default_factory=dict)
    afterwards: dict[str, object] = field(default_factory=dict)
    sent_late_at_worst: dict[str, float] = field(default_factory=dict)
    machine_load: list[float] = field(default_factory=list)
    """Processes that wanted to run, averaged over five minutes, at the beginning and at the end."""

    def to_json(self) -> str:
        """Everything."""
        return json.dumps(vars(self), indent=1)


@dataclass
class MemoryReport:
    """Resident memory of each worker, in kilobytes, after so many requests: ten points, the first after a tenth."""

    resident: dict[int, list[int]] = field(default_factory=dict)
    statuses: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def growth_in_second_half(self) -> float:
        """What all workers together have grown between the fifth and the last point, as a share."""
        totals = [sum(point) for point in self.resident.values()]
        return round(totals[-1] / totals[len(totals) // 2 - 1] - 1, 4)

    def to_json(self) -> str:
        """Everything."""
        return json.dumps(vars(self) | {"growth in the second half": self.growth_in_second_half}, indent=1)


class Bench:
    """One server and the load on it."""

    def __init__(self, port: int, plans: dict[str, Plan]) -> None:
        self.port, self.plans = port, plans

    def probe(self, name: str, *, rate: float, seconds: float = PROBE_SECONDS) -> Sample:
        """One stretch of open load."""
        sample = asyncio.run(Generator(self.port).run(self.plans[name], rate=rate, seconds=seconds))
        line = f"{name} at {rate:.0f}/s: p50 {_ms(sample, 0.5)}, p99 {_ms(sample, 0.99)} ms, {sample.statuses}"
        sys.stderr.write(f"{line}, sent {sample.latest_send * 1000:.0f} ms late at worst\n")
        return sample

    def find_held(self, name: str) -> tuple[float, Sample]:
        """The highest rate found whose answers are all good and in time, by doubling and halving."""
        low, best, rate = 0.0, Sample(0, 0), FIRST_RATE
        while sample := self._find_good(name, rate):
            low, best, rate = rate, sample, rate * 2
        high = rate
        for _ in range(SHARPER):
            rate = (low + high) / 2
            if sample := self._find_good(name, rate):
                low, best = rate, sample
            else:
                high = rate
        return low, best

    def _find_good(self, name: str, rate: float) -> Sample | None:
        """A stretch at this rate that was held. Others use this machine, too, so a rate has two chances."""
        for _ in range(CHANCES):
            sample = self.probe(name, rate=rate)
            time.sleep(0.5)
            if _is_held(sample):
                return sample
        return None


def _is_held(sample: Sample) -> bool:
    expected = int(sample.rate * sample.seconds)
    return sample.percentile(0.99) <= GOAL_SECONDS and sample.count(200, 299) >= 0.999 * expected


def _ms(sample: Sample, share: float) -> float:
    return round(sample.percentile(share) * 1000, 1)


def measure_load(*, rate: float | None) -> LoadReport:
    """Rates by search, then three times that of the mixture, and a second later four fifths of it.

    With `rate` nothing is searched: it is what the mixture holds.
    """
    report = LoadReport(machine_load=[os.getloadavg()[1]])
    with _served() as (bench, _, product):
        bench.probe("mixture", rate=FIRST_RATE, seconds=WARM_UP_SECONDS)
        for name in bench.plans if rate is None else ():
            report.held[name], sample = bench.find_held(name)
            report.p99_held[name] = _ms(sample, 0.99)
            report.sent_late_at_worst[name] = round(sample.latest_send * 1000, 1)
        held = report.held["mixture"] if rate is None else rate
        sample = bench.probe("mixture", rate=OVERLOAD * held, seconds=OVERLOAD_SECONDS)
        report.overload = _describe(sample) | {"served of the rate held": round(_served_a_second(sample) / held, 2)}
        time.sleep(RELIEF_SECONDS)
        report.afterwards = _describe(bench.probe("mixture", rate=0.8 * held))
        product.manage("audit")
    report.machine_load.append(os.getloadavg()[1])
    return report


def measure_memory(*, requests: int) -> MemoryReport:
    """The memory of both workers while the mixture is asked for as quickly as it is answered."""
    with _served() as (bench, pid, product):
        report = _watch_memory(bench, pid, requests)
        product.manage("audit")
    return report


def _describe(sample: Sample) -> dict[str, object]:
    return {
        "rate": round(sample.rate, 1),
        "seconds": sample.seconds,
        "statuses": sample.statuses,
        "answered within a second": round(sample.share_within(1.0), 4),
        "served a second": round(_served_a_second(sample), 1),
        "p50 of what was served": _ms(sample, 0.5),
        "p99 of what was served": _ms(sample, 0.99),
        "refusals without Retry-After": sample.without_retry_after,
        "processor of the generator": round(sample.processor_share, 2),
    }


def _served_a_second(sample: Sample) -> float:
    return len(sample.served) / sample.seconds


@contextmanager
def _served() -> Iterator[tuple[Bench, int, Product]]:
    """The Procfile's server over a filled database, its process id, and the product beside it."""
    with Cluster() as cluster, Product(cluster) as product:
        plans = Workload(product).plans()
        port = free_port()
        # The benchmarks' server turns nobody away; this one has the limits it is deployed with.
        environment = {name: value for name, value in product.environment.items() if name != "REQUESTS_WAITING"}
        with running(_command(port), environment, answers_at=f"http://127.0.0.1:{port}/healthz") as process:
            assert process.popen
            yield Bench(port, plans), process.popen.pid, product


def _command(port: int) -> list[str]:
    found = re.search(r"^backend: granian (.*)$", (ROOT / "Procfile").read_text(), re.MULTILINE)
    assert found
    arguments = shlex.split(Template(found[1]).substitute(BACKEND_PORT=port))
    return [str(Path(sys.executable).parent / "granian"), *arguments]


def _watch_memory(bench: Bench, pid: int, requests: int) -> MemoryReport:
    report, began = MemoryReport(), time.monotonic()
    for point in range(1, POINTS + 1):
        sample = asyncio.run(Generator(bench.port).hurry(bench.plans["mixture"], requests // POINTS, at_once=AT_ONCE))
        for status, number in sample.statuses.items():
            report.statuses[status] = report.statuses.get(status, 0) + number
        done, resident = point * (requests // POINTS), _resident(pid)
        report.resident[done], report.seconds = resident, round(time.monotonic() - began, 1)
        sys.stderr.write(f"{done} requests: {resident} kB, {report.seconds} s\n")
    return report


def _resident(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [_kilobytes(Path(f"/proc/{child}/status").read_text()) for child in children]


def _kilobytes(status: str) -> int:
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")), 0)
