"""`python -m tests.faults [storm|load] [--minutes N] [--seed S]`: the long runs.

`storm` breaks everything under load and checks every promise; exit code 1 where one was broken. `load` searches the
rate that is held, goes three times beyond it, and watches memory for so many minutes.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.faults.storm import Report, Size, Storm, new_seed


def main() -> int:
    """Run what was asked for and print its report."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["storm", "load"], default="storm")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=new_seed())
    parser.add_argument("--logs", help="a directory that keeps the history and every process's log")
    parser.add_argument("--kinds", help="only these kinds of faults, comma-separated")
    arguments = parser.parse_args()
    return run_load(arguments) if arguments.what == "load" else run_storm(arguments)


def run_load(arguments: argparse.Namespace) -> int:
    """Print the load report as JSON."""
    # Its people are made by the benchmarks' room, whose drivers are not needed for anything else here.
    from tests.faults.load import measure

    sys.stdout.write(f"{measure(minutes=arguments.minutes).to_json()}\n")
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
    """The report in lines."""
    sent = sum(sum(counts.values()) for counts in report.requests.values())
    full = [r.full for r in report.recoveries if r.full is not None]
    lines = {
        "seed": report.seed,
        "faults injected": sum(report.faults.values()),
        "not possible on this machine": ", ".join(report.not_possible) or "-",
        "requests sent": sent,
        "sign-ins": report.sign_ins,
        "sign-ins lost": report.sign_ins_lost,
        "bookings asked for": report.bookings,
        "operations in the history": report.operations,
        "5xx": report.server_errors,
        "5xx outside faults and five seconds after": len(report.server_errors_outside),
        "processes that ended by themselves": len(report.ended_by_themselves),
        "slowest recovery to 80% of the rate before": f"{max(full, default=0)} s of {len(report.recoveries)}",
        "recoveries that took longer than five seconds": len(report.slow),
        "promises broken": len(report.broken),
    }
    rows = [f"{name:<48} {value}" for name, value in lines.items()]
    return "\n".join(rows + [f"BROKEN {what}" for what in report.broken] + [f"SLOW {what}" for what in report.slow])


if __name__ == "__main__":
    sys.exit(main())
