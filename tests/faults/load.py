"""Load held: the rate at which 99 of 100 answers come within 250 ms, what three times that rate does, and memory."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.database import Cluster
from bench.product import Product
from bench.servers import running
from tests.faults.openloop import Generator, Plan, Sample
from tests.faults.workload import Workload
from tests.processes import free_port

GOAL_SECONDS = 0.25
PROBE_SECONDS = 5.0
WARM_UP_SECONDS = 4.0
OVERLOAD = 3
OVERLOAD_SECONDS = 15.0
FIRST_RATE, SHARPER, CHANCES = 60.0, 3, 2
WORKERS, THREADS = 2, 72


@dataclass
class LoadReport:
    """Rates are requests a second, times milliseconds, memory kilobytes."""

    held: dict[str, float] = field(default_factory=dict)
    p99_held: dict[str, float] = field(default_factory=dict)
    overload: dict[str, object] = field(default_factory=dict)
    afterwards: dict[str, object] = field(default_factory=dict)
    memory: list[tuple[int, int]] = field(default_factory=list)
    sent_late_at_worst: dict[str, float] = field(default_factory=dict)
    machine_load: list[float] = field(default_factory=list)
    """Processes that wanted to run, averaged over five minutes, at the beginning and at the end."""

    def to_json(self) -> str:
        """Everything."""
        return json.dumps(vars(self), indent=1)


class Bench:
    """One server and the load on it."""

    def __init__(self, port: int, plans: dict[str, Plan]) -> None:
        self.port, self.plans = port, plans

    def probe(self, name: str, *, rate: float, seconds: float = PROBE_SECONDS) -> Sample:
        """One stretch of open load."""
        sample = asyncio.run(Generator(self.port).run(self.plans[name], rate=rate, seconds=seconds))
        line = f"{name} at {rate:.0f}/s: p50 {_ms(sample, 0.5)}, p99 {_ms(sample, 0.99)} ms, {sample.statuses}"
        sys.stderr.write(f"{line}, sent {sample.latest_send * 1000:.0f} ms late at worst\n")
        time.sleep(0.5)
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
        """A stretch at this rate that was held. Others use this machine, too, so a rate has three chances."""
        return next((s for s in (self.probe(name, rate=rate) for _ in range(CHANCES)) if _is_held(s)), None)


def _is_held(sample: Sample) -> bool:
    expected = int(sample.rate * sample.seconds)
    return sample.percentile(0.99) <= GOAL_SECONDS and sample.count(200, 299) >= 0.999 * expected


def _ms(sample: Sample, share: float) -> float:
    return round(sample.percentile(share) * 1000, 1)


def measure(*, minutes: float) -> LoadReport:
    """Rates by search, then overload, then `minutes` of memory under four fifths of the rate held."""
    report = LoadReport(machine_load=[os.getloadavg()[1]])
    with Cluster() as cluster, Product(cluster) as product, _deployed(product) as (port, pid):
        bench = Bench(port, Workload(product).plans())
        bench.probe("mixture", rate=FIRST_RATE, seconds=WARM_UP_SECONDS)
        for name in bench.plans:
            report.held[name], sample = bench.find_held(name)
            report.p99_held[name] = _ms(sample, 0.99)
            report.sent_late_at_worst[name] = round(sample.latest_send * 1000, 1)
        rate = report.held["mixture"]
        report.overload = _describe(bench.probe("mixture", rate=OVERLOAD * rate, seconds=OVERLOAD_SECONDS))
        report.afterwards = _describe(bench.probe("mixture", rate=0.8 * rate))
        report.memory = list(_watch_memory(bench, pid, rate=0.8 * rate, minutes=minutes))
        product.manage("audit")
    report.machine_load.append(os.getloadavg()[1])
    return report


def _describe(sample: Sample) -> dict[str, object]:
    return {
        "rate": round(sample.rate, 1),
        "seconds": sample.seconds,
        "statuses": sample.statuses,
        "served a second": round(len(sample.served) / sample.seconds, 1),
        "p50 of what was served": _ms(sample, 0.5),
        "p99 of what was served": _ms(sample, 0.99),
        "refusals without Retry-After": sample.without_retry_after,
    }


@contextmanager
def _deployed(product: Product) -> Iterator[tuple[int, int]]:
    """The Procfile's server over the product's database, on a port of its own."""
    port = free_port()
    granian = [str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "--host", "127.0.0.1"]
    sizes = ["--port", str(port), "--workers", str(WORKERS), "--blocking-threads", str(THREADS)]
    command = [*granian, *sizes, "--log-level", "warning", "config.wsgi:application"]
    with running(command, product.environment, answers_at=f"http://127.0.0.1:{port}/healthz") as process:
        assert process.popen
        yield port, process.popen.pid


def _watch_memory(bench: Bench, pid: int, *, rate: float, minutes: float) -> Iterator[tuple[int, int]]:
    """After each stretch: requests so far, and the resident memory of the server's workers."""
    requests, end = 0, time.monotonic() + minutes * 60
    while time.monotonic() < end:
        sample = bench.probe("mixture", rate=rate, seconds=min(30.0, minutes * 60))
        requests += sum(sample.statuses.values())
        yield requests, _resident(pid)


def _resident(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(_kilobytes(Path(f"/proc/{child}/status").read_text()) for child in children)


def _kilobytes(status: str) -> int:
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")), 0)
