"""What fuzzing has found, each by itself."""

from typing import Any
from wsgiref.types import WSGIApplication

import pytest
from django.test import Client

from tests.fuzz.malformed import FORM, Request, send
from tests.fuzz.world import World

DAY = {"start_time": "09:00", "end_time": "10:00", "title": "Once"}


@pytest.fixture
def http() -> Client:
    return Client(enforce_csrf_checks=True)


def call(http: Client, world: World, method: str, path: str, body: Any = None, *, kind: str = "host") -> Any:
    headers = {"Authorization": f"Bearer {world.bearers[kind]}"}
    send_it = getattr(http, method)
    return send_it(f"/api/v1{path}", body, content_type="application/json", headers=headers)


@pytest.mark.parametrize("method", ["post", "delete", "patch", "put"])
def test_an_id_that_is_none_is_not_found_and_no_form_out_of_date(http: Client, world: World, method: str) -> None:
    answer = call(http, world, method, "/bookings/oops/cancel")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "1999-12-31", "2200-01-01"])
def test_days_at_the_ends_of_the_calendar_are_refused(http: Client, world: World, day: str) -> None:
    bodies = {
        "/hosts/me/cancel-day": ({"date": day}, "date"),
        "/availability-rules": ({"kind": "extra", "date": day} | DAY, "date"),
        "/slots": (
            {"title": "x", "capacity": 1, "starts_at": f"{day}T09:00:00Z", "ends_at": f"{day}T10:00:00Z"},
            "starts_at",
        ),
    }
    for path, (body, field) in bodies.items():
        answer = call(http, world, "post", path, body)
        assert (answer.status_code, answer.json()["code"]) == (400, "validation_error"), path
        assert field in answer.json()["errors"], path


@pytest.mark.parametrize("charset", ["hex", "rot13", "idna", "undefined", "zlib", "punycode"])
@pytest.mark.parametrize("path", ["/oauth/token", "/healthz", "/api/v1/me"])
def test_a_charset_that_no_text_can_be_in_is_like_an_unknown_one(
    application: WSGIApplication, charset: str, path: str
) -> None:
    def status(name: str) -> int:
        asked = Request("POST", path, (("client_id", b"x"),), (), content_type=f"{FORM}; charset={name}")
        return send(application, asked)[0]

    assert status(charset) == status("no-such-charset") < 500
