"""How a primary is lost, and how long nothing can be written then."""

from bisect import bisect
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise

import psycopg

from tests.failover.cluster import PatroniCluster
from tests.fault_injection.faults import Fault
from tests.fault_injection.torture import Injection
from tests.fault_injection.workload import Workload

FAULTS = (
    Fault("kill", "postmaster", 15),
    Fault("switch over", "primary", 15),
    Fault("kill", "node", 45),
    Fault("swallow packets of", "node", 45),
    Fault("split", "node", 45),
    Fault("fill", "disk", 45),
)
LIMITS = {str(FAULTS[0]): 5.0, str(FAULTS[1]): 3.0}
LIMIT = 30.0
"""Seconds without a write that was answered, where `LIMITS` has no other."""
WRITES = {"refresh", "book", "cancel", "move"}


@contextmanager
def injected(cluster: PatroniCluster, fault: Fault) -> Iterator[None]:
    """The fault holds inside of the `with`; at its end every node is back and follows the primary."""
    node = cluster.primary()
    match str(fault):
        case "kill postmaster":
            node.kill_postmaster()
            yield
        case "switch over primary":
            cluster.switch_over()
            yield
        case "kill node":
            # For good: another machine takes its place, with an empty disk.
            node.kill()
            yield
            cluster.forget(node)
            cluster.start(node)
        case "swallow packets of node":
            cluster.swallow(node, is_swallowed=True)
            yield
            cluster.swallow(node, is_swallowed=False)
        case "split node":
            cluster.isolate(node, is_isolated=True)
            yield
            cluster.isolate(node, is_isolated=False)
        case "fill disk":
            node.fill_disk()
            _use_up_log(cluster)
            yield
            node.free_disk()
    cluster.wait_until_whole()


def _use_up_log(cluster: PatroniCluster) -> None:
    """Make PostgreSQL need a new file of its write-ahead log, as it would after some hours of this load."""
    with suppress(psycopg.Error), cluster.connect() as connection:
        for _ in range(50):
            connection.execute("SELECT pg_current_xact_id()")
            connection.execute("SELECT pg_switch_wal()")


def seconds_without_writes(workload: Workload, injection: Injection) -> float:
    """The longest time between two answered writes, from the last before the fault to the first after its end."""
    answered = sorted(one.at for one in workload.requests if one.kind in WRITES and 200 <= one.status < 300)
    first, last = bisect(answered, injection.began) - 1, bisect(answered, injection.ended) + 1
    return max((after - before for before, after in pairwise(answered[max(first, 0) : last])), default=float("inf"))
