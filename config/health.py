"""What a load balancer asks: is this process alive, and can it do its work."""

import logging
from datetime import datetime

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.utils.module_loading import import_string

from config.connections import can_reach_database

logger = logging.getLogger(__name__)

DATABASE, LIVE_IN_DATABASE = "database", frozenset({"migrations", "signing key"})
# A probe that waits longer has been given up by whoever sent it.
DATABASE_SECONDS = 1.5


def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers."""
    return JsonResponse({"status": "alive"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when everything in `READINESS` is there; else 503 and the names of what is missing, within two seconds."""
    missing = _find_missing(timezone.now())
    return JsonResponse(
        {"status": "missing" if missing else "ready", "missing": missing}, status=503 if missing else 200
    )


def has_database(*, now: datetime) -> bool:
    return can_reach_database(seconds=DATABASE_SECONDS)


def has_shared_cache(*, now: datetime) -> bool:
    cache.set(f"ready:{now.isoformat()}", "yes", timeout=10)
    return bool(cache.get(f"ready:{now.isoformat()}") == "yes")


def is_migrated(*, now: datetime) -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _find_missing(now: datetime) -> list[str]:
    """What lives in the database is not asked for where the database is missing: each would wait for it again."""
    missing: list[str] = []
    for name, path in settings.READINESS.items():
        is_lost_with_database = DATABASE in missing and name in LIVE_IN_DATABASE
        if is_lost_with_database or not _is_there(path, now):
            missing.append(name)
    return missing


def _is_there(path: str, now: datetime) -> bool:
    try:
        return bool(import_string(path)(now=now))
    except Exception as error:  # noqa: BLE001  # whatever is wrong with a dependency, the answer is "not ready"
        logger.warning("not ready: %s: %s", path, type(error).__name__)
        return False
