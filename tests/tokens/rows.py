"""What is stored behind a token, read over a connection of the test's own: it sees only what has been committed."""

import base64
from typing import Any
from uuid import UUID

import jwt
from psycopg.rows import dict_row

from tests.processes import Live


def session_id(refresh_token: str) -> UUID:
    """The session that a refresh token names in its first bytes."""
    return UUID(bytes=base64.urlsafe_b64decode(refresh_token.removeprefix("insr_") + "=")[:16])


def session(live: Live, refresh_token: str) -> dict[str, Any]:
    """The whole row of the token's session."""
    with live.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute("SELECT * FROM tokens_session WHERE id = %s", [session_id(refresh_token)]).fetchone()
    assert row is not None
    return row


def age(live: Live, refresh_token: str, column: str, *, seconds: float) -> None:
    """Move one instant of the token's session into the past, as if that much time had gone by."""
    statement = f"UPDATE tokens_session SET {column} = {column} - make_interval(secs => %s) WHERE id = %s"
    with live.connect() as connection:
        assert connection.execute(statement, [seconds, session_id(refresh_token)]).rowcount == 1


def is_revoked(live: Live, refresh_token: str) -> bool:
    return session(live, refresh_token)["revoked_at"] is not None


def events(live: Live, refresh_token: str) -> list[tuple[Any, ...]]:
    """Kind and detail of every line of the audit trail about the token's session, oldest first."""
    with live.connect() as connection:
        statement = "SELECT kind, detail FROM accounts_event WHERE session_id = %s ORDER BY id"
        return connection.execute(statement, [session_id(refresh_token)]).fetchall()


def claims(access_token: str) -> dict[str, Any]:
    """What an access token says; its signature is not looked at."""
    decoded: dict[str, Any] = jwt.decode(access_token, options={"verify_signature": False})
    return decoded
