"""A short run: the primary's machine is lost for good while people work, and every promise is checked afterwards."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.failover.__main__ import may_be_lost
from tests.failover.cluster import NotPossibleError, PatroniCluster
from tests.failover.faults import injected
from tests.failover.product import FailoverProduct
from tests.fault_injection.faults import Fault
from tests.fault_injection.torture import torture
from tests.fault_injection.workload import Workload
from tests.upgrades.pages import command_of

LOSS = Fault("kill", "node", 0)


@pytest.fixture
def cluster() -> Iterator[PatroniCluster]:
    with ExitStack() as stack:
        try:
            running = stack.enter_context(PatroniCluster(lease_seconds=30))
        except NotPossibleError as error:
            pytest.skip(str(error))
        yield running


def test_nothing_that_was_answered_is_lost_with_the_primary(cluster: PatroniCluster, tmp_path: Path) -> None:
    former = cluster.primary()
    before = 0

    def has_worked(workload: Workload) -> bool:
        nonlocal before
        before = _answered(workload)
        return before > 10

    @contextmanager
    def lost(fault: Fault) -> Iterator[None]:
        with injected(cluster, fault):
            successor = cluster.primary()
            assert successor is not former
            said = cluster.operate(command_of("incidents.md", "The primary is gone"))
            assert re.search(rf"{successor.name}\b.*\bLeader\b", said), said
            yield

    with FailoverProduct(cluster, tmp_path) as product:
        run = torture(
            product,
            [LOSS],
            lost,
            seed=20,
            clients=3,
            visitors=1,
            quiet=0,
            since=has_worked,
            until=lambda workload: _answered(workload) > before + 10,
        )
    assert run.violations == [], cluster.describe()
    healths = cluster.operate(command_of("incidents.md", "The primary is gone", 1))
    assert healths.count('"health":"true"') == len(cluster.nodes)


@pytest.mark.parametrize(
    ("violation", "is_allowed"),
    [
        ('signed out: ada: {"error": "invalid_grant", "error_description": "session lost, sign in again"}', True),
        ('signed out: ada: {"error": "invalid_grant", "error_description": "session ended"}', False),
        ("booking lost or doubled: answered 1, there is []", True),
        ("booking lost or doubled: answered 1, there is [('1', 1), ('2', 1)]", False),
        ("accused of a replay: 1", False),
        ("half a booking: [('1', 2)]", False),
        ("audit: a balance differs from its ledger", False),
    ],
)
def test_what_asynchronous_replication_may_lose(violation: str, *, is_allowed: bool) -> None:
    assert may_be_lost(violation) is is_allowed


def _answered(workload: Workload) -> int:
    """Bookings and rotations that succeeded, whichever are fewer."""
    return min(sum(bool(booking.id) for booking in workload.bookings), workload.count("refresh")[200])
