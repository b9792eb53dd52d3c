"""How long programs of the command line take to say their version: processor time and wall time, beside each other."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.charts import Bar, Chart
from bench.harness import Bench, BenchError, Budget, Result, Rounds, Target, interleave, scenario
from bench.peer_servers import python_of_peers
from bench.servers import clean_environment

OURS, PYTHON = "insighta --version", "python -c pass"
# What scripts and shells call again and again.
FREQUENT = {
    OURS: ["--version"],
    "insighta --help": ["--help"],
    "insighta token": ["token"],
    "insighta __complete": ["__complete", "--", "log"],
    "insighta __complete, options": ["__complete", "--", "slots", "list", "--"],
}


@scenario("start", item=7, title="Start of the command line", budget=Budget(20, 4), with_peers=True)
def measure_starts(run: Bench) -> Result:
    commands = _commands()
    walls: dict[str, list[float]] = {label: [] for label in commands}
    rounds = run.pick(full=Rounds(15, seconds=0), quick=Rounds(3, seconds=0))

    def start(label: str) -> Callable[[int], float]:
        def once(_: int) -> float:
            processor, wall = _run(commands[label])
            walls[label].append(wall)
            return processor

        return once

    result = Result()
    starts = {label: start(label) for label in commands}
    processor = interleave(starts, rounds, has_time=run.has_time, quiet=True)
    result.add("ms of processor", processor)
    result.add("ms", {f"{label}, wall": values[-len(processor[label]) :] for label, values in walls.items()})
    result.targets = [
        Target(f"start of insighta, against {other}", 1, result.ratio(OURS, f"{other} --version"), at_most=True)
        for other in ("aws", "http")
    ]
    result.targets += [
        Target(f"start of {label}, against the bare interpreter", 2, result.ratio(label, PYTHON), at_most=True)
        for label in FREQUENT
    ]
    shown = [result.figure(label) for label in commands]
    bars = [Bar(kept.label, kept.median, kept.low, kept.high, ours=kept.label in FREQUENT) for kept in shown]
    result.charts.append(Chart("start", "Start of a command", "milliseconds of processor time", bars=bars))
    return result


def _commands() -> dict[str, list[str]]:
    own, peers = Path(sys.executable).parent, python_of_peers().parent
    return {
        PYTHON: [sys.executable, "-c", "pass"],
        **{label: [str(own / "insighta"), *words] for label, words in FREQUENT.items()},
        "http --version": [str(peers / "http"), "--version"],
        "aws --version": [str(peers / "aws"), "--version"],
        "hf version": [str(peers / "hf"), "version"],
    }


def _run(command: list[str]) -> tuple[float, float]:
    """Milliseconds of processor time (user and system) and of wall time."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = clean_environment() | {"HF_HUB_OFFLINE": "1", "INSIGHTA_TOKEN": "insp_measured"}
    done = subprocess.run(command, env=environment, capture_output=True, check=False)  # noqa: S603  # this run's own
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise BenchError(f"{command} ended with {done.returncode}: {os.fsdecode(done.stderr)}")
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime), 1000 * wall
