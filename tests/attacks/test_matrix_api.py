"""Every endpoint of the backend for everybody: the table is complete, and it is what is answered."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.urls import get_resolver

from tests.attacks.matrix import API, APPLICATIONS, COLUMNS, Row
from tests.attacks.world import World, ask, build, read_body, rolled_back
from tests.tokens.ci import known_repositories
from tests.tokens.test_scopes import METHODS, routes

pytestmark = pytest.mark.django_db

# The admin's own addresses behind `/admin/`: tests/attacks/test_admin.py goes through them.
ADMIN = re.compile(r"admin/(?!$|login/)")
FUNCTIONS = {
    "": "GET", "healthz": "GET", "readyz": "GET", "metrics": "GET", "api/v1/docs": "GET", "^api/": "GET",
    "auth/complete/github/": "GET", ".well-known/oauth-authorization-server": "GET", ".well-known/jwks.json": "GET",
    "oauth/authorize": "GET POST", "oauth/token": "POST", "oauth/device_authorization": "POST", "oauth/revoke": "POST",
    "oauth/introspect": "POST", "oauth/logout": "GET POST", ".well-known/openid-configuration": "GET",
    "admin/": "GET", "admin/login/": "GET POST", "admin/login/github/": "GET",
    "admin/login/github/return/": "GET", "api/v1/calendar/<str:secret>.ics": "GET",
    "mails/stop/<str:kind>/<str:secret>": "GET POST",
}  # fmt: skip


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock(), rolled_back(), known_repositories():
        yield build()


def served() -> set[str]:
    """Method and pattern of everything that the backend answers; parameters are `{}`."""
    found = set()
    for path, pattern in routes(get_resolver().url_patterns):
        view = getattr(pattern.callback, "view_class", None)
        if ADMIN.match(path):
            continue
        methods = [name for name in METHODS if hasattr(view, name)] if view and path else FUNCTIONS[path].split()
        found |= {f"{method.upper()} {_shape(path)}" for method in methods}
    return found


def _shape(path: str) -> str:
    return "/" + re.sub(r"<[^>]+>|\{\w+\}", "{}", path.partition("?")[0].lstrip("/").replace("^api/", "api/v1/nothing"))


def test_every_endpoint_has_a_row_and_every_row_an_endpoint() -> None:
    listed = {f"{row.method} {_shape(row.path)}" for row in API}
    assert served() - listed == set(), "who gets what there? Say it in tests/attacks/matrix.py."
    assert listed - served() == set(), "these rows are about nothing that there is"


@pytest.mark.parametrize("row", API, ids=str)
def test_everybody_gets_what_the_table_says(world: World, row: Row) -> None:
    columns = COLUMNS + APPLICATIONS
    answers = {column: ask(world, row, column) for column in columns}
    assert answers == dict(zip(columns, row.expected, strict=True))


@pytest.mark.parametrize("row", [row for row in API if row.expected[1] == "404"], ids=str)
def test_somebody_elses_thing_and_nothing_at_all_are_answered_alike(world: World, row: Row) -> None:
    nothing = Row(row.method, re.sub(r"\{\w+\}", str(uuid4()), row.path), row.expected, row.body)
    assert read_body(world, row, "other") == read_body(world, nothing, "other")
