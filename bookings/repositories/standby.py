"""Reads from a standby of the database, where `DATABASE_REPLICA_URL` names one."""

import logging
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import Error, connections

STANDBY = "standby"
PAUSE = timedelta(seconds=10)
"""For so long a standby that has failed is not asked: an attempt to connect to a lost machine takes two seconds."""

Result = TypeVar("Result")
_is_asked: ContextVar[bool] = ContextVar("is_standby_asked", default=False)
_failed_at: datetime | None = None
_log = logging.getLogger(__name__)


class StandbyRouter:
    """Django's database router: only what `read` runs is read from the standby."""

    def db_for_read(self, model: object, **hints: Any) -> str | None:
        return STANDBY if _is_asked.get() else None

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if db == STANDBY else None


def read(ask: Callable[[], Result], *, now: datetime) -> Result:
    """What `ask` finds on the standby; on the primary where there is no standby, or it fails.

    It fails as well where its schema or its rows are older than the query needs: the primary's answer counts.
    """
    global _failed_at
    is_left_out = _failed_at is not None and now < _failed_at + PAUSE
    if STANDBY not in connections.databases or is_left_out:
        return ask()
    token = _is_asked.set(True)
    try:
        return ask()
    except Error as error:
        _failed_at = now
        _log.warning("the standby does not answer: %s", str(error).strip().partition("\n")[0])
        _give_up_connections()
    finally:
        _is_asked.reset(token)
    return ask()


def _give_up_connections() -> None:
    """After a restart of the standby every connection in the pool is broken."""
    connection: Any = connections[STANDBY]
    connection.close()
    # Another thread may have closed it at the same moment.
    with suppress(KeyError):
        connection.close_pool()
