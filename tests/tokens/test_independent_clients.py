"""OAuth clients that other people wrote, against the running backend: they accept what it says, get what they ask."""

import time
from typing import Any

import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.accounts.github import fresh
from tests.people import CLI, HTTP, LOOPBACK, PORTAL, PORTAL_SECRET, Browser
from tests.processes import Live
from tests.tokens.independent import approve_device, install_node_clients, open_in_browser, run_node_client

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def ada(live: Live) -> Browser:
    return Browser(live, fresh("ada"))


@pytest.fixture
def approver(ada: Browser) -> str:
    """The access token of a sign-in of Ada's with every scope."""
    return ada.sign_in().access


@pytest.fixture
def metadata(live: Live) -> dict[str, Any]:
    return dict(HTTP.get(f"{live.backend_url}/.well-known/oauth-authorization-server").json())


# npm


def test_oauth4webapi_completes_every_flow_and_validates_what_it_gets(ada: Browser, approver: str) -> None:
    install_node_clients()
    report = run_node_client("oauth4webapi.mjs", ada, approver)
    _assert_complete(report, ada)
    assert report["claims"]["aud"] == report["claims"]["iss"] == ada.live.backend_url
    assert report["claims"]["client_id"] == CLI
    assert report["polls"] == ["authorization_pending", "slow_down"]


def test_openid_client_completes_every_flow_and_calls_the_api(ada: Browser, approver: str) -> None:
    install_node_clients()
    report = run_node_client("openid-client.mjs", ada, approver)
    _assert_complete(report, ada)
    assert report["login"] == ada.login


def _assert_complete(report: dict[str, Any], person: Browser) -> None:
    """Code with PKCE, refresh, introspection, revocation and device flow gave what they should."""
    assert report["scopes"] == ["account:read bookings:read", "account:read bookings:read", "account:read"]
    assert report["rotated"] is True
    inspected = report["inspected"]
    assert (inspected["active"], inspected["client_id"], inspected["username"]) == (True, CLI, person.login)
    assert [answer["active"] for answer in report["afterRevocation"]] == [False, False]
    assert report["refreshAfterRevocation"] == "invalid_grant"
    assert (report["device"]["active"], report["device"]["scope"]) == (True, "account:read")


# Authlib


def test_authlib_finds_nothing_wrong_with_the_metadata(live: Live, metadata: dict[str, Any]) -> None:
    secure = {name: _as_https(value) for name, value in metadata.items()}
    AuthorizationServerMetadata(secure).validate()


def test_authlib_signs_a_terminal_in_with_pkce_refreshes_and_revokes(ada: Browser, metadata: dict[str, Any]) -> None:
    client = OAuth2Session(
        CLI,
        redirect_uri=LOOPBACK,
        scope="account:read",
        code_challenge_method="S256",
        token_endpoint_auth_method="none",
    )
    given = _sign_in(client, ada, metadata)
    assert _me(client, ada)["login"] == ada.login
    renewed = client.refresh_token(metadata["token_endpoint"], refresh_token=given["refresh_token"])
    assert renewed["refresh_token"] != given["refresh_token"]
    assert renewed["scope"] == "account:read"
    revoked = client.revoke_token(metadata["revocation_endpoint"], renewed["refresh_token"])
    assert revoked.status_code == 200
    with pytest.raises(OAuthError) as refused:
        client.refresh_token(metadata["token_endpoint"], refresh_token=renewed["refresh_token"])
    assert refused.value.error == "invalid_grant"


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_authlib_as_the_portal_signs_in_and_introspects(ada: Browser, metadata: dict[str, Any], method: str) -> None:
    client = OAuth2Session(
        PORTAL,
        PORTAL_SECRET,
        redirect_uri=f"{ada.live.portal_url}/auth/callback",
        code_challenge_method="S256",
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
    )
    given = _sign_in(client, ada, metadata)
    endpoint = metadata["introspection_endpoint"]
    described = client.introspect_token(endpoint, given["access_token"]).json()
    assert (described["active"], described["username"]) == (True, ada.login)
    client.revoke_token(metadata["revocation_endpoint"], given["access_token"])
    assert client.introspect_token(endpoint, given["access_token"]).json() == {"active": False}


def test_authlib_signs_a_device_in(ada: Browser, approver: str, metadata: dict[str, Any]) -> None:
    begun = HTTP.post(
        metadata["device_authorization_endpoint"], data={"client_id": CLI, "scope": "account:read"}
    ).json()
    client = OAuth2Session(CLI, token_endpoint_auth_method="none")
    ask = {"grant_type": DEVICE_CODE, "device_code": begun["device_code"]}
    with pytest.raises(OAuthError) as refused:
        client.fetch_token(metadata["token_endpoint"], **ask)
    assert refused.value.error == "authorization_pending"
    approve_device(ada, approver, begun["user_code"])
    assert client.fetch_token(metadata["token_endpoint"], **ask)["scope"] == "account:read"
    assert _me(client, ada)["login"] == ada.login


def test_joserfc_verifies_access_tokens_with_the_published_keys(approver: str, metadata: dict[str, Any]) -> None:
    keys = KeySet.import_key_set(HTTP.get(metadata["jwks_uri"]).json())
    token = jwt.decode(approver, keys, algorithms=["ES256"])
    issuer = metadata["issuer"]
    registry = jwt.JWTClaimsRegistry(
        now=int(time.time()),
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": issuer},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        jti={"essential": True},
        client_id={"essential": True, "value": CLI},
    )
    registry.validate(token.claims)
    assert token.header["typ"] == "at+jwt"
    assert token.claims["exp"] - token.claims["iat"] == 180


def _sign_in(client: OAuth2Session, person: Browser, metadata: dict[str, Any]) -> dict[str, Any]:
    verifier = "authlib-" + "v" * 48
    url, state = client.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier)
    answer = open_in_browser(person, url)
    return dict(
        client.fetch_token(
            metadata["token_endpoint"], authorization_response=answer, state=state, code_verifier=verifier
        )
    )


def _me(client: OAuth2Session, person: Browser) -> dict[str, Any]:
    return dict(client.get(f"{person.live.backend_url}/api/v1/me").json())


def _as_https(value: Any) -> Any:
    return value.replace("http://", "https://", 1) if isinstance(value, str) else value
