"""What clients read about the server before they speak to it: RFC 8414 metadata and the RFC 7517 key set."""

from typing import Any

import jwt
import pytest

from tests.accounts.github import fresh
from tests.people import HTTP, Browser
from tests.processes import Live


@pytest.fixture
def metadata(live: Live) -> dict[str, Any]:
    answer = HTTP.get(f"{live.backend_url}/.well-known/oauth-authorization-server")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    found: dict[str, Any] = answer.json()
    return found


def test_the_metadata_says_what_the_server_does(live: Live, metadata: dict[str, Any]) -> None:
    expected = {
        "issuer": live.backend_url,
        "authorization_endpoint": f"{live.backend_url}/oauth/authorize",
        "token_endpoint": f"{live.backend_url}/oauth/token",
        "revocation_endpoint": f"{live.backend_url}/oauth/revoke",
        "jwks_uri": f"{live.backend_url}/.well-known/jwks.json",
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "response_modes_supported": ["query"],
        "scopes_supported": ["account:read", "account:write", "bookings:read", "bookings:write"],
    }
    assert {name: metadata[name] for name in expected} == expected
    assert {"authorization_code", "refresh_token"} <= set(metadata["grant_types_supported"])
    assert "implicit" not in metadata["grant_types_supported"]
    assert "token" not in metadata["response_types_supported"]


def test_every_endpoint_it_names_is_there(metadata: dict[str, Any]) -> None:
    named = [str(value) for name, value in metadata.items() if name.endswith(("_endpoint", "_uri"))]
    assert len(named) >= 4
    for address in named:
        assert HTTP.get(address).status_code in {200, 400, 405}


def test_the_issuer_does_not_follow_the_host_header(live: Live) -> None:
    answer = HTTP.get(
        f"{live.backend_url}/.well-known/oauth-authorization-server", headers={"X-Forwarded-Host": "evil.example"}
    )
    assert answer.json()["issuer"] == live.backend_url
    assert "evil.example" not in answer.text


def test_the_key_set_holds_public_halves_only(live: Live) -> None:
    answer = HTTP.get(f"{live.backend_url}/.well-known/jwks.json")
    assert answer.status_code == 200
    keys = answer.json()["keys"]
    assert keys
    for key in keys:
        kind = (key["kty"], key.get("crv"), key["use"], key["alg"])
        halves = {("EC", "P-256", "sig", "ES256"): {"crv", "x", "y"}, ("RSA", None, "sig", "RS256"): {"n", "e"}}
        assert key.keys() == halves[kind] | {"kty", "kid", "use", "alg"}
    assert len({key["kid"] for key in keys}) == len(keys)


def test_whoever_has_the_key_set_can_verify_an_access_token(live: Live) -> None:
    tokens = Browser(live, fresh("ada")).sign_in()
    keys = jwt.PyJWKClient(f"{live.backend_url}/.well-known/jwks.json")
    key = keys.get_signing_key_from_jwt(tokens.access)
    verified = jwt.decode(tokens.access, key, ["ES256"], audience=live.backend_url, issuer=live.backend_url)
    assert verified["client_id"] == "insighta-cli"


@pytest.mark.parametrize("path", ["oauth-authorization-server", "jwks.json"])
def test_both_may_be_cached_for_a_short_while_and_only_read(live: Live, path: str) -> None:
    url = f"{live.backend_url}/.well-known/{path}"
    assert "public" in HTTP.get(url).headers["cache-control"]
    assert HTTP.head(url).status_code == 200
    assert HTTP.post(url).status_code in {403, 405}
