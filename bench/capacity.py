"""How much one server holds: the rate at which 99 of 100 answers come in time, three times that rate, and memory."""

import asyncio
import json
import os
import re
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template

from bench.database import Cluster
from bench.harness import Bench, BenchError, Budget, Result, Table, Target, scenario
from bench.open_loop import Generator, MakeRequest, Sample
from bench.product import Product
from bench.request_mix import RequestMix
from bench.servers import ROOT, run_to_end, running
from bench.terminal import say
from tests.processes import free_port

GOAL_SECONDS, PROBE_SECONDS = 0.25, 4.0
FIRST_RATE, BISECTIONS, ATTEMPTS = 60.0, 3, 2
OVERLOAD, OVERLOAD_SECONDS = 3, 15.0
POINTS, CLIENTS = 10, 12
# Requests of clients that wait for their answers, from the same generator: what a held rate is compared with.
CLOSED_REQUESTS, CLOSED_CLIENTS = 3000, 16


class Server:
    """A deployment's backend over a filled database, and the requests that can be sent to it."""

    def __init__(self, port: int, pid: int, product: Product) -> None:
        self.port, self.pid, self.product = port, pid, product
        self.requests = RequestMix(product).requests()

    def probe(self, name: str, *, rate: float, seconds: float = PROBE_SECONDS) -> Sample:
        """One stretch of open-loop load."""
        sample = asyncio.run(Generator(self.port, self.requests[name]).run(rate=rate, seconds=seconds))
        times = ", ".join(f"p{share} {milliseconds(sample, share)} ms" for share in (50, 99))
        late = f"latest send {1000 * sample.latest_send:.0f} ms late"
        say(f"    {name} at {rate:.0f}/s: {times}, {sample.statuses}, {late}")
        return sample

    def find_closed(self, name: str) -> float:
        """The rate at which clients are served that each wait for their answer."""
        generator = Generator(self.port, self.requests[name])
        asyncio.run(generator.run_closed(CLOSED_REQUESTS // 10, clients=CLOSED_CLIENTS))
        sample = asyncio.run(generator.run_closed(CLOSED_REQUESTS, clients=CLOSED_CLIENTS))
        say(f"    {name}, {CLOSED_CLIENTS} clients that wait: {sample.rate:.0f}/s, {sample.statuses}")
        return sample.rate

    def find_held(self, name: str) -> tuple[float, Sample]:
        """The highest rate found that is held, by doubling and bisecting."""
        low, best, rate = 0.0, Sample(0, 0), FIRST_RATE
        while sample := self._find_good(name, rate):
            low, best, rate = rate, sample, rate * 2
        high = rate
        for _ in range(BISECTIONS):
            rate = (low + high) / 2
            if sample := self._find_good(name, rate):
                low, best = rate, sample
            else:
                high = rate
        if not low:
            raise BenchError(f"no rate of {name} was held: the machine is too busy")
        return low, best

    def _find_good(self, name: str, rate: float) -> Sample | None:
        """A stretch at this rate that was held. The machine has other work, too, so each rate has two attempts."""
        for _ in range(ATTEMPTS):
            sample = self.probe(name, rate=rate)
            is_complete = sum(n for status, n in sample.statuses.items() if 200 <= status < 300) >= 0.999 * rate * 4
            if sample.percentile(0.99) <= GOAL_SECONDS and is_complete:
                return sample
            time.sleep(0.5)
        return None


@contextmanager
def serving() -> Iterator[Server]:
    """A server with the limits that it is deployed with; the other benchmarks' servers refuse nothing."""
    with Cluster() as cluster, Product(cluster) as product:
        port = free_port()
        found = re.search(r"^backend: granian (.*)$", (ROOT / "Procfile").read_text(), re.MULTILINE)
        arguments = shlex.split(Template(found[1] if found else "").substitute(BACKEND_PORT=port))
        environment = {name: value for name, value in product.environment.items() if name != "REQUESTS_WAITING"}
        # As in deploy/environment; the Procfile is sized for one developer.
        sizes = ["--workers", "2", "--blocking-threads", "72"]
        command = [str(Path(sys.executable).parent / "granian"), *arguments, *sizes]
        with running(command, environment, answers_at=f"http://127.0.0.1:{port}/healthz") as process:
            yield Server(port, process.popen.pid if process.popen else 0, product)
            product.manage("audit")


@scenario("capacity", item=9, title="Load held, and three times as much", budget=Budget(420, 120), by_name_only=True)
def measure_capacity(run: Bench) -> Result:
    result = Result()
    with serving() as server:
        server.probe("mixture", rate=FIRST_RATE)
        held, rows = 0.0, []
        for name in run.pick(full=list(server.requests), quick=["mixture"]):
            closed = server.find_closed(name)
            held, sample = server.find_held(name)
            result.add("requests/s", {f"{name}, rate held": [held], f"{name}, {CLOSED_CLIENTS} clients": [closed]})
            result.targets.append(
                Target(f"{name}: rate held, of what {CLOSED_CLIENTS} clients get", 0.8, held / closed)
            )
            rows.append([name, f"{held:.0f}", f"{milliseconds(sample, 99)} ms"])
        overload = server.probe("mixture", rate=OVERLOAD * held, seconds=OVERLOAD_SECONDS)
        time.sleep(1)
        afterwards = server.probe("mixture", rate=0.8 * held)
        refusal_share = _refusal_share(server.product)
    result.tables = [
        Table("Rates held", ["", "requests a second", "p99"], rows),
        Table("Overload", ["", "statuses", "p50", "p99"], [_row(overload), _row(afterwards)]),
    ]
    cost = Target("processor time of a refusal, against /healthz", 0.1, refusal_share, at_most=True)
    result.targets += [*_targets(overload, afterwards, held), cost]
    return result


def _targets(overload: Sample, afterwards: Sample, held: float) -> list[Target]:
    unexpected = sum(
        number for status, number in overload.statuses.items() if status != 503 and not 200 <= status < 300
    )
    in_time, served = 100 * overload.share_within(1.0), len(overload.served) / overload.seconds / held
    lost = sum(number for status, number in afterwards.statuses.items() if not 200 <= status < 300)
    return [
        Target("overload: answered within a second", 99, in_time, unit="%"),
        Target("overload: served, against the rate held", 0.8, served),
        Target("overload: neither success nor 503", 0, unexpected, unit="", at_most=True),
        Target("overload: 503 without Retry-After", 0, overload.without_retry_after, unit="", at_most=True),
        Target("a second later: not served", 0, lost, unit="", at_most=True),
        Target("a second later: p99", 250, milliseconds(afterwards, 99), unit=" ms", at_most=True),
    ]


def _row(sample: Sample) -> list[str]:
    statuses = ", ".join(f"{status}: {number}" for status, number in sample.statuses.items())
    return [f"{sample.rate:.0f} a second", statuses, *(f"{milliseconds(sample, share)} ms" for share in (50, 99))]


def _refusal_share(product: Product) -> float:
    environment = product.environment | {"DJANGO_SETTINGS_MODULE": "config.settings.backend"}
    costs = json.loads(run_to_end(Path(sys.executable), ["-m", "bench.refusal_cost"], environment))
    return float(costs["refusal"] / costs["answer"])


@scenario("memory", item=9, title="Memory of the workers", budget=Budget(300, 60), by_name_only=True)
def measure_memory(run: Bench) -> Result:
    """An hour of twenty requests a second, as quickly as they are answered; `REQUESTS` says another number."""
    requests = int(os.environ.get("REQUESTS", "0")) or run.pick(full=72_000, quick=7_200)
    statuses: Counter[int] = Counter()
    points: list[list[int]] = []
    with serving() as server:
        for number in range(1, POINTS + 1):
            statuses += Counter(_send(server, server.requests["mixture"], requests // POINTS).statuses)
            points.append(_resident_kilobytes(server.pid))
            say(f"    {number * requests // POINTS:,} requests: {points[-1]} kB")
    rows = [[f"{(n + 1) * requests // POINTS:,}", *(f"{kb / 1024:.0f} MB" for kb in at)] for n, at in enumerate(points)]
    growth = sum(points[-1]) / sum(points[POINTS // 2 - 1]) - 1
    notes = [f"Growth in the second half: {100 * growth:.1f}%. Answers by status: {dict(statuses)}."]
    columns = ["requests", *(f"worker {n + 1}" for n in range(len(points[0])))]
    return Result(tables=[Table("Resident memory", columns, rows)], notes=notes)


def _send(server: Server, make_request: MakeRequest, requests: int) -> Sample:
    return asyncio.run(Generator(server.port, make_request).run_closed(requests, clients=CLIENTS))


def _resident_kilobytes(pid: int) -> list[int]:
    """Of each worker, which are the children of the server's process."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    statuses = [Path(f"/proc/{child}/status").read_text() for child in children]
    return [int(re.findall(r"^VmRSS:\s+(\d+)", status, re.MULTILINE)[0]) for status in statuses]


def milliseconds(sample: Sample, percent: int) -> float:
    """A percentile of what was served."""
    return round(1000 * sample.percentile(percent / 100), 1)
