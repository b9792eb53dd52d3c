"""What is left of a million refreshes: rows, bytes and speed, of the product and of its peers."""

import time
from collections.abc import Iterator

from bench.charts import Chart
from bench.database import TableSize
from bench.harness import Bench, Budget, Result, Table, Target, scenario
from bench.product import Product
from bench.refresh import CLIENTS, PEERS
from bench.rotation_sql import add_sessions, rotation_script
from bench.shared_servers import OURS, TABLES, ours, peer, product
from bench.terminal import number, say
from bench.token_servers import TokenServer
from bench.wrk import load_refreshes

SESSIONS_EACH = 250
STEPS = 10


@scenario(
    "refresh-storage",
    item=2,
    title="What many refreshes of a thousand sessions leave behind",
    budget=Budget(110, 12),
    with_peers=True,
)
def measure_storage(run: Bench) -> Result:
    backend, server = product(run), ours(run)
    each = run.pick(full=100_000, quick=1_000)
    seconds = run.pick(full=3, quick=1)
    result = Result()
    add_sessions(backend, clients=CLIENTS, each=SESSIONS_EACH)
    before = load_refreshes(server.refresh_request, server.take(CLIENTS), seconds=seconds)
    rows = run.cluster.size_of(backend.database, TABLES).rows
    points = list(_rotate(run, backend, each))
    refreshes = each * len(points)
    after = load_refreshes(server.refresh_request, server.take(CLIENTS), seconds=seconds)
    last = points[-1][1]
    result.add("statements/s", {"the UPDATE alone, in ten parts": [rate for rate, _ in points]})
    result.add("refreshes/s", {"over HTTP, before": [before.rate], "over HTTP, after": [after.rate]})
    first, final = ([rate for rate, _ in half] for half in (points[:3], points[-3:]))
    result.targets = [
        Target(f"rows added by {refreshes:,} refreshes", 0, last.rows - rows, unit="", at_most=True),
        Target("bytes at the end, against after a tenth", 1.5, last.bytes / points[0][1].bytes, at_most=True),
        Target("speed of the last refreshes, against the first", 0.9, max(final) / max(first)),
    ]
    result.charts += _charts(points, refreshes)
    result.tables.append(_table(run, result, last, refreshes, [peer(run, name) for name in PEERS], seconds))
    result.notes.append(
        f"The {refreshes:,} refreshes are the product's own statement, run by pgbench over {CLIENTS * SESSIONS_EACH}"
        f" sessions, without waiting for the disk; {before.good + after.good:,} more came over HTTP. Autovacuum is on,"
        " as delivered."
    )
    return result


def _rotate(run: Bench, backend: Product, each: int) -> Iterator[tuple[float, TableSize]]:
    """So many refreshes in each of ten parts, fewer where time runs out: the rate of each, and the table after it."""
    script, share = rotation_script(sessions_each=SESSIONS_EACH), each // CLIENTS
    for step in range(STEPS):
        began = time.monotonic()
        rate = run.cluster.pgbench(
            backend.database,
            script=script,
            clients=CLIENTS,
            transactions=share,
            variables={"step": step * share},
            is_durable=False,
        )
        size = run.cluster.size_of(backend.database, TABLES)
        say(f"    {(step + 1) * each:,} refreshes: {rate:,.0f}/s, {size.bytes / 1024:,.0f} KiB")
        yield rate, size
        if not run.has_time(2 * (time.monotonic() - began)):
            return


def _charts(points: list[tuple[float, TableSize]], refreshes: int) -> list[Chart]:
    done = [(place + 1) * refreshes / STEPS for place in range(len(points))]
    rates = list(zip(done, (rate for rate, _ in points), strict=True))
    sizes = list(zip(done, (size.bytes / 1024 for _, size in points), strict=True))
    return [
        Chart("storage-speed", f"Speed over {refreshes:,} refreshes", "a second", [], {OURS: rates}, "refreshes"),
        Chart("storage-size", f"Size over {refreshes:,} refreshes", "KiB with indexes", [], {OURS: sizes}, "refreshes"),
    ]


def _table(
    run: Bench, result: Result, ours_last: TableSize, refreshes: int, peers: list[TokenServer], seconds: int
) -> Table:
    hot = f"{100 * (ours_last.hot_share or 0):.1f}%"
    rows = [[OURS, "0", "0", hot, f"{ours_last.bytes / 2**20:.1f} MiB in all"]]
    for other in peers:
        start = run.cluster.size_of(other.database, other.tables)
        load = load_refreshes(other.refresh_request, other.take(CLIENTS), seconds=seconds)
        end = run.cluster.size_of(other.database, other.tables)
        # A machine that is busy enough answers none in a second; then nothing is left behind either.
        done = max(1, load.good)
        added, grown = (end.rows - start.rows) / done, (end.bytes - start.bytes) / done
        hot = f"{100 * end.hot_share:.1f}%" if end.hot_share is not None else "no updates"
        rows.append([other.label, number(added), number(grown), hot, f"{grown * 1_000_000 / 2**20:,.0f} MiB more"])
    columns = ["", "rows a refresh", "bytes a refresh", "HOT updates", "after a million"]
    return Table(
        f"What a refresh leaves behind ({refreshes:,} of ours; the peers' from {seconds} s each)", columns, rows
    )
