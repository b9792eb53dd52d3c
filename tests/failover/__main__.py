"""`python -m tests.failover`: lose the primary under load, in every way of `faults.py`, and check every promise.

Exit code 1 where one was broken, 2 where this machine cannot run it. See docs/high-availability.md.
"""

import argparse
import random
import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.failover.cluster import NotPossibleError, PatroniCluster
from tests.failover.faults import FAULTS, LIMIT, LIMITS, injected, seconds_without_writes
from tests.failover.product import WAYS, FailoverProduct
from tests.fault_injection.__main__ import describe
from tests.fault_injection.torture import Run, torture


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.failover", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--logs", help="a directory that keeps the history and every process's log")
    parser.add_argument("--way", choices=WAYS, default=WAYS[0], help="how backends reach the primary (%(default)s)")
    parser.add_argument("--only", help="a fault, for example 'kill node'", choices=list(map(str, FAULTS)))
    parser.add_argument(
        "--asynchronous", action="store_true", help="no standby is synchronous: what is lost is counted"
    )
    arguments = parser.parse_args()
    faults = [fault for fault in FAULTS if arguments.only in {None, str(fault)}]
    sys.stderr.write(f"seed {arguments.seed}\n")
    with tempfile.TemporaryDirectory(prefix="insighta-failover-logs-") as temporary:
        directory = Path(arguments.logs or temporary)
        directory.mkdir(parents=True, exist_ok=True)
        try:
            with PatroniCluster(is_synchronous=not arguments.asynchronous) as cluster:
                try:
                    with FailoverProduct(cluster, directory, arguments.way) as product:
                        run = torture(
                            product,
                            faults,
                            partial(injected, cluster),
                            seed=arguments.seed,
                            clients=6,
                            visitors=2,
                            has_histories=not arguments.asynchronous,
                        )
                finally:
                    cluster.write_logs(directory)
        except NotPossibleError as error:
            sys.stderr.write(f"{error}\n")
            return 2
    too_long = describe_gaps(run)
    sys.stdout.write(f"{describe(run)}\nseed {arguments.seed}\n")
    broken = [what for what in run.violations if not (arguments.asynchronous and may_be_lost(what))]
    sys.stdout.write("".join(f"NOT ALLOWED {what}\n" for what in broken if arguments.asynchronous))
    return 1 if too_long or broken else 0


def may_be_lost(violation: str) -> bool:
    """Whether it is what docs/high-availability.md says of asynchronous replication: the last moments are gone.

    Who rotated then is told that the session is lost, in these words, and nobody is accused; what is left is whole.
    """
    if violation.startswith("signed out"):
        return "session lost, sign in again" in violation or "sent to the sign-in page" in violation
    return violation.startswith("booking lost") and violation.endswith("is []")


def describe_gaps(run: Run) -> int:
    """Print how long nothing could be written at each fault; how many were too long."""
    too_long = 0
    for injection in run.injections:
        limit = LIMITS.get(str(injection.fault), LIMIT)
        seconds = seconds_without_writes(run.workload, injection)
        too_long += seconds > limit
        sys.stdout.write(f"{injection.fault!s:<30} no writes for {seconds:5.1f} s (at most {limit:.0f})\n")
    return too_long


if __name__ == "__main__":
    sys.exit(main())
