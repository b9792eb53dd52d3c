"""`manage.py check --deploy`: a sound deployment is silent, and each mistake has its own id, sentence and fix."""

import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.core.checks import CheckMessage, run_checks
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.observability import checks
from tests.config.test_settings import DEPLOYED, LONG
from tests.processes import ROOT

SOUND = {
    **DEPLOYED,
    "SECRET_KEY": "kJ3vQ9xW2mZ7tR5nB8yL4pD6sF1hG0aCeUiOqXwErTyUiOp1x7Gd2",
    "PORTAL_RETRY_KEY": f"{LONG}d",
    "BEHIND_TLS_PROXY": "true",
    "REDIS_URL": "redis://cache.example.test",
    "EMAIL_URL": "smtp+tls://user:password@mail.example.test:587",
}


def check(room: str, **changes: str) -> "subprocess.CompletedProcess[str]":
    """`manage.py check --deploy` of one process type with this environment."""
    settings = {"READ_DOT_ENV": "false", "DJANGO_SETTINGS_MODULE": f"config.settings.{room}"}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING", "--tag", "security"]
    environment = {**SOUND, **settings, **changes, "PATH": os.defpath}
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("room", ["backend", "portal"])
def test_a_sound_deployment_is_silent(room: str) -> None:
    done = check(room)
    assert done.returncode == 0, done.stderr


def test_a_mistake_fails_the_command_with_its_id_and_fix() -> None:
    done = check("backend", PORTAL_URL="https://api.example.test:8443")
    assert done.returncode == 1
    assert "insighta.E001" in done.stderr
    assert "HINT: Give them different host names" in done.stderr


@pytest.fixture
def sound(settings: Any) -> Any:
    """Settings in which no check finds anything."""
    settings.BACKEND_URL, settings.PORTAL_URL = "https://api.example.test", "https://portal.example.test"
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a" * 40, []
    settings.TOKEN_KEYS, settings.PORTAL_CLIENT_SECRETS = ["b" * 40], ["c" * 40]
    settings.GITHUB_URL, settings.GITHUB_API_URL = "https://github.com", "https://api.github.com/"
    settings.ALLOWED_HOSTS = ["api.example.test"]
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://x"}}
    assert found() == []
    return settings


def found() -> list[CheckMessage]:
    """What this product's own checks say."""
    messages = run_checks(tags=["security"], include_deployment_checks=True)
    return [message for message in messages if str(message.id).startswith("insighta.")]


@pytest.mark.parametrize(
    ("changes", "id_", "names"),
    [
        ({"PORTAL_URL": "https://api.example.test"}, "insighta.E001", "api.example.test"),
        ({"PORTAL_URL": "http://portal.example.test"}, "insighta.E002", "PORTAL_URL"),
        ({"BACKEND_URL": "http://api.example.test"}, "insighta.E002", "BACKEND_URL"),
        ({"SESSION_COOKIE_NAME": "__Host-x", "SESSION_COOKIE_SECURE": False}, "insighta.E003", "__Host-x"),
        ({"CSRF_COOKIE_NAME": "__Secure-y", "CSRF_COOKIE_SECURE": False}, "insighta.E003", "__Secure-y"),
        ({"TOKEN_KEYS": ["b" * 40, "development-only-token-key-do-not-deploy"]}, "insighta.E004", "TOKEN_KEY"),
        ({"SECRET_KEY": "development-only-secret-key-do-not-deploy"}, "insighta.E004", "SECRET_KEY"),
        ({"TOKEN_KEYS": ["a" * 40]}, "insighta.E011", "SECRET_KEY"),
        ({"GITHUB_URL": "http://127.0.0.1:8002"}, "insighta.E005", "GITHUB_URL"),
        ({"GITHUB_API_URL": "http://localhost:8002/"}, "insighta.E005", "GITHUB_API_URL"),
        ({"GITHUB_API_URL": "http://[::1]:8002/"}, "insighta.E005", "GITHUB_API_URL"),
        (
            {"CACHES": {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}},
            "insighta.W006",
            "rate limit",
        ),
        ({"ALLOWED_HOSTS": ["*"]}, "insighta.E009", "*"),
        ({"ALLOWED_HOSTS": ["example.test"]}, "insighta.E009", "api.example.test"),
        ({"SECURE_PROXY_SSL_HEADER": None}, "insighta.W010", "https"),
        ({"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}, "insighta.W012", "printed"),
    ],
)
def test_each_mistake_is_found(sound: Any, changes: dict[str, object], id_: str, names: str) -> None:
    for name, value in changes.items():
        setattr(sound, name, value)
    (message,) = found()
    assert message.id == id_
    assert names in message.msg
    assert message.hint


def test_no_message_holds_a_secret(sound: Any) -> None:
    sound.TOKEN_KEYS = ["a" * 40, "development-only-token-key-do-not-deploy"]
    text = " ".join(f"{message.msg} {message.hint}" for message in found())
    assert "a" * 40 not in text
    assert "do-not-deploy" not in text


def pooler_ids() -> list[str | None]:
    return [message.id for message in checks.check_pooler("default")]


@pytest.mark.parametrize(
    ("cursors_off", "pool", "ids"),
    [(True, False, []), (False, False, ["insighta.E007"]), (True, {"min_size": 1}, ["insighta.E013"])],
)
def test_a_pooler_is_noticed_and_what_it_does_not_bear(
    db: None, monkeypatch: pytest.MonkeyPatch, cursors_off: bool, pool: object, ids: list[str]
) -> None:
    """Like pgbouncer, the connection announces a process that is not the server's."""
    monkeypatch.setattr(psycopg.ConnectionInfo, "backend_pid", 4_000_000)
    monkeypatch.setitem(connections["default"].settings_dict, "DISABLE_SERVER_SIDE_CURSORS", cursors_off)
    monkeypatch.setitem(connections["default"].settings_dict["OPTIONS"], "pool", pool)
    assert checks.is_behind_pooler("default")
    assert pooler_ids() == ids


def test_without_a_pooler_a_pool_and_cursors_are_fine(db: None) -> None:
    assert not checks.is_behind_pooler("default")
    assert pooler_ids() == []


@pytest.mark.parametrize(("seconds", "ids"), [(0, []), (7, ["insighta.E008"]), (-7, ["insighta.E008"])])
def test_clocks_that_differ_are_noticed(
    db: None, monkeypatch: pytest.MonkeyPatch, seconds: int, ids: list[str]
) -> None:
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + timedelta(seconds=seconds))
    with CaptureQueriesContext(connections["default"]) as queries:
        messages = list(checks.check_clock("default"))
    assert [message.id for message in messages] == ids
    assert all("7 s" in message.msg for message in messages)
    assert "clock_timestamp" in queries[-1]["sql"]
