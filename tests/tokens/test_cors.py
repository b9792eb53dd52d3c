"""Scripts of registered origins may call where tokens are headers; nobody else's may read an answer."""

from typing import Any

import pytest
from django.test import Client as Http

from tests.tokens.applications import register
from tests.tokens.in_process import make_person, now, sign_in
from tokens.services import applications

APP = "https://app.example"
CALLED = ["/oauth/token", "/oauth/userinfo", "/oauth/revoke", "/api/v1/me", "/api/v1/sessions", "/api/v1/nothing"]


@pytest.fixture(autouse=True)
def _application(db: None) -> None:
    register("spa", is_public=True, origins=(APP,), redirect_uris=(f"{APP}/",))


def preflight(http: Http, path: str, origin: str = APP) -> Any:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    return http.options(path, headers=asked)


@pytest.mark.parametrize("path", CALLED)
def test_a_registered_origin_may_call_and_read_errors(client: Http, path: str) -> None:
    asked = preflight(client, path)
    assert (asked.status_code, asked["Access-Control-Allow-Origin"]) == (204, APP)
    assert "Authorization" in asked["Access-Control-Allow-Headers"]
    for answered in (client.get(path, headers={"Origin": APP}), client.post(path, headers={"Origin": APP})):
        assert answered.status_code >= 400
        assert answered["Access-Control-Allow-Origin"] == APP
        assert "WWW-Authenticate" in answered["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in answered.headers
        assert "Origin" in answered["Vary"]


def test_a_page_reads_what_its_token_allows(client: Http) -> None:
    token = sign_in(make_person("ada"), client_id="spa", scope="openid account:read").access_token
    for path in ("/api/v1/me", "/oauth/userinfo"):
        answered = client.get(path, headers={"Origin": APP, "Authorization": f"Bearer {token}"})
        assert (answered.status_code, answered["Access-Control-Allow-Origin"]) == (200, APP)


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "https://app.example.evil.example", "http://app.example", f"{APP}:444", f"{APP}/",
     "https://APP.example", "*", "", "https://app.example\x00", "x" * 5000],
)  # fmt: skip
@pytest.mark.parametrize("path", CALLED[:4])
def test_no_other_origin_may(client: Http, path: str, origin: str) -> None:
    for answered in (preflight(client, path, origin), client.get(path, headers={"Origin": origin})):
        assert not [name for name in answered.headers if name.startswith("Access-Control-")]
        assert "Origin" in answered["Vary"]


def test_the_origins_of_confidential_and_disabled_applications_do_not_count(client: Http) -> None:
    register("wiki", origins=("https://wiki.example",))
    assert "Access-Control-Allow-Origin" not in preflight(client, "/api/v1/me", "https://wiki.example").headers
    applications.set_disabled(client_id="spa", is_disabled=True, now=now())
    assert "Access-Control-Allow-Origin" not in preflight(client, "/api/v1/me").headers


@pytest.mark.parametrize("path", ["oauth-authorization-server", "openid-configuration", "jwks.json"])
def test_key_set_and_metadata_are_for_every_origin(client: Http, path: str) -> None:
    assert (
        client.get(f"/.well-known/{path}", headers={"Origin": "https://any.example"})["Access-Control-Allow-Origin"]
        == "*"
    )


@pytest.mark.parametrize("path", ["/oauth/authorize", "/oauth/logout", "/oauth/introspect", "/admin/", "/healthz", "/"])
def test_nowhere_else(client: Http, path: str) -> None:
    for answered in (preflight(client, path), client.get(path, headers={"Origin": APP})):
        assert "Access-Control-Allow-Origin" not in answered.headers


def test_same_origin_calls_cost_no_query(client: Http, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        client.get("/api/v1/me")
        client.get("/oauth/authorize", headers={"Origin": APP})
