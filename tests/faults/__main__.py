"""`python -m tests.faults [storm|load|memory] [--minutes N] [--seed S] [--rate R] [--requests N]`: the long runs.

`storm` breaks everything under load for so many minutes and checks every promise; exit code 1 where one was broken.
`load` searches the rate that is held (or takes `--rate`) and goes three times beyond it. `memory` watches the workers
over so many requests.
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.faults.storm import Report, Size, Storm, new_seed

BOOKINGS = ("booking lost", "half a booking", "a retry of")
HISTORIES = ("session:", "slot:", "purse:")


def main() -> int:
    """Run what was asked for and print its report."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["storm", "load", "memory"], default="storm")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=new_seed())
    parser.add_argument("--logs", help="a directory that keeps the history and every process's log")
    parser.add_argument("--kinds", help="only these kinds of faults, comma-separated")
    parser.add_argument("--rate", type=float, help="of the mixture, as a search has found it")
    parser.add_argument("--requests", type=int, default=72_000, help="an hour of twenty a second")
    arguments = parser.parse_args()
    return run_storm(arguments) if arguments.what == "storm" else run_load(arguments)


def run_load(arguments: argparse.Namespace) -> int:
    """Print the report on load or memory as JSON."""
    # Its people are made by the benchmarks' room, whose drivers are not needed for anything else here.
    from tests.faults.load import measure_load, measure_memory

    is_memory = arguments.what == "memory"
    report = measure_memory(requests=arguments.requests) if is_memory else measure_load(rate=arguments.rate)
    sys.stdout.write(f"{report.to_json()}\n")
    return 0


def run_storm(arguments: argparse.Namespace) -> int:
    """Print the storm's report: JSON, then a table for people."""
    kinds = frozenset(arguments.kinds.split(",")) if arguments.kinds else None
    sys.stderr.write(f"seed {arguments.seed}\n")
    with tempfile.TemporaryDirectory(prefix="insighta-faults-") as temporary:
        directory = Path(arguments.logs or temporary)
        directory.mkdir(parents=True, exist_ok=True)
        report = Storm(directory, seed=arguments.seed, seconds=arguments.minutes * 60, size=Size(), kinds=kinds).run()
    sys.stdout.write(f"{report.to_json()}\n{describe(report)}\n")
    return 1 if report.broken else 0


def describe(report: Report) -> str:
    """The rows of docs/reliability.md, and what went wrong."""
    full = [recovery.full for recovery in report.recoveries if recovery.full is not None]
    recovered = f"{len(report.recoveries) - len(report.slow)} of {len(report.recoveries)}"
    lines = {
        "command": f"python -m tests.faults --minutes N --seed {report.seed}",
        "seconds in all": report.seconds,
        "processes that wanted to run": "{} to {}".format(*report.processes_that_wanted_to_run),
        "faults injected": sum(report.faults.values()),
        "kinds not possible on this machine": ", ".join(report.not_possible) or "-",
        "requests sent": sum(_counts(report, kind).total() for kind in report.requests),
        "sign-ins, and of them lost": f"{report.sign_ins}, {report.sign_ins_lost}",
        "bookings asked for, and of them lost or doubled": f"{report.bookings}, {_broken(report, *BOOKINGS)}",
        "days cancelled by hosts": _counts(report, "cancel day")[200],
        "refunds that are wrong": _broken(report, "wrong refund"),
        "operations in histories": report.operations,
        "histories, and of them rejected": f"{report.histories}, {_broken(report, *HISTORIES)}",
        "answers that were a 500": report.server_errors.get("500", 0),
        "503 in all": report.server_errors.get("503", 0),
        "5xx outside a fault and five seconds after": len(report.server_errors_outside),
        "recoveries to 80% of the rate within five seconds": recovered,
        "slowest of those that were seen": f"{max(full, default=0)} s",
        "processes that ended by themselves": len(report.ended_by_themselves),
        "promises broken": len(report.broken),
    }
    rows = [f"{name:<50} {value}" for name, value in lines.items()]
    return "\n".join(rows + [f"BROKEN {what}" for what in report.broken] + [f"SLOW {what}" for what in report.slow])


def _counts(report: Report, kind: str) -> Counter[int]:
    return Counter(report.requests.get(kind, {}))


def _broken(report: Report, *beginnings: str) -> int:
    return sum(what.startswith(beginnings) for what in report.broken)


if __name__ == "__main__":
    sys.exit(main())
