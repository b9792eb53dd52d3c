"""What `register_client` prints for Python's clients, pasted: Authlib in Django, django-allauth, and idpyoidc."""

import os
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from authlib.integrations.django_client import OAuth
from cryptojwt.key_jar import KeyJar
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.test import RequestFactory
from idpyoidc.client.defaults import DEFAULT_CLIENT_CONFIGS, DEFAULT_OIDC_SERVICES
from idpyoidc.client.rp_handler import RPHandler

from tests.accounts.github import fresh
from tests.people import HTTP, Browser
from tests.processes import Live, Process, free_port
from tests.tokens.applications import WIKI, Application, printed_settings, register_live
from tests.tokens.independent import FOLDER, open_in_browser

CALLBACK = "/accounts/oidc/insighta/login/callback/"


def register(live: Live, redirect_uri: str, title: str) -> str:
    """What is printed for the client that is called so."""
    return printed_settings(live.manage("register_client", "--name", "A site", "--redirect-uri", redirect_uri), title)


@pytest.fixture(scope="module")
def site(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Django site with django-allauth."""
    directory, authority = tmp_path_factory.mktemp("allauth"), f"127.0.0.2:{free_port()}"
    (directory / "pasted.py").write_text(register(live, f"http://{authority}{CALLBACK}", "django-allauth"))
    command = [sys.executable, str(FOLDER / "allauth_site.py"), str(directory), authority]
    with Process(command, {"PATH": os.environ["PATH"]}, f"http://{authority}/accounts/login/"):
        yield f"http://{authority}"


def test_allauth_signs_in_twice_as_the_same_person(live: Live, site: str) -> None:
    login, seen = fresh("ada"), []
    for _ in range(2):
        ada = Browser(live, login)
        page = ada.follow(ada.get(f"{site}/accounts/oidc/insighta/login/"), until="nowhere")
        done = ada.follow(ada.submit(page, decision="approve"), until="nowhere")
        assert done.url.path == "/profile", done.text
        seen.append(done.json())
    assert seen[0]["uid"] == seen[1]["uid"] == seen[0]["userinfo"]["sub"]
    assert seen[0]["id_token"]["preferred_username"] == login


def test_authlib_in_django_signs_in_as_printed(live: Live) -> None:
    oauth = OAuth()
    exec(register(live, WIKI, "Authlib"), {"oauth": oauth})
    factory, session = RequestFactory(), SessionStore()
    request = factory.get("/login")
    request.session = session
    answer = open_in_browser(
        Browser(live, fresh("ada")), oauth.insighta.authorize_redirect(request, WIKI).headers["location"]
    )
    back = factory.get(answer)
    back.session = session
    given = oauth.insighta.authorize_access_token(back)
    assert given["userinfo"]["nonce"]
    assert oauth.insighta.userinfo(token=given)["sub"] == given["userinfo"]["sub"]


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_idpyoidc_signs_in_reads_userinfo_refreshes_and_signs_out(live: Live, algorithm: str) -> None:
    application = register_live(live, "--post-logout-redirect-uri", WIKI, "--id-token-alg", algorithm)
    ada = Browser(live, fresh("ada"))
    handler = RPHandler(
        base_url="https://wiki.example",
        keyjar=KeyJar(),
        services=DEFAULT_OIDC_SERVICES | {"session": {"class": "idpyoidc.client.oidc.end_session.EndSession"}},
        client_configs={"insighta": _idpyoidc_configuration(application, algorithm)},
    )
    answer = open_in_browser(ada, handler.begin("insighta"))
    parameters = {name: value for name, (value,) in parse_qs(urlsplit(answer).query).items()}
    done = handler.finalize(live.backend_url, parameters)
    assert done["userinfo"]["preferred_username"] == ada.login
    assert done["id_token"]["aud"] == [application.client_id]
    renewed = handler.refresh_access_token(done["state"])
    assert renewed["refresh_token"]
    left = handler.logout(done["state"], post_logout_redirect_uri=WIKI)
    assert HTTP.get(left["url"]).headers["location"].startswith(WIKI)
    assert application.refresh(renewed["refresh_token"]).json()["error"] == "invalid_grant"


def _idpyoidc_configuration(application: Application, algorithm: str) -> dict[str, Any]:
    return {
        "client_type": "oidc",
        "issuer": application.live.backend_url,
        "client_id": application.client_id,
        "client_secret": application.secret,
        "redirect_uris": [application.redirect_uri],
        "response_types_supported": ["code"],
        "scopes_supported": ["openid", "profile", "offline_access"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "id_token_signing_alg_values_supported": [algorithm],
        "client_authn_methods": ["client_secret_basic", "bearer_header"],
        "add_ons": DEFAULT_CLIENT_CONFIGS[""]["add_ons"],
    }
