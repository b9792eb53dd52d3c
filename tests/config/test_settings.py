"""Settings are read when a process starts, so each case imports them anew."""

import importlib
import os
import re
import sys
from types import ModuleType
from unittest.mock import patch

import pytest
from django.core.exceptions import ImproperlyConfigured

import config
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
MISSING = "{} is not set."
WEAK = "{} is a development default or shorter than 32 characters."


def load(room: str, environment: dict[str, str]) -> ModuleType:
    """One settings module as a process reads it that has nothing else in its environment."""
    variables = {"READ_DOT_ENV": "false", **environment}
    known = {name: module for name, module in sys.modules.items() if not name.startswith("config.settings")}
    with (
        patch.dict(os.environ, variables, clear=True),
        patch.dict(sys.modules, known, clear=True),
        patch.object(config, "settings"),
    ):
        return importlib.import_module(f"config.settings.{room}")


def shown(room: str, environment: dict[str, str], *names: str) -> list[str]:
    settings = load(room, environment)
    return [str(getattr(settings, name)) for name in names]


@pytest.mark.parametrize(("room", "host"), [("backend", "api.example.test"), ("portal", "portal.example.test")])
def test_a_complete_environment_starts_with_browser_security_on(room: str, host: str) -> None:
    values = shown(room, DEPLOYED, "DEBUG", "CSRF_COOKIE_SECURE", "ALLOWED_HOSTS")
    assert values == ["False", "True", f"['{host}']"]


@pytest.mark.parametrize(
    ("room", "name", "value", "sentence"),
    [
        ("backend", "SECRET_KEY", "", MISSING),
        ("backend", "TOKEN_KEY", "", MISSING),
        ("backend", "PORTAL_CLIENT_SECRET", "", MISSING),
        ("backend", "GITHUB_CLIENT_ID", "", MISSING),
        ("backend", "GITHUB_CLIENT_SECRET", "", MISSING),
        ("portal", "SECRET_KEY", "", MISSING),
        ("portal", "PORTAL_CLIENT_SECRET", "", MISSING),
        ("portal", "PORTAL_RETRY_KEY", "", MISSING),
        ("backend", "SECRET_KEY", "hunter2", WEAK),
        ("backend", "SECRET_KEY", "development-only-secret-key-do-not-deploy", WEAK),
        ("backend", "TOKEN_KEY", "development-only-token-key-do-not-deploy", WEAK),
        ("backend", "TOKEN_KEY", f"{LONG},x9", WEAK),
        ("backend", "PORTAL_CLIENT_SECRET", "development-only-portal-client-secret-do-not-deploy", WEAK),
        ("backend", "REGISTRATION", "closed", "{} must be"),
        ("backend", "PORTAL_HANDOFF", "cookie", "{} must be"),
        ("backend", "BACKEND_URL", "api.example.test", "{} must look like"),
        ("backend", "PORTAL_URL", "https://portal.example.test/path", "{} must look like"),
        *(
            ("backend", "CI_ISSUERS", value, "{} takes addresses")
            for value in ("http://ci.example.test", "x", "https://", "https://ci.example.test?x=1", "https://a,ftp://b")
        ),
        *(
            ("portal", "SUPPORT_URL", value, "{} must look like")
            for value in ("help", "javascript:alert(1)", "ftp://x.org")
        ),
        ("backend", "SUPPORT_EMAIL", "https://help.example.test", "{} must look like"),
        ("backend", "CI_ISSUERS", "https://api.example.test", "{} must not name BACKEND_URL"),
        ("backend", "CI_ISSUERS", "https://a.example,https://api.example.test/", "{} must not name BACKEND_URL"),
        ("backend", "BACKCHANNEL_NETWORKS", "10.0.0.0/99", "{} takes addresses"),
        ("backend", "ACCESS_TOKEN_SECONDS", "three", "{} must be a number"),
        ("backend", "REFRESH_TOKEN_DAYS", "a month", "{} must be a number"),
    ],
)
def test_a_missing_or_wrong_value_is_one_sentence_that_names_it(
    room: str, name: str, value: str, sentence: str
) -> None:
    environment = {**DEPLOYED, name: value} if value else {k: v for k, v in DEPLOYED.items() if k != name}
    with pytest.raises(ImproperlyConfigured) as refused:
        load(room, environment)
    said = str(refused.value)
    assert said.startswith(sentence.format(name))
    assert "\n" not in said
    assert sentence != WEAK or value not in said


def test_secrets_may_be_several_and_the_first_is_used() -> None:
    both = {"SECRET_KEY": f"{LONG}1, {LONG}2", "TOKEN_KEY": f"{LONG}3,{LONG}4"}
    values = shown("backend", DEPLOYED | both, "SECRET_KEY", "SECRET_KEY_FALLBACKS", "TOKEN_KEYS")
    assert values == [f"{LONG}1", f"['{LONG}2']", f"['{LONG}3', '{LONG}4']"]


@pytest.mark.parametrize(
    ("environment", "values"),
    [
        ({"DEBUG": "true"}, ["True", "http://127.0.0.1:8002"]),
        ({"DEBUG": "true", "GITHUB_PORT": "9002"}, ["True", "http://127.0.0.1:9002"]),
        ({**DEPLOYED, "DEBUG": "true"}, ["False", "https://github.com"]),
        (DEPLOYED, ["False", "https://github.com"]),
        ({**DEPLOYED, "GITHUB_URL": "https://git.example.test"}, ["False", "https://git.example.test"]),
    ],
)
def test_the_stand_in_is_used_only_in_development_without_an_app(
    environment: dict[str, str], values: list[str]
) -> None:
    assert shown("backend", environment, "GITHUB_IS_STAND_IN", "GITHUB_URL") == values


def test_the_portal_has_no_database_even_where_one_is_set() -> None:
    assert shown("portal", DEPLOYED, "DATABASES") == ["{}"]


def test_the_example_lists_every_variable_with_its_default() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "config/settings").glob("*.py"))
    read = set(re.findall(r"(?:env\.\w+|secret_list|origin|networks|checked)\(\s*\"([A-Z_]+)\"", sources))
    example = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    # READ_DOT_ENV cannot stand in the file that it is about.
    assert example.keys() - {"DATABASE_URL"} == read - {"READ_DOT_ENV"}

    names = [name for name in sorted(example) if name.endswith(("_SECONDS", "_PORT", "_URL", "_SCALE", "_CREDITS"))]
    known = [name for name in names if name not in {"DATABASE_URL", "EMAIL_URL", "BACKEND_TIMEOUT_SECONDS"}]
    values = {name: value for name, value in example.items() if value and name != "DATABASE_URL"}
    by_default = shown("backend", {"DEBUG": "true"}, *known)
    assert by_default == shown("backend", {**values, "DEBUG": "true"}, *known) != []
