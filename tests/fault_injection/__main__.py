"""`python -m tests.fault_injection`: inject faults under load for some minutes and check every promise.

Exit code 1 where one was broken. See docs/reliability.md.
"""

import argparse
import random
import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.fault_injection.faults import TARGETS, Fault, draw_faults, injected, possible_kinds
from tests.fault_injection.postgres import Postgres
from tests.fault_injection.product import Product
from tests.fault_injection.torture import QUIET_SECONDS, RECOVERY_SECONDS, Run, torture

BOOKINGS = ("booking lost", "half a booking", "a retry of")
HISTORIES = ("session:", "slot:", "credits:")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fault_injection", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--logs", help="a directory that keeps the history and every process's log")
    parser.add_argument("--kinds", help="only these kinds of faults, comma-separated")
    arguments = parser.parse_args()
    kinds = frozenset(arguments.kinds.split(",")) if arguments.kinds else frozenset(TARGETS)
    sys.stderr.write(f"seed {arguments.seed}\n")
    with tempfile.TemporaryDirectory(prefix="insighta-faults-") as temporary:
        directory = Path(arguments.logs or temporary)
        directory.mkdir(parents=True, exist_ok=True)
        with Postgres() as postgres, Product(postgres, directory) as product:
            faults = _draw(product, seed=arguments.seed, seconds=arguments.minutes * 60, kinds=kinds)
            run = torture(product, faults, partial(injected, product), seed=arguments.seed)
    sys.stdout.write(f"{describe(run)}\nseed {arguments.seed}\n")
    return 1 if run.violations else 0


def _draw(product: Product, *, seed: int, seconds: float, kinds: frozenset[str]) -> list[Fault]:
    possible = possible_kinds(product) & kinds
    sys.stderr.write(f"not possible on this machine: {', '.join(sorted(kinds - possible)) or 'none'}\n")
    return draw_faults(seed, kinds=possible, seconds=seconds, quiet=QUIET_SECONDS)


def describe(run: Run) -> str:
    """The rows of docs/reliability.md, and what went wrong."""
    requests, recoveries = run.workload.requests, run.recoveries()
    errors = [request for request in requests if request.status >= 500]
    histories = run.workload.history.operations
    slow = [number for number, seconds in enumerate(recoveries) if seconds is None or seconds > RECOVERY_SECONDS]
    lines = {
        "processes that wanted to run": f"{min(run.load, default=0)} to {max(run.load, default=0)}",
        "faults injected": len(run.injections),
        "requests sent": len(requests),
        "sign-ins, and of them lost": f"{len(run.workload.sign_ins)}, {_count(run, 'signed out')}",
        "bookings asked for, and of them lost or doubled": f"{len(run.workload.bookings)}, {_count(run, *BOOKINGS)}",
        "days cancelled by hosts": run.workload.count("cancel day")[200],
        "refunds that are wrong": _count(run, "wrong refund"),
        "operations in histories": sum(map(len, histories.values())),
        "histories, and of them rejected": f"{len(histories)}, {_count(run, *HISTORIES)}",
        "answers that were a 500": sum(request.status == 500 for request in errors),
        "503 in all": sum(request.status == 503 for request in errors),
        "5xx outside a fault and five seconds after": sum(not run.is_during_fault(request.at) for request in errors),
        "recoveries to 80% of the rate within five seconds": f"{len(recoveries) - len(slow)} of {len(recoveries)}",
        "slowest of those that were seen": f"{max((seconds or 0 for seconds in recoveries), default=0)} s",
        "processes that ended by themselves": len(run.workload.product.crashes),
        "promises broken": len(run.violations),
    }
    details = [f"BROKEN {what}" for what in run.violations]
    details += [f"ENDED {what}" for what in run.workload.product.crashes]
    details += [f"SLOW {run.injections[number].fault}: {recoveries[number]}" for number in slow]
    return "\n".join([*(f"{name:<50} {value}" for name, value in lines.items()), *details])


def _count(run: Run, *beginnings: str) -> int:
    return sum(violation.startswith(beginnings) for violation in run.violations)


if __name__ == "__main__":
    sys.exit(main())
