"""`manage.py check --deploy`: a sound deployment is silent, and each mistake has its own id, sentence and fix."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config import checks
from tests.config.poolers import pooler
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
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60)


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


@pytest.fixture
def pooled(transactional_db: None) -> Iterator[dict[str, Any]]:
    """A second way to the test's database, through a pooler; its settings may be changed."""
    direct = connections["default"].settings_dict
    with pooler(direct) as port:
        connections.settings["pooled"] = {
            **direct,
            "HOST": "127.0.0.1",
            "PORT": port,
            "OPTIONS": {"sslmode": "disable"},
        }
        yield connections.settings["pooled"]
        connections["pooled"].close()
        del connections["pooled"]
        del connections.settings["pooled"]


def pooler_ids(alias: str) -> list[str | None]:
    return [message.id for message in checks.check_pooler(None, databases=[alias])]


def test_a_pooler_is_noticed_and_what_it_does_not_bear(pooled: dict[str, Any], django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        pooled["DISABLE_SERVER_SIDE_CURSORS"] = True
        assert checks.is_behind_pooler("pooled")
        assert pooler_ids("pooled") == []
        pooled["DISABLE_SERVER_SIDE_CURSORS"] = False
        assert pooler_ids("pooled") == ["insighta.E007"]
        pooled["DISABLE_SERVER_SIDE_CURSORS"] = True
        pooled["OPTIONS"]["pool"] = {"min_size": 1}
        assert pooler_ids("pooled") == ["insighta.E013"]
        del pooled["OPTIONS"]["pool"]


def test_without_a_pooler_a_pool_and_cursors_are_fine(db: None) -> None:
    assert not checks.is_behind_pooler("default")
    assert pooler_ids("default") == []


@pytest.mark.parametrize(("seconds", "ids"), [(0, []), (7, ["insighta.E008"]), (-7, ["insighta.E008"])])
def test_clocks_that_differ_are_noticed(
    db: None, monkeypatch: pytest.MonkeyPatch, seconds: int, ids: list[str]
) -> None:
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + timedelta(seconds=seconds))
    with CaptureQueriesContext(connections["default"]) as queries:
        messages = checks.check_clock(None, databases=["default"])
    assert [message.id for message in messages] == ids
    assert all("7 s" in message.msg for message in messages)
    assert "clock_timestamp" in queries[-1]["sql"]
