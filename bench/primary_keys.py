"""UUIDv7 against UUIDv4 as primary keys: speed of inserts, size of the index, and how many pages an insert dirties."""

import time
from typing import TYPE_CHECKING, Any, LiteralString

from psycopg import sql

from bench.charts import Chart
from bench.harness import Bench, Budget, Result, Table, Target, scenario

if TYPE_CHECKING:
    import psycopg

V7, V4 = "UUIDv7", "UUIDv4"
MAKERS: dict[str, LiteralString] = {V7: "uuidv7()", V4: "gen_random_uuid()"}
# A row as wide as a session's; what differs is the key alone.
_TABLE: LiteralString = "CREATE TABLE {} (id uuid PRIMARY KEY, payload text NOT NULL)"
_INSERT: LiteralString = "INSERT INTO {} SELECT {}, repeat('x', 200) FROM generate_series(1, {})"
_PROBE = 10_000
MEGABYTE = 1024 * 1024


@scenario(
    "primary-keys", item=6, title="UUIDv7 and UUIDv4 as primary keys, in a table that grows", budget=Budget(110, 5)
)
def measure_primary_keys(run: Bench) -> Result:
    sizes = run.pick(full=(1_000_000, 5_000_000), quick=(50_000, 250_000))
    result = Result()
    run.cluster.create("primary_keys")
    rows, points = [], {kind: [(0.0, 0.0)] for kind in MAKERS}
    with run.cluster.connect("primary_keys") as connection:
        connection.execute("CREATE EXTENSION pgstattuple")
        for kind in MAKERS:
            connection.execute(sql.SQL(_TABLE).format(sql.Identifier(kind)))
        before, took = 0, 0.0
        for size in sizes:
            if before and not run.has_time(took * (size - before) / before):
                break
            began = time.perf_counter()
            # The two take turns in parts, so that a disturbance of the machine meets both.
            seconds = _grow(connection, size - before)
            for kind in MAKERS:
                megabytes, cells = _measure(connection, kind)
                result.add("rows/s", {f"{kind}, up to {size:,} rows": [(size - before) / s for s in seconds[kind]]})
                rows.append([kind, f"{size:,}", *cells])
                points[kind].append((size, megabytes))
            before, took = size, time.perf_counter() - began
    columns = ["key", "rows", "index", "leaf pages full", "pages dirtied by 10,000 inserts", "WAL of 10,000 inserts"]
    result.tables.append(Table("What the key costs", columns, rows))
    result.charts.append(
        Chart("primary-keys", "Size of the primary key's index", "MiB", series=dict(points), x_label="rows")
    )
    last = f", up to {before:,} rows"
    ratio = result.ratio(V7 + last, V4 + last)
    result.targets.append(Target(f"rows a second{last}, UUIDv7 against UUIDv4", 1, ratio))
    result.notes.append(
        "Dirtied pages and WAL were counted right after a checkpoint, when every first change writes a page."
    )
    return result


def _grow(connection: "psycopg.Connection[Any]", rows: int, *, parts: int = 5) -> dict[str, list[float]]:
    """Insert so many rows into each table; the seconds that all would have taken at the speed of each part."""
    seconds: dict[str, list[float]] = {kind: [] for kind in MAKERS}
    for _ in range(parts):
        for kind in MAKERS:
            began = time.perf_counter()
            connection.execute(_insertion(kind, rows // parts))
            seconds[kind].append((time.perf_counter() - began) * parts)
    return seconds


def _insertion(kind: str, rows: int) -> sql.Composed:
    return sql.SQL(_INSERT).format(sql.Identifier(kind), sql.SQL(MAKERS[kind]), sql.Literal(rows))


def _measure(connection: "psycopg.Connection[Any]", kind: str) -> tuple[float, list[str]]:
    """Megabytes of the index, and the cells of the table."""
    index = f'"{kind}_pkey"'
    size, density = _one(
        connection, "SELECT pg_relation_size(%s::regclass), (pgstatindex(%s)).avg_leaf_density", [index, index]
    )
    connection.execute("CHECKPOINT")
    explained = sql.SQL("EXPLAIN (ANALYZE, BUFFERS, WAL, FORMAT JSON) ") + _insertion(kind, _PROBE)
    ((found,),) = _one(connection, explained)
    plan, megabytes = found["Plan"], int(size) / MEGABYTE
    dirtied, wal = plan["Shared Dirtied Blocks"], plan["WAL Bytes"] / MEGABYTE
    return megabytes, [f"{megabytes:.1f} MiB", f"{density:.0f}%", f"{dirtied:,}", f"{wal:.1f} MiB"]


def _one(connection: "psycopg.Connection[Any]", query: Any, values: list[str] | None = None) -> tuple[Any, ...]:
    row = connection.execute(query, values).fetchone()
    if row is None:
        raise RuntimeError("the database answered without a row")
    return tuple(row)
