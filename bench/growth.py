"""What each operation costs while the tables grow to ten million rows, and how its statements are carried out."""

import asyncio
import time
from dataclasses import dataclass

from bench.charts import Chart
from bench.database import Cluster
from bench.harness import Bench, Budget, Result, Table, Target, scenario
from bench.open_loop import Generator
from bench.product import BACKEND, DATABASE, Product
from bench.query_plan_rows import FILLED_QUICKLY, grow
from bench.query_plans import Plan, measure_plans, report_plans
from bench.request_mix import RequestMix
from bench.terminal import say

CLIENTS = 8
# PostgreSQL counts what each statement touches, for all processes, at the end of each statement.
_COUNTING = {"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track_utility": "on"}
_COUNTS = """
SELECT sum(calls), sum(shared_blks_hit + shared_blks_read), pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')
FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@dataclass(frozen=True)
class Cost:
    """What one request costs, of a stretch that was served at `rate` requests a second; processor time in ms."""

    rate: float
    backend: float
    database: float
    statements: float
    pages: float
    wal_bytes: float


@scenario("growth", item=10, title="What a request costs while rows grow", budget=Budget(2700, 90), by_name_only=True)
def measure_growth(run: Bench) -> Result:
    costs: dict[str, dict[int, Cost]] = {}
    plans: dict[str, dict[int, Plan]] = {}
    sizes: list[int] = []
    took = 0.0
    with (
        Cluster(FILLED_QUICKLY | _COUNTING) as cluster,
        Product(cluster, database="growth", PUBLIC_CALENDAR="true") as product,
    ):
        with product.connect() as connection:
            connection.execute("CREATE EXTENSION pg_stat_statements")
        mix = RequestMix(product)
        for size in run.pick(full=(10_000, 1_000_000, 10_000_000), quick=(10_000, 100_000)):
            # Ten times the rows take about eight times as long.
            if sizes and not run.has_time(took * 0.8 * size / sizes[-1]):
                say(f"    there is no time left for {size:,} rows")
                break
            began = time.monotonic()
            grow(product, to=size)
            took = time.monotonic() - began
            say(f"    {size:,} rows after {took:.0f} s")
            for name in mix.requests():
                costs.setdefault(name, {})[size] = _measure(product, mix, name, requests=run.pick(full=4000, quick=800))
            for statement, plan in measure_plans(mix.world).items():
                plans.setdefault(statement, {})[size] = plan
            sizes.append(size)
    result = _report(costs, sizes)
    report_plans(result, plans, sizes)
    return result


def _measure(product: Product, mix: RequestMix, name: str, *, requests: int) -> Cost:
    generator = Generator(product.ports["backend"], mix.requests()[name])
    # Every thread prepares its statements before anything is counted.
    asyncio.run(generator.run_closed(400, clients=CLIENTS))
    before, used_before = _counts(product), product.processor_seconds()
    sample = asyncio.run(generator.run_closed(requests, clients=CLIENTS))
    after, used = _counts(product), product.processor_seconds()
    statements, pages, wal_bytes = ((now - then) / requests for now, then in zip(after, before, strict=True))
    if set(sample.statuses) - {200, 201}:
        raise RuntimeError(f"{name} was answered with {sample.statuses}")
    backend, database = (1000 * (used[part] - used_before[part]) / requests for part in (BACKEND, DATABASE))
    return Cost(sample.rate, backend, database, statements, pages, wal_bytes)


def _counts(product: Product) -> tuple[int, ...]:
    with product.connect() as connection:
        row = connection.execute(_COUNTS).fetchone()
    return tuple(int(str(value)) for value in row or ())


def _report(costs: dict[str, dict[int, Cost]], sizes: list[int]) -> Result:
    result = Result()
    columns = ["", "rows", "requests/s", "backend, ms", "PostgreSQL, ms", "statements", "pages", "WAL bytes"]
    rows = [
        [
            name if size == sizes[0] else "",
            f"{size:,}",
            f"{cost.rate:,.0f}",
            f"{cost.backend:.2f}",
            f"{cost.database:.2f}",
            f"{cost.statements:.1f}",
            f"{cost.pages:,.0f}",
            f"{cost.wal_bytes:,.0f}",
        ]
        for name, by_size in costs.items()
        for size, cost in by_size.items()
    ]
    result.tables.append(Table("One request, by rows of sessions and of bookings", columns, rows))
    worst = max(by_size[sizes[-1]].pages / by_size[sizes[0]].pages for by_size in costs.values())
    claim = f"pages of a request, {sizes[-1]:,} rows against {sizes[0]:,}, the worst"
    result.targets.append(Target(claim, 2, worst, at_most=True))
    series = {name: [(float(size), cost.database) for size, cost in by_size.items()] for name, by_size in costs.items()}
    title = "PostgreSQL's processor time for a request"
    result.charts.append(Chart("growth", title, "milliseconds", series=series, x_label="rows", is_logarithmic=True))
    result.notes += [
        f"{CLIENTS} clients, each of whom waits for the answer.",
        "Statements are the request's with BEGIN and COMMIT, and those of triggers that are deferred to its end.",
        "WAL holds no images of whole pages here. After a checkpoint the first change of each page adds up to 8 kB.",
        "The two exclusion constraints stand as the indexes that they consist of.",
    ]
    return result
