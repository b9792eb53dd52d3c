"""How long the statements of requests wait for what others hold; and a look at the database past the pool."""

import queue
import threading
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection


def limit_waits_for_locks() -> None:
    """Let PostgreSQL give up a statement of this server's that has waited `LOCK_WAIT_SECONDS` for a lock.

    Called before the first connection. It is no setting of the database's, because migrations, commands and jobs wait
    as they were told. Without a pool there is a pooler, which takes no options of a connection and sets the limit
    itself: deploy/pgbouncer.
    """
    options = settings.DATABASES.get("default", {}).get("OPTIONS", {})
    if options.get("pool"):
        limit = f"-c lock_timeout={int(settings.LOCK_WAIT_SECONDS * 1000)}"
        # What the operator wrote into DATABASE_URL comes last, so it wins.
        options["options"] = f"{limit} {options.get('options', '')}".strip()


def can_reach_database(*, seconds: float) -> bool:
    """Whether a connection of its own is answered in time.

    The pool's may all be at work, or dead without knowing it; and whatever is on the way, a pooler or a network that
    swallows everything, may hold up the question for longer than the caller has.
    """
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
    parameters = {**connection.get_connection_params(), "connect_timeout": max(1, round(seconds))}
    threading.Thread(target=lambda: answers.put(_is_answered(parameters)), daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        return False


def _is_answered(parameters: dict[str, Any]) -> bool:
    try:
        with psycopg.connect(**parameters, autocommit=True) as own:
            return own.execute("SELECT 1").fetchone() is not None
    except psycopg.Error:
        return False
