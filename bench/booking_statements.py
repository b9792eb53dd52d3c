"""The statements of one booking, as the product sent them, and pgbench sending the same for other people and slots."""

import re
import uuid
from collections.abc import Sequence
from functools import partial

import httpx

from bench.booking_world import BookingWorld, Client

_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
# How the server writes what is no id, and what is sent instead. A request that outlived its load may still change the
# balance of somebody: it is read where the booking has locked it.
_LEFT = "(SELECT credits_remaining - 1 FROM bookings_subscription WHERE id = ':subscription')"
_WRITTEN = {
    "starts_at": ("{}(:00)?", ":starts_at"),
    "ends_at": ("{}(:00)?", ":ends_at"),
    "balance": (r"\b{}::int", _LEFT),
}
_KEY = "bench-key-of-the-recorded-booking"
# Who books what, by number. A client of pgbench takes every n-th row.
_PAIRS = """
CREATE UNLOGGED TABLE bench_pairs AS
SELECT n, person, slot, s.host_id AS host, u.id AS subscription, t.id AS session, s.starts_at, s.ends_at
FROM unnest(%s::uuid[], %s::uuid[]) WITH ORDINALITY AS pair (person, slot, n)
JOIN bookings_slot s ON s.id = slot JOIN bookings_subscription u ON u.user_id = person
JOIN tokens_session t ON t.user_id = person
"""
_NEXT = r"""
\set n :n + :connections
SELECT person, slot, host, subscription, session, starts_at, ends_at, uuidv7() AS made1, uuidv7() AS made2,
       uuidv7() AS made3, uuidv7() AS made4, uuidv7() AS made5
FROM bench_pairs WHERE n = :client_id + 1 + :n \gset
"""


def record_booking(world: BookingWorld) -> list[str]:
    """Everything that one booking, over HTTP, sends to the database, with pgbench's variables for its ids."""
    slots = world.add_slots(3, capacity=1)
    # The first ones make the process load its keys and plans.
    for client, slot in zip(world.clients[:2], slots, strict=False):
        for _ in range(4):
            _book(world, client, slot)
    client, slot = world.clients[2], slots[2]
    statements = world.product.cluster.record_statements(partial(_book, world, client, slot))
    return _with_variables(statements, _known(world, client, slot))


def _book(world: BookingWorld, client: Client, slot: uuid.UUID) -> None:
    headers = {"Authorization": f"Bearer {client.token}", "Idempotency-Key": _KEY}
    url = f"{world.product.backend_url}/api/v1/bookings"
    httpx.post(url, json={"slot_id": str(slot)}, headers=headers).raise_for_status()


def _known(world: BookingWorld, client: Client, slot: uuid.UUID) -> dict[str, str]:
    with world.product.connect() as connection:
        row = connection.execute(
            "SELECT s.host_id, u.id, t.id, s.starts_at, s.ends_at, u.credits_remaining"
            " FROM bookings_slot s, bookings_subscription u, tokens_session t"
            " WHERE s.id = %s AND u.user_id = %s AND t.user_id = %s",
            [slot, client.user_id, client.user_id],
        ).fetchone()
    host, subscription, session, starts_at, ends_at, balance = row or ("", "", "", "", "", "")
    return {
        str(slot): "slot",
        str(client.user_id): "person",
        str(host): "host",
        str(subscription): "subscription",
        str(session): "session",
        # The server writes an instant without the minutes of its offset.
        str(starts_at).removesuffix(":00"): "starts_at",
        str(ends_at).removesuffix(":00"): "ends_at",
        str(balance): "balance",
    }


def _with_variables(statements: list[str], names: dict[str, str]) -> list[str]:
    """Ids that existed before have names; every other one was made by this booking."""

    def name(found: re.Match[str]) -> str:
        known = names.setdefault(
            str(uuid.UUID(found[0])), f"made{sum(n.startswith('made') for n in names.values()) + 1}"
        )
        return f":{known}"

    texts = [_UUID.sub(name, statement).replace(_KEY, "bench-:made1") for statement in statements]
    for value, known in names.items():
        if known in _WRITTEN:
            form, instead = _WRITTEN[known]
            texts = [re.sub(form.format(re.escape(value)), instead, text) for text in texts]
    return texts


def replay(world: BookingWorld, statements: Sequence[str], *, connections: int) -> float:
    """Bookings a second by pgbench, each of another person and slot. Raises RuntimeError where one fails."""
    slots = world.add_slots(len(world.clients), capacity=1)
    people = [client.user_id for client in world.clients]
    product = world.product
    with product.connect() as connection:
        connection.execute("DROP TABLE IF EXISTS bench_pairs")
        connection.execute(_PAIRS, [people, slots])
        connection.execute("CREATE UNIQUE INDEX ON bench_pairs (n)")
        connection.execute("ANALYZE bench_pairs")
    script = _NEXT + "".join(f"{statement};\n" for statement in statements)
    # Each client has its share of the people, and ends with them.
    return product.cluster.pgbench(
        product.database,
        script=script,
        clients=connections,
        transactions=len(people) // connections,
        variables={"n": -connections, "connections": connections},
        mode="simple",
    )
