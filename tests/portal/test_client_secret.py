import string
from urllib.parse import urlencode

import pytest
from django.test import Client as Http
from pytest_django import Settings

from portal import client
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


def status_of(form: dict[str, str], headers: dict[str, str]) -> int:
    """What the backend says to a client that authenticates so."""
    body = urlencode({"client_id": "insighta-portal", "token": "x"} | form)
    kind = "application/x-www-form-urlencoded"
    return Http().post("/oauth/introspect", body, content_type=kind, headers=headers).status_code
