"""The product's rotation statement as pgbench runs it: the very text, with its parameters written as SQL."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from psycopg import sql

from accounts.policies import may_use_account
from bench.product import CLI, SCOPES, Product

_SOURCE = Path(__file__).resolve().parent.parent / "tokens" / "repositories" / "sessions.py"
_SESSION_ID = "('00000000-0000-7000-8000-' || lpad(({number})::text, 12, '0'))::uuid"
_HASH = "sha256(convert_to(({number})::text || '.' || ({generation})::text, 'UTF8'))"
# Far from what a client could have: each parameter of the statement, and what stands for it.
_PARAMETERS = {
    "session_id": _SESSION_ID.format(number=":session"),
    "client_id": f"'{CLI}'",
    "presented_hash": _HASH.format(number=":session", generation=":generation"),
    "new_hash": _HASH.format(number=":session", generation=":generation + 1"),
    "nonce": "sha256(convert_to((:step)::text, 'UTF8'))",
    "retry_key_hash": "sha256(convert_to((:step)::text, 'UTF8'))",
    "challenge": "''",
    "scope": "''",
    "address": "NULL",
    "expires_at": "now() + interval '30 days'",
    "now": "now()",
}

_ADD = sql.SQL("""
INSERT INTO tokens_session (id, user_id, client_id, label, scope, generation, current_hash, handoff_challenge,
                            expires_at, ends_at, revoked_because)
SELECT {id}, %s, %s, 'bench', %s, 0, {hash}, '', %s, %s, '' FROM generate_series(0, %s) AS n
    ON CONFLICT (id) DO UPDATE SET current_hash = excluded.current_hash, generation = 0
""")


def rotation_statement() -> str:
    """The statement as the repository holds it. Raises ValueError where it is not found."""
    found = re.search(r'^_ROTATE = f"""(.*?)"""', _SOURCE.read_text(), re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"{_SOURCE} has no _ROTATE")
    return found[1].strip().replace('{may_use_account("u")}', may_use_account("u"))


def rotation_script(*, sessions_each: int) -> str:
    """A pgbench script: each client rotates its `sessions_each` sessions in turn, over and over."""
    statement = rotation_statement()
    for name, value in _PARAMETERS.items():
        statement = statement.replace(f"%({name})s", value)
    return (
        f"\\set session :client_id * {sessions_each} + mod(:step, {sessions_each})\n"
        f"\\set generation :step / {sessions_each}\n"
        f"{' '.join(statement.split())};\n"
        "\\set step :step + 1\n"
    )


def add_sessions(backend: Product, *, clients: int, each: int) -> None:
    """The sessions that `rotation_script` rotates, at generation 0; those of an earlier run begin again."""
    now, first = datetime.now(UTC), _HASH.format(number="n", generation="0")
    with backend.connect() as connection:
        (person,) = backend.add_people(1)
        connection.execute(
            _ADD.format(id=sql.SQL(_SESSION_ID.format(number="n")), hash=sql.SQL(first)),
            [person, CLI, SCOPES, now + timedelta(days=30), now + timedelta(days=90), clients * each - 1],
        )
