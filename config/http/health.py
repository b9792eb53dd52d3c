import logging
import queue
import threading
from datetime import datetime
from typing import Any

import psycopg
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.utils.module_loading import import_string

_DATABASE, _STORED_IN_DATABASE = "database", frozenset({"migrations", "signing key"})
# Load balancers give up on a probe after about two seconds.
DATABASE_SECONDS = 1.5

_log = logging.getLogger(__name__)


def healthz(request: HttpRequest) -> JsonResponse:
    """Liveness: 200 as long as the process answers."""
    return JsonResponse({"status": "alive"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Readiness: 200, or within two seconds 503 with the names of the missing dependencies of `READINESS`."""
    missing = _find_missing(timezone.now())
    return JsonResponse(
        {"status": "missing" if missing else "ready", "missing": missing}, status=503 if missing else 200
    )


def has_database(*, now: datetime) -> bool:
    """Whether a new connection answers in time.

    It bypasses the pool, whose connections may all be in use or broken. It runs in a thread because no time-out of the
    driver covers name resolution or a proxy that accepts and never answers.
    """
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
    parameters = {**connection.get_connection_params(), "connect_timeout": max(1, round(DATABASE_SECONDS))}
    threading.Thread(target=lambda: answers.put(_can_select(parameters)), daemon=True).start()
    try:
        return answers.get(timeout=DATABASE_SECONDS)
    except queue.Empty:
        return False


def has_shared_cache(*, now: datetime) -> bool:
    cache.set(f"ready:{now.isoformat()}", "yes", timeout=10)
    return bool(cache.get(f"ready:{now.isoformat()}") == "yes")


def is_migrated(*, now: datetime) -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _can_select(parameters: dict[str, Any]) -> bool:
    try:
        with psycopg.connect(**parameters, autocommit=True) as own:
            return own.execute("SELECT 1").fetchone() is not None
    except psycopg.Error:
        return False


def _find_missing(now: datetime) -> list[str]:
    """What is stored in a missing database counts as missing without another time-out."""
    missing: list[str] = []
    for name, path in settings.READINESS.items():
        is_lost_with_database = _DATABASE in missing and name in _STORED_IN_DATABASE
        if is_lost_with_database or not _is_ready(path, now):
            missing.append(name)
    return missing


def _is_ready(path: str, now: datetime) -> bool:
    try:
        return bool(import_string(path)(now=now))
    except Exception as error:  # noqa: BLE001  # any failure of a dependency means "not ready"
        _log.warning("not ready: %s: %s", path, type(error).__name__)
        return False
