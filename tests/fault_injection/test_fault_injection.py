"""A short run: four fixed faults, each followed by a wait for recovery, and every promise checked afterwards."""

from functools import partial
from pathlib import Path

from tests.fault_injection.faults import Fault, injected
from tests.fault_injection.postgres import Postgres
from tests.fault_injection.product import Product
from tests.fault_injection.torture import torture
from tests.fault_injection.workload import Workload

FAULTS = [
    Fault("stop", "database", 1.5),
    Fault("lose answers", "backend-database", 2.0),
    Fault("kill", "backend 1", 1.5),
    Fault("cut", "client-backend", 2.0),
]


def has_done_enough(workload: Workload) -> bool:
    operations = sum(map(len, workload.history.operations.values()))
    is_varied = workload.count("cancel day")[200] and workload.count("move").total()
    return bool(is_varied) and len(workload.bookings) > 20 and operations > 100


def test_nothing_is_lost_while_parts_fail(tmp_path: Path) -> None:
    with Postgres() as postgres, Product(postgres, tmp_path) as product:
        inject = partial(injected, product)
        run = torture(product, FAULTS, inject, seed=10, clients=5, visitors=2, quiet=1.0, until=has_done_enough)
    assert run.violations == []
    assert [injection.fault for injection in run.injections] == FAULTS
    assert run.workload.count("page")[200], "no page was seen"
