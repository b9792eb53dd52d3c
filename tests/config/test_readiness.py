"""`/readyz`: for each dependency that is missing, 503 and its name, without what an attacker could use."""

import socket
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from config.http import health
from config.settings import backend
from tests.processes import free_port
from tokens.services import signing_keys

# Accepts connections, by way of the system, and never answers.
SILENT = socket.create_server(("127.0.0.1", 0))

Break = Callable[[pytest.MonkeyPatch, Any], None]


@pytest.fixture
def ready(db: None) -> None:
    """A process that has everything; the test takes one thing away."""
    signing_keys.ensure_signing_key(now=timezone.now())
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "missing": []})


def _with_database_at(port: int) -> Break:
    """As new connections see it; the one that the test has open already goes on."""

    def move(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
        monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
        monkeypatch.setitem(connection.settings_dict, "PORT", port)

    return move


def _without_a_migration(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'bookings' AND name > '0003'")


def _without_key(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tokens_signingkey RENAME TO tokens_lost")
    signing_keys.forget_keys()


def _without_redis(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    options = {"socket_connect_timeout": 2, "socket_timeout": 2}
    redis = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "OPTIONS": options}
    settings.CACHES = {"default": {**redis, "LOCATION": f"redis://:secret@127.0.0.1:{free_port()}/0"}}
    settings.READINESS = {**settings.READINESS, "redis": "config.http.health.has_shared_cache"}


@pytest.mark.parametrize(
    ("take_away", "missing"),
    [
        (_with_database_at(free_port()), ["database", "migrations", "signing key"]),
        (_with_database_at(SILENT.getsockname()[1]), ["database", "migrations", "signing key"]),
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
