"""`/readyz`: for each dependency that is missing, 503 and its name, without what an attacker could use."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from django.utils import timezone

from config import health
from config.settings import backend
from tests.processes import free_port
from tokens.services import signing_keys

Break = Callable[[pytest.MonkeyPatch, Any], None]


@pytest.fixture
def ready(db: None) -> None:
    """A process that has everything; the test takes one thing away."""
    signing_keys.ensure_signing_key(now=timezone.now())
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "missing": []})


def _without_database(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(BaseDatabaseWrapper, "ensure_connection", _refuse)
    signing_keys.forget_keys()


def _without_a_migration(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'bookings' AND name LIKE '0003%'")


def _without_key(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tokens_signingkey RENAME TO tokens_lost")
    signing_keys.forget_keys()


def _without_redis(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    options = {"socket_connect_timeout": 2, "socket_timeout": 2}
    redis = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "OPTIONS": options}
    settings.CACHES = {"default": {**redis, "LOCATION": f"redis://:secret@127.0.0.1:{free_port()}/0"}}
    settings.READINESS = {**settings.READINESS, "redis": "config.health.has_shared_cache"}


def _refuse(*_: object) -> None:
    raise OperationalError("connection refused")


@pytest.mark.parametrize(
    ("take_away", "missing"),
    [
        (_without_database, ["database", "migrations", "signing key"]),
        (_without_a_migration, ["migrations"]),
        (_without_key, ["signing key"]),
        (_without_redis, ["redis"]),
    ],
)
def test_what_is_missing_is_named(
    ready: None, monkeypatch: pytest.MonkeyPatch, settings: Any, take_away: Break, missing: list[str]
) -> None:
    take_away(monkeypatch, settings)
    answer = Client().get("/readyz")
    monkeypatch.undo()
    assert (answer.status_code, answer.json()) == (503, {"status": "missing", "missing": missing})


def test_redis_counts_where_it_is_configured_only() -> None:
    assert "redis" not in backend.READINESS
    assert health.has_shared_cache(now=timezone.now())
    cache.clear()


def test_healthz_asks_for_nothing() -> None:
    assert Client().get("/healthz").status_code == 200
