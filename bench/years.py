"""What three years leave behind: people use the product for a month, and then everything becomes a month older."""

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, LiteralString

from psycopg import sql

from bench.database import Cluster
from bench.harness import Bench, Budget, Result, Table, scenario
from bench.product import Product
from bench.terminal import say
from tests.people import Browser, call, refresh

if TYPE_CHECKING:
    import psycopg

PEOPLE, HOST = 4, "bench-host"
REFRESHES, BOOKINGS = 5, 4
# Every periodic job that adds or removes rows, in an order in which they may follow each other.
JOBS = (
    "bookings.settle_subscriptions",
    "bookings.expand_availability",
    "bookings.order_reminders",
    "bookings.order_host_news",
    "bookings.remove_old_jobs",
    "bookings.purge_unbooked_slots",
    "tokens.tasks.rotate_signing_keys",
    "tokens.tasks.purge",
)
_PLAN = "INSERT INTO bookings_plan (id, name, credits, period_days) VALUES (uuidv7(), 'bench', 10, 30)"
_TIMES: LiteralString = """
SELECT table_name, array_agg(column_name::text ORDER BY column_name) FROM information_schema.columns
JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
      AND data_type IN ('timestamp with time zone', 'date') AND is_updatable = 'YES'
GROUP BY table_name
"""
# A month back in two steps: a slot that has moved must not collide with one that has not.
_STEPS = ("-'1000 years'::interval", "+'1000 years'::interval - '30 days'::interval")
_SIZES: LiteralString = """
SELECT relname, n_tup_ins, pg_total_relation_size(relid) FROM pg_stat_user_tables WHERE schemaname = 'public'
"""


@dataclass
class Kept:
    """One table: rows that were ever written, rows that are left after each year, and bytes a row with its indexes."""

    written: int = 0
    left: list[int] = field(default_factory=list)
    bytes_a_row: float = 0


@scenario("years", item=11, title="What three years leave behind", budget=Budget(600, 90), by_name_only=True)
def measure_years(run: Bench) -> Result:
    years, months = run.pick(full=(3, 12), quick=(2, 2))
    tables: dict[str, Kept] = {}
    settings = {"EMAIL_URL": "dummymail://", "DATABASE_POOL_MAX": "4"}
    with Cluster({"fsync": "off"}) as cluster, Product(cluster, database="years", **settings) as product:
        product.start_stand_in()
        product.manage("collectstatic", "--noinput", "-v0")
        logins = [f"bench-{number}" for number in range(PEOPLE)]
        host_id = _open_practice(product, logins)
        for _ in range(years):
            for _ in range(months):
                for login in logins:
                    _use(product, login, host_id=host_id)
                _age(product)
                _work(product)
            _count(product, tables)
            say(f"    {sum(kept.left[-1] for kept in tables.values()):,} rows")
        product.manage("audit")
    return _report(tables, months=years * months, years=years)


def _open_practice(product: Product, logins: list[str]) -> str:
    """A host with forty hours a week, and people with a plan that renews itself; the host's id."""
    for login in [HOST, *logins]:
        _sign_in(product, login)
    product.manage("make_host", HOST)
    with product.connect() as connection:
        connection.execute(_PLAN)
    for login in logins:
        product.manage("grant_credits", login, "--plan", "bench")
    access = _sign_in(product, HOST)
    hours = {"kind": "weekly", "start_time": "09:00", "end_time": "17:00", "title": "Office hour", "slot_minutes": 60}
    for weekday in range(1, 6):
        _send(product, "POST", "/availability-rules", access, hours | {"weekday": weekday})
    return str(_send(product, "GET", "/me", access)["id"])


def _sign_in(product: Product, login: str) -> str:
    """A new sign-in in the command line that is refreshed a few times; its access token."""
    tokens = Browser(product, login).sign_in()  # type: ignore[arg-type]  # has the same three addresses
    given, access = tokens.refresh, tokens.access
    for _ in range(REFRESHES):
        answer = refresh(product, given).raise_for_status().json()  # type: ignore[arg-type]  # has the same address
        given, access = answer["refresh_token"], answer["access_token"]
    return str(access)


def _use(product: Product, login: str, *, host_id: str) -> None:
    """A month of one person: a sign-in, sessions booked, cancelled and waited for, a token made and revoked."""
    access = _sign_in(product, login)
    slots = _send(product, "GET", f"/slots?open=true&host={host_id}", access)["results"]
    free = [slot["id"] for slot in slots if slot["seats_left"]][-BOOKINGS:]
    booked = [_send(product, "POST", "/bookings", access, {"slot_id": slot_id}) for slot_id in free]
    _send(product, "POST", f"/bookings/{booked[0]['id']}/cancel", access, {})
    token = _send(product, "POST", "/personal-access-tokens", access, {"name": "job", "scopes": ["bookings:read"]})
    _send(product, "DELETE", f"/personal-access-tokens/{token['id']}", access)


def _send(product: Product, method: str, path: str, access: str, body: Any = None) -> Any:
    answer = call(product, path, access, method, json=body)  # type: ignore[arg-type]  # has the same address
    if answer.is_error:
        raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
    return answer.json() if answer.content else None


def _work(product: Product) -> None:
    """What the worker does in a month: its periodic jobs, and whatever is in the queue."""
    for job in JOBS:
        product.manage("procrastinate", "defer", job, json.dumps({"timestamp": 0}))
    product.manage("procrastinate", "worker", "--one-shot")


def _age(product: Product) -> None:
    """Everything becomes thirty days older."""
    with product.connect() as connection, connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        found: list[Any] = connection.execute(_TIMES).fetchall()
        for table, columns in found:
            for step in _STEPS:
                _shift(connection, table, columns, step)


def _shift(connection: "psycopg.Connection[Any]", table: str, columns: list[str], step: LiteralString) -> None:
    names = [sql.Identifier(column) for column in columns]
    changes = [sql.SQL("{0} = {0} ").format(name) + sql.SQL(step) for name in names]
    connection.execute(sql.SQL("UPDATE {} SET ").format(sql.Identifier(table)) + sql.SQL(", ").join(changes))


def _count(product: Product, tables: dict[str, Kept]) -> None:
    with product.connect() as connection:
        connection.execute("VACUUM FULL")
        for name, written, size in connection.execute(_SIZES).fetchall():
            row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(str(name)))).fetchone()
            left = int(str(row[0])) if row else 0
            kept = tables.setdefault(str(name), Kept())
            kept.written = int(str(written))
            kept.left.append(left)
            kept.bytes_a_row = int(str(size)) / left if left else 0


def _report(tables: dict[str, Kept], *, months: int, years: int) -> Result:
    columns = ["table", "rows written", *(f"left after year {year + 1}" for year in range(years)), "bytes a row"]
    chosen = sorted((name, kept) for name, kept in tables.items() if kept.written >= months)
    rows = [
        [name, f"{kept.written:,}", *(f"{left:,}" for left in kept.left), f"{kept.bytes_a_row:,.0f}"]
        for name, kept in chosen
    ]
    people = f"{PEOPLE} people, a host with forty hours a week, {months} months"
    notes = [
        f"Each month each person signs in, refreshes {REFRESHES} times, books {BOOKINGS} sessions and cancels one.",
        "Each makes and revokes a personal access token. Every periodic job runs once.",
        "Bytes are the table's with its indexes, packed, divided by its rows.",
    ]
    return Result(tables=[Table(f"Rows after {people}", columns, rows)], notes=notes)
