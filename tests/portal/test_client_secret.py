import string
from urllib.parse import urlencode

import httpx
import pytest
from django.test import Client as Http
from pytest_django import Settings

from portal import client
from tests.portal.fake_backend import FakeBackend
from tokens.services.clients import registry

PRINTABLE = string.digits + string.ascii_letters + string.punctuation + " "


@pytest.mark.django_db
def test_every_printable_character_may_stand_in_the_portals_secret(
    settings: Settings, request: pytest.FixtureRequest
) -> None:
    """RFC 6749 section 2.3.1: in Basic authentication id and secret are form-encoded, and the backend decodes them."""
    settings.PORTAL_CLIENT_SECRETS = [PRINTABLE]
    request.addfinalizer(registry.cache_clear)
    registry.cache_clear()
    assert status_of({}, {"Authorization": client._basic()}) == 200
    assert status_of({"client_secret": PRINTABLE}, {}) == 200
    assert status_of({"client_secret": PRINTABLE[1:]}, {}) == 401


def test_beside_a_persons_token_the_portal_proves_itself_and_names_the_browser(
    ada: httpx.Client, backend: FakeBackend
) -> None:
    """Limits on what people guess count the browser's address, not the portal's."""
    ada.get("/device", params={"user_code": "ZZZZ-ZZZZ"})
    (asked,) = backend.made("GET", "/api/v1/pages/device/ZZZZ-ZZZZ")
    assert asked.headers["authorization"].startswith("Bearer ")
    assert asked.headers["client-authorization"] == client._basic()
    assert asked.headers["x-forwarded-for"] == "127.0.0.1"


def status_of(form: dict[str, str], headers: dict[str, str]) -> int:
    """What the backend says to a client that authenticates so."""
    body = urlencode({"client_id": "insighta-portal", "token": "x"} | form)
    kind = "application/x-www-form-urlencoded"
    return Http().post("/oauth/introspect", body, content_type=kind, headers=headers).status_code
