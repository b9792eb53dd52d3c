"""Settings are read when a process starts, so each case is a process of its own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT

LONG = "k9" * 16
DEPLOYED = {
    "SECRET_KEY": f"{LONG}a",
    "TOKEN_KEY": f"{LONG}b",
    "PORTAL_CLIENT_SECRET": f"{LONG}c",
    "PORTAL_RETRY_KEY": f"{LONG}d",
    "GITHUB_CLIENT_ID": "an-app",
    "GITHUB_CLIENT_SECRET": "its-secret",
    "BACKEND_URL": "https://api.example.test",
    "PORTAL_URL": "https://portal.example.test",
    "DATABASE_URL": "postgresql://insighta@db.example.test/insighta",
}
SHOW = """
import importlib, sys
from django.core.exceptions import ImproperlyConfigured
try:
    settings = importlib.import_module(f"config.settings.{sys.argv[1]}")
except ImproperlyConfigured as error:
    sys.exit(str(error))
for name in sys.argv[2:]:
    print(getattr(settings, name))
"""


def load(room: str, environment: dict[str, str], *names: str) -> "subprocess.CompletedProcess[str]":
    """Import one settings module in a process with nothing else in its environment; print the named settings."""
    command = [sys.executable, "-c", SHOW, room, *names]
    variables = {"READ_DOT_ENV": "false", **environment}
    return subprocess.run(command, env=variables, cwd=ROOT, capture_output=True, text=True, timeout=30)


def without(name: str) -> dict[str, str]:
    return {variable: value for variable, value in DEPLOYED.items() if variable != name}


@pytest.mark.parametrize("room", ["backend", "portal"])
def test_a_complete_environment_starts_with_browser_security_on(room: str) -> None:
    done = load(room, DEPLOYED, "DEBUG", "CSRF_COOKIE_SECURE", "ALLOWED_HOSTS")
    assert done.returncode == 0, done.stderr
    debug, secure, hosts = done.stdout.splitlines()
    assert (debug, secure) == ("False", "True")
    assert hosts in {"['api.example.test']", "['portal.example.test']"}


@pytest.mark.parametrize(
    ("room", "name"),
    [
        ("backend", "SECRET_KEY"),
        ("backend", "TOKEN_KEY"),
        ("backend", "PORTAL_CLIENT_SECRET"),
        ("backend", "GITHUB_CLIENT_ID"),
        ("backend", "GITHUB_CLIENT_SECRET"),
        ("portal", "SECRET_KEY"),
        ("portal", "PORTAL_CLIENT_SECRET"),
        ("portal", "PORTAL_RETRY_KEY"),
    ],
)
def test_a_missing_secret_is_named(room: str, name: str) -> None:
    done = load(room, without(name))
    assert done.returncode == 1
    assert done.stderr.startswith(f"{name} is not set.")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "hunter2"),
        ("SECRET_KEY", "development-only-secret-key-do-not-deploy"),
        ("TOKEN_KEY", "development-only-token-key-do-not-deploy"),
        ("TOKEN_KEY", f"{LONG},x9"),
        ("PORTAL_CLIENT_SECRET", "development-only-portal-client-secret-do-not-deploy"),
    ],
)
def test_a_weak_or_default_secret_is_named_and_not_shown(name: str, value: str) -> None:
    done = load("backend", {**DEPLOYED, name: value})
    assert done.returncode == 1
    assert done.stderr.startswith(f"{name} is a development default or shorter than 32 characters.")
    assert value not in done.stderr


def test_secrets_may_be_several_and_the_first_is_used() -> None:
    both = {"SECRET_KEY": f"{LONG}1, {LONG}2", "TOKEN_KEY": f"{LONG}3,{LONG}4"}
    done = load("backend", DEPLOYED | both, "SECRET_KEY", "SECRET_KEY_FALLBACKS", "TOKEN_KEYS")
    assert done.stdout.splitlines() == [f"{LONG}1", f"['{LONG}2']", f"['{LONG}3', '{LONG}4']"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REGISTRATION", "closed"),
        ("PORTAL_HANDOFF", "cookie"),
        ("BACKEND_URL", "api.example.test"),
        ("PORTAL_URL", "https://portal.example.test/path"),
        ("ACCESS_TOKEN_SECONDS", "three"),
        ("REFRESH_TOKEN_DAYS", "a month"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(name: str, value: str) -> None:
    done = load("backend", {**DEPLOYED, name: value})
    assert done.returncode == 1
    assert name in done.stderr.splitlines()[0]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("environment", "stand_in", "url"),
    [
        ({"DEBUG": "true"}, "True", "http://127.0.0.1:8002"),
        ({"DEBUG": "true", "GITHUB_PORT": "9002"}, "True", "http://127.0.0.1:9002"),
        ({**DEPLOYED, "DEBUG": "true"}, "False", "https://github.com"),
        (DEPLOYED, "False", "https://github.com"),
        ({**DEPLOYED, "GITHUB_URL": "https://git.example.test"}, "False", "https://git.example.test"),
    ],
)
def test_the_stand_in_is_used_only_in_development_without_an_app(
    environment: dict[str, str], stand_in: str, url: str
) -> None:
    done = load("backend", environment, "GITHUB_IS_STAND_IN", "GITHUB_URL")
    assert done.stdout.splitlines() == [stand_in, url]


def test_the_portal_has_no_database_even_where_one_is_set() -> None:
    assert load("portal", DEPLOYED, "DATABASES").stdout == "{}\n"


def test_the_example_lists_every_variable_with_its_default() -> None:
    sources = "".join(path.read_text() for path in Path(ROOT, "config/settings").glob("*.py"))
    read = set(re.findall(r"(?:env\.\w+|secret_list|origin)\(\s*\"([A-Z_]+)\"", sources))
    example = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", Path(ROOT, ".env.example").read_text(), re.MULTILINE))
    # READ_DOT_ENV cannot stand in the file that it is about.
    assert example.keys() - {"DATABASE_URL"} == read - {"READ_DOT_ENV"}

    names = [name for name in sorted(example) if name.endswith(("_SECONDS", "_PORT", "_URL", "_SCALE", "_CREDITS"))]
    known = [name for name in names if name not in {"DATABASE_URL", "EMAIL_URL", "BACKEND_TIMEOUT_SECONDS"}]
    values = {name: value for name, value in example.items() if value and name != "DATABASE_URL"}
    by_default = load("backend", {"DEBUG": "true"}, *known)
    by_example = load("backend", {**values, "DEBUG": "true"}, *known)
    assert by_default.stdout == by_example.stdout != ""
