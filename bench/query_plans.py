"""The statements of each hot request: plan, pages, time."""

import re
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
from psycopg import sql

from bench.booking_world import BookingWorld
from bench.charts import Chart
from bench.database import Cluster
from bench.harness import Result, Table, Target
from bench.query_plan_rows import BOOKING, BUSY_HOST, GROWING, PERSON

if TYPE_CHECKING:
    import psycopg

# What a statement may read beside the rows that it gives or changes before it counts as touching more than its own.
SPARE_ROWS = 10
_SUBJECT = re.compile(r'(?:FROM|UPDATE|INTO)\s+"?(\w+)"?', re.IGNORECASE)


@dataclass(frozen=True)
class Plan:
    """How one statement was carried out: `wasted` rows were read and thrown away, `scans` are tables read whole."""

    milliseconds: float
    pages: int
    wasted: int
    scans: tuple[str, ...]


def measure_plans(world: BookingWorld) -> dict[str, Plan]:
    """How each statement of each hot request is carried out over the rows that are there."""
    plans: dict[str, Plan] = {}
    cluster = world.product.cluster
    with cluster.logging():
        sent = {name: _sent(cluster, send) for name, send in _requests(world).items()}
    with world.product.connect() as connection:
        for request, statements in sent.items():
            for statement in statements:
                subject = _SUBJECT.search(statement)
                plans.setdefault(
                    f"{request}: {_verb(statement)} {subject[1] if subject else ''}", _explain(connection, statement)
                )
    return plans


def _sent(cluster: Cluster, send: Callable[[], object]) -> list[str]:
    """What a request sends to the database once its processes know it."""
    send()
    send()
    return [statement for statement in cluster.record_statements(send) if _is_read_or_update(statement)]


def _is_read_or_update(statement: str) -> bool:
    # What was inserted cannot be inserted again; its cost is the index's, which the other statements show.
    return _verb(statement) in {"SELECT", "UPDATE"} and " FROM " in f" {statement.replace('UPDATE', ' FROM ')} "


def _verb(statement: str) -> str:
    return statement.split(maxsplit=1)[0].upper()


def _requests(world: BookingWorld) -> dict[str, Callable[[], object]]:
    client = world.clients[0]
    http = httpx.Client(
        base_url=f"{world.product.backend_url}/api/v1", headers={"Authorization": f"Bearer {client.token}"}, timeout=60
    )
    chain = {"refresh_token": world.product.sign_in([client.user_id])[0].refresh_token}

    def refresh() -> None:
        form = {"grant_type": "refresh_token", "client_id": "insighta-cli", **chain}
        answer = http.post(f"{world.product.backend_url}/oauth/token", data=form, headers={"Authorization": ""})
        chain["refresh_token"] = answer.raise_for_status().json()["refresh_token"]

    def book() -> str:
        answer = http.post("/bookings", json={"slot_id": str(world.add_slots(1, capacity=3)[0])}).raise_for_status()
        return str(answer.json()["id"])

    booked, month, nobody = book(), _month(), {"Authorization": ""}
    host, person = world.sign_in([BUSY_HOST, PERSON])
    of_host, of_person = ({"Authorization": f"Bearer {one.token}"} for one in (host, person))
    return {
        "refresh": refresh,
        "me": lambda: http.get("/me").raise_for_status(),
        "slots": lambda: http.get("/slots").raise_for_status(),
        "slots, public": lambda: http.get("/slots", headers=nobody).raise_for_status(),
        "days of a month, public": lambda: http.get("/slots/days", params=month, headers=nobody).raise_for_status(),
        "days of a host's month": lambda: http.get(
            "/slots/days", params={**month, "host": str(host.user_id)}
        ).raise_for_status(),
        "days of a move": lambda: http.get(
            f"/pages/bookings/{BOOKING}/days", params={"others": "true"}, headers=of_person
        ).raise_for_status(),
        "a host's calendar": lambda: http.get("/hosting/slots", headers=of_host).raise_for_status(),
        "a host's past": lambda: http.get("/hosting/slots?when=past", headers=of_host).raise_for_status(),
        "book": book,
        "bookings": lambda: http.get("/bookings", headers=of_person).raise_for_status(),
        "preview": lambda: http.get(f"/bookings/{booked}/refund-preview").raise_for_status(),
        "ledger": lambda: http.get("/credit-entries", headers=of_person).raise_for_status(),
        "sessions": lambda: http.get("/sessions", headers=of_person).raise_for_status(),
    }


def _month() -> dict[str, str]:
    today = datetime.now(UTC).date()
    return {"from": str(today), "to": str(today + timedelta(days=31)), "zone": "UTC"}


def _explain(connection: "psycopg.Connection[Any]", statement: str) -> Plan:
    times = []
    for _ in range(5):
        with connection.transaction(force_rollback=True):
            text = sql.SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ") + sql.SQL(statement)
            row = connection.execute(text).fetchone()
        top = row[0][0] if row else {}
        times.append(top["Execution Time"] + top["Planning Time"])
    nodes = list(_walk(top["Plan"]))
    return Plan(
        statistics.median(times),
        int(top["Plan"]["Shared Hit Blocks"] + top["Plan"]["Shared Read Blocks"]),
        sum(int(node.get("Rows Removed by Filter", 0)) * int(node["Actual Loops"]) for node in nodes),
        tuple(
            str(node["Relation Name"])
            for node in nodes
            if node["Node Type"] == "Seq Scan" and node["Relation Name"] in GROWING
        ),
    )


def _walk(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(below for child in node.get("Plans", ()) for below in _walk(child))]


def report_plans(result: Result, found: dict[str, dict[int, Plan]], sizes: list[int]) -> None:
    """Add the plans, by rows of sessions and of bookings, to a result."""
    columns = ["statement", *(f"{size:,}: ms, pages" for size in sizes), "rows thrown away"]
    rows = [
        [name, *(_cell(plans.get(size)) for size in sizes), str(_wasted(plans, sizes[1:]))]
        for name, plans in sorted(found.items())
    ]
    result.tables.append(Table("Each hot statement, by rows of sessions and of bookings", columns, rows))
    # Of the smallest size the planner rightly reads some tables whole.
    larger = [plan for plans in found.values() for size, plan in plans.items() if size != sizes[0]]
    scans = sum(bool(plan.scans) for plan in larger)
    wasteful = sum(plan.wasted > SPARE_ROWS for plan in larger)
    result.targets.append(Target("hot statements that read a growing table whole", 0, scans, unit="", at_most=True))
    result.targets.append(Target("hot statements that read rows of others", 0, wasteful, unit="", at_most=True))
    growth = [
        _pages(plans, sizes[-1]) / max(1, _pages(plans, sizes[0])) for plans in found.values() if sizes[-1] in plans
    ]
    claim = f"pages that a hot statement touches, {sizes[-1]:,} rows against {sizes[0]:,}, the worst"
    result.targets.append(Target(claim, 3, max(growth), at_most=True))
    slowest = sorted(found, key=lambda name: -max(plan.milliseconds for plan in found[name].values()))[:6]
    series = {name: [(float(size), plan.milliseconds) for size, plan in found[name].items()] for name in slowest}
    title = "The six slowest hot statements, by rows of sessions and of bookings"
    result.charts.append(
        Chart("query-plans", title, "milliseconds", series=series, x_label="rows", is_logarithmic=True)
    )


def _wasted(plans: dict[int, Plan], sizes: list[int]) -> int:
    return max((plans[size].wasted for size in sizes if size in plans), default=0)


def _cell(plan: Plan | None) -> str:
    return f"{plan.milliseconds:.2f}, {plan.pages}" + (" whole table" if plan.scans else "") if plan else ""


def _pages(plans: dict[int, Plan], size: int) -> int:
    return plans[size].pages if size in plans else 0
