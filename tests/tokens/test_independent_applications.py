"""Other people's OpenID Connect clients as registered applications: sign-in, refresh, sign-out."""

from typing import Any

import pytest
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.accounts.github import fresh
from tests.people import HTTP, Browser
from tests.processes import Live
from tests.tokens.applications import Application, register_live
from tests.tokens.independent import install_node_clients, open_in_browser, run_node_client

BYE = "https://wiki.example/callback"


def make(live: Live, *, is_public: bool, algorithm: str) -> Application:
    options = ["--post-logout-redirect-uri", BYE, "--id-token-alg", algorithm, *(["--public"] if is_public else [])]
    return register_live(live, *options)


@pytest.mark.parametrize(("is_public", "algorithm"), [(False, "RS256"), (True, "ES256")])
def test_openid_client_signs_in_refreshes_twice_at_once_and_signs_out(
    live: Live, is_public: bool, algorithm: str
) -> None:
    install_node_clients()
    application, ada = make(live, is_public=is_public, algorithm=algorithm), Browser(live, fresh("ada"))
    said = [application.client_id, application.secret or "", application.redirect_uri, algorithm]
    report = run_node_client("application.mjs", ada, "", *said)
    assert report["claims"]["aud"] == application.client_id
    assert report["info"]["preferred_username"] == ada.login
    assert report["same"] is True
    assert len(set(report["authTimes"])) == 1
    assert HTTP.get(report["signOut"]).headers["location"] == f"{BYE}?state=bye"
    assert application.refresh(report["refreshToken"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_authlib_signs_in_and_joserfc_verifies_the_id_token(live: Live, method: str) -> None:
    application, ada = make(live, is_public=method == "none", algorithm="RS256"), Browser(live, fresh("ada"))
    discovery: dict[str, Any] = HTTP.get(f"{live.backend_url}/.well-known/openid-configuration").json()
    client = OAuth2Session(
        application.client_id,
        application.secret,
        redirect_uri=application.redirect_uri,
        scope="openid email offline_access",
        code_challenge_method="S256",
        token_endpoint_auth_method=method,
    )
    verifier = "authlib-" + "v" * 48
    url, state = client.create_authorization_url(
        discovery["authorization_endpoint"], code_verifier=verifier, nonce="n-1"
    )
    given = client.fetch_token(
        discovery["token_endpoint"],
        authorization_response=open_in_browser(ada, url),
        state=state,
        code_verifier=verifier,
    )
    keys = KeySet.import_key_set(HTTP.get(discovery["jwks_uri"]).json())
    token = jwt.decode(given["id_token"], keys, algorithms=["RS256"])
    wanted = {"iss": discovery["issuer"], "aud": application.client_id, "nonce": "n-1"}
    assert {name: token.claims[name] for name in wanted} == wanted
    assert client.get(discovery["userinfo_endpoint"]).json()["sub"] == token.claims["sub"]
    renewed = client.refresh_token(discovery["token_endpoint"], refresh_token=given["refresh_token"])
    assert renewed["refresh_token"] != given["refresh_token"]
