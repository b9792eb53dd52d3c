"""Registered applications: who may be one, what its credentials may do, and how it is refused once disabled."""

import json
import tomllib
from configparser import ConfigParser
from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import INFO
from django.core.management import call_command
from django.db import connection
from django.test import Client as Http
from django.test.utils import CaptureQueriesContext

from accounts.models import Event
from tests.accounts.github import fresh
from tests.people import Browser, query
from tests.processes import Live
from tests.tokens.applications import WIKI, printed_settings, register, register_live
from tests.tokens.in_process import call, client_called, make_person, now, post, present, sign_in
from tokens.errors import InvalidApplication, InvalidGrant
from tokens.management.checks import check_applications
from tokens.models import Application, Session
from tokens.services import applications
from tokens.services.clients import retry_window_seconds

ALLOWED = "account:read bookings:read offline_access"


@pytest.fixture
def secret(db: None) -> str:
    """The secret of the application `wiki`."""
    made = register()
    assert made.secret is not None
    return made.secret


def sign_ada_in(**options: Any) -> Any:
    return sign_in(make_person("ada"), client_id="wiki", scope=ALLOWED, **options)


def refresh(http: Http, token: str, secret: str, **fields: str) -> Any:
    said = {"grant_type": "refresh_token", "refresh_token": token, "client_secret": secret}
    return post(http, "token", client_id="wiki", **(said | fields))


def statements(queries: CaptureQueriesContext) -> list[str]:
    return [entry["sql"].split()[0] for entry in queries.captured_queries]


# registration


@pytest.mark.parametrize(
    "uri",
    [
        "https://wiki.example/callback",
        "https://wiki.example:8443/callback?from=here",
        "https://wiki.example/",
        "http://localhost:3000/callback",
        "http://127.0.0.2:8080/wiki/oidc",
        "http://[::1]:3000/callback",
    ],
)
def test_https_and_loopback_may_be_registered(db: None, uri: str) -> None:
    assert register(redirect_uris=(uri,)).application.redirect_uris == [uri]


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "http://wiki.example/callback",
        "http://10.0.0.1/callback",
        "http://0.0.0.0/callback",
        "http://[::ffff:127.0.0.1]/callback",
        "http://127.0.0.1.evil.example/callback",
        "http://localhost.evil.example/callback",
        "https://wiki.example/callback#",
        "https://wiki.example/callback#top",
        "https://ada@wiki.example/callback",
        "https://wiki.example\\@evil.example/callback",
        "https://wiki.example:0/callback",
        "https://wiki.example:99999/callback",
        "https://wiki.example:/callback",
        "https://WIKI.example/callback",
        "HTTPS://wiki.example/callback",
        "https:///callback",
        "https://wiki.example;script-src/callback",
        "https://wiki example/callback",
        "https://wiki.example/call\nback",
        "https://wïki.example/callback",
        "//wiki.example/callback",
        "javascript:alert(1)",
        "data:text/html,callback",
        "wiki://callback",
        "https://wiki.example/" + "a" * 500,
    ],
)
def test_other_addresses_may_not(db: None, uri: str) -> None:
    for kind in ("redirect_uris", "post_logout_redirect_uris", "origins"):
        changes: dict[str, Any] = {kind: (uri,)}
        with pytest.raises(InvalidApplication):
            register(**changes)
    assert not Application.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "insighta-wiki"},
        {"client_id": "wiki wiki"},
        {"client_id": "w" * 65},
        {"name": " \u200b"},
        {"redirect_uris": ()},
        {"redirect_uris": tuple(f"{WIKI}/{n}" for n in range(21))},
        {"scopes": ("openid", "account:write")},
        {"scopes": ("everything",)},
        {"scopes": ()},
        {"id_token_algorithm": "none"},
        {"origins": ("https://app.example/",)},
    ],
)
def test_what_no_application_may_be_is_refused(db: None, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidApplication):
        register(**({"client_id": "wiki"} | changes))


def test_a_client_id_is_taken_once_and_is_never_a_reserved_one(db: None) -> None:
    register()
    with pytest.raises(InvalidApplication, match="already"):
        register()
    assert register("", name="Insighta portal").application.client_id.startswith("app-insighta-portal-")


def test_a_registration_and_all_that_follows_are_in_the_trail_without_a_secret(db: None, secret: str) -> None:
    ada = make_person("ada")
    newer = applications.rotate_secret(client_id="wiki", actor_id=ada.pk)
    applications.drop_old_secret(client_id="wiki", actor_id=ada.pk)
    for is_disabled in (True, True, False):
        applications.set_disabled(client_id="wiki", is_disabled=is_disabled, now=now(), actor_id=ada.pk)
    trail = list(Event.objects.filter(client_id="wiki").order_by("id"))
    what = ["registered", "secret_rotated", "old_secret_dropped", "disabled", "enabled"]
    assert [event.kind for event in trail] == [f"application.{name}" for name in what]
    assert [event.actor_id for event in trail] == [None, *[ada.pk] * 4]
    assert not [event for event in trail for made in (secret, newer) if made in json.dumps(event.detail)]


def test_a_secret_is_stored_as_a_digest_and_is_letters_and_digits(db: None, secret: str) -> None:
    assert secret.isalnum()
    assert len(secret) >= 40
    with connection.cursor() as cursor:
        cursor.execute("SELECT tokens_application::text FROM tokens_application")
        ((row,),) = cursor.fetchall()
    assert secret not in row


def test_two_secrets_are_valid_at_a_time(client: Http, db: None, secret: str) -> None:
    second = applications.rotate_secret(client_id="wiki")
    assert [
        post(client, "introspect", client_id="wiki", client_secret=one, token="x").status_code
        for one in (secret, second)
    ] == [200, 200]
    third = applications.rotate_secret(client_id="wiki")
    answers = [
        post(client, "introspect", client_id="wiki", client_secret=one, token="x").status_code
        for one in (secret, second, third)
    ]
    assert answers == [401, 200, 200]
    applications.drop_old_secret(client_id="wiki")
    assert post(client, "introspect", client_id="wiki", client_secret=second, token="x").status_code == 401


def printed(capsys: pytest.CaptureFixture[str], *options: str, redirect_uri: str = WIKI) -> str:
    call_command("register_client", "--name", "Wiki", "--redirect-uri", redirect_uri, *options)
    return capsys.readouterr().out


@pytest.mark.parametrize("public", [False, True])
def test_the_command_prints_the_address_and_the_clients_that_fit(
    db: None, public: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(capsys, *(["--public"] if public else []))
    assert f"redirect URIs  {WIKI}\n" in text
    assert "/.well-known/openid-configuration" in text
    assert ("none: a public client" in text) is public
    pasted = ["Authlib", "django-allauth", "Apache", "Grafana", "oauth2-proxy"]
    assert [bool(printed_settings(text, client)) for client in pasted] == [not public] * len(pasted)
    assert bool(printed_settings(text, "oidc-client-ts")) is public


def test_the_settings_of_grafana_and_oauth2_proxy_are_read_and_name_our_endpoints(
    client: Http, db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    text, told = printed(capsys), client.get("/.well-known/openid-configuration").json()
    ini = ConfigParser(interpolation=None)
    ini.read_string(printed_settings(text, "Grafana"))
    grafana, proxy = ini["auth.generic_oauth"], tomllib.loads(printed_settings(text, "oauth2-proxy"))
    endpoints = {"auth_url": "authorization", "token_url": "token", "api_url": "userinfo"}
    assert {name: grafana[name] for name in endpoints} == {
        name: told[f"{endpoint}_endpoint"] for name, endpoint in endpoints.items()
    }
    assert (proxy["oidc_issuer_url"], proxy["redirect_url"]) == (told["issuer"], WIKI)
    for said, scope in ((grafana, "scopes"), (proxy, "scope")):
        assert said[scope].split() == ["openid", "profile", "email", "offline_access"]
        form = {"client_id": said["client_id"], "client_secret": said["client_secret"]}
        assert post(client, "introspect", token="x", **form).status_code == 200


def test_clients_that_get_no_refresh_token_are_told_of_none(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "--scope", "openid", redirect_uri="https://wiki.example/oidc")
    assert "use_refresh_token" not in text
    assert "OIDCRefreshAccessTokenBeforeExpiry" not in text
    assert "\n\n# oauth2-proxy" in text
    assert "<Location />" in text


def test_what_is_unwise_is_named(db: None, settings: Any) -> None:
    settings.DEBUG = False
    many = tuple(f"https://wiki.example/{n}" for n in range(6))
    made = register(redirect_uris=(*many, "http://localhost:3000/cb", "https://app.example"), is_public=True)
    found = " ".join(made.warnings)
    for words in (
        "http://localhost:3000/cb is loopback",
        "https://app.example has no path",
        "8 redirect URIs",
        "may book",
    ):
        assert words in found
    assert register("calm", scopes=("openid",)).warnings == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"redirect_uris": ["http://wiki.example/cb"]}, "must use https"),
        ({"redirect_uris": ["https://wiki.example/*"]}, "star"),
        ({"created_at": now() - timedelta(days=366)}, "366 days old"),
        ({"created_at": now() - timedelta(days=181)}, "Nobody has signed in for 180 days"),
        ({"created_at": now() - timedelta(days=8), "secret_digests": ["a" * 64, "b" * 64]}, "Two secrets"),
        ({"is_public": True, "secret_digests": []}, "without origins"),
    ],
)
def test_the_check_names_what_is_unwise_about_a_client(db: None, change: dict[str, Any], words: str) -> None:
    register("calm", scopes=("openid",))
    assert unwise() == []
    Application.objects.update(**change)
    assert [message for message in unwise() if message.startswith("calm: ") and words in message]
    Application.objects.update(disabled_at=now())
    assert unwise() == []


def test_a_new_secret_and_a_sign_in_make_an_old_client_a_calm_one(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    register("calm", scopes=("openid",))
    Application.objects.update(created_at=now() - timedelta(days=400))
    assert len(unwise()) == 2
    call_command("list_clients")
    assert "unwise: Its secret is 400 days old" in capsys.readouterr().out
    applications.rotate_secret(client_id="calm")
    sign_in(make_person("ada"), client_id="calm", scope="openid")
    assert unwise() == []


def unwise() -> list[str]:
    found = check_applications(None, databases=["default"])
    assert {(message.id, message.level) for message in found} <= {("insighta.I014", INFO)}
    return [message.msg for message in found]


# what it costs


def test_a_refresh_finds_the_client_and_rotates_in_one_statement_each(client: Http, db: None, secret: str) -> None:
    token = sign_ada_in().refresh_token
    with CaptureQueriesContext(connection) as queries:
        assert refresh(client, token, secret).status_code == 200
    assert statements(queries) == ["SELECT", "UPDATE"]
    assert "SELECT" not in queries.captured_queries[1]["sql"].upper()


def test_an_api_call_of_an_application_is_one_query(client: Http, db: None, secret: str) -> None:
    pair = sign_ada_in()
    call(client, "/me", pair.access_token)
    with CaptureQueriesContext(connection) as queries:
        assert call(client, "/me", pair.access_token).status_code == 200
    assert statements(queries) == ["SELECT"]


@pytest.mark.parametrize("client_id", ["insighta-cli", "insighta-portal", "", "w\x00", "w" * 65, "wiki wiki", "wíki"])
def test_built_in_clients_and_impossible_ids_cost_no_query(client: Http, db: None, client_id: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        post(client, "revoke", client_id=client_id, token="unknown")
    assert len(queries) == 0


# disabled


def test_a_disabled_application_is_refused_by_the_very_next_request(client: Http, db: None, secret: str) -> None:
    pair = sign_ada_in()
    assert call(client, "/me", pair.access_token).status_code == 200
    applications.set_disabled(client_id="wiki", is_disabled=True, now=now())
    assert call(client, "/me", pair.access_token).status_code == 401
    refused = refresh(client, pair.refresh_token, secret)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    asked = client.get("/oauth/authorize", {"client_id": "wiki", "redirect_uri": WIKI, "response_type": "code"})
    assert (asked.status_code, "<code>unknown_client</code>" in asked.text) == (400, True)
    applications.set_disabled(client_id="wiki", is_disabled=False, now=now())
    assert call(client, "/me", pair.access_token).status_code == 200
    assert refresh(client, pair.refresh_token, secret).status_code == 200


@pytest.mark.parametrize("rotated", [False, True])
def test_a_refresh_that_was_authenticated_before_the_disabling_gets_nothing(
    db: None, secret: str, rotated: bool
) -> None:
    pair, known = sign_ada_in(), client_called("wiki")
    if rotated:
        present(pair.refresh_token, client=known, at=now())
    applications.set_disabled(client_id="wiki", is_disabled=True, now=now())
    with pytest.raises(InvalidGrant):
        present(pair.refresh_token, client=known, at=now())
    assert Session.objects.get(id=pair.session_id).revoked_at is None


# what its credentials may do


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sessions"),
        ("DELETE", "/sessions"),
        ("GET", "/applications"),
        ("GET", "/calendar-feed"),
        ("GET", "/pages/access"),
        ("GET", "/pages/settings"),
        ("GET", "/personal-access-tokens"),
        ("POST", "/personal-access-tokens"),
        ("GET", "/trusted-publishers"),
        ("POST", "/trusted-publishers"),
        ("GET", "/device-requests/BCDF-GHJK"),
        ("POST", "/device-requests/BCDF-GHJK/approve"),
        ("POST", "/me/deactivate"),
        ("PATCH", "/me"),
    ],
)
def test_what_makes_credentials_or_shows_other_sign_ins_is_closed(
    client: Http, db: None, secret: str, method: str, path: str
) -> None:
    pair = sign_ada_in()
    body = {"name": "x", "scopes": ["account:read"]} if method == "POST" else {}
    refused = call(client, path, pair.access_token, method, body)
    assert refused.status_code in {403, 404}, refused.content
    assert Session.objects.filter(revoked_at=None).count() == 1


def test_introspection_tells_an_application_of_its_own_tokens_only(client: Http, db: None, secret: str) -> None:
    ada = make_person("ada")
    own, other = sign_ada_in(), sign_in(ada)
    for pair, active in ((own, True), (other, False)):
        for token in (pair.access_token, pair.refresh_token):
            told = post(client, "introspect", client_id="wiki", client_secret=secret, token=token).json()
            assert told["active"] is active
            assert active or told == {"active": False}


def test_nobody_but_the_portal_vouches_for_an_address(client: Http, db: None, secret: str) -> None:
    pair, wiki = sign_ada_in(), client_called("wiki")
    present(present(pair.refresh_token, client=wiki, at=now()).refresh_token, client=wiki, at=now())
    post_headers = {"X-Forwarded-For": "203.0.113.7"}
    form = f"grant_type=refresh_token&client_id=wiki&client_secret={secret}&refresh_token={pair.refresh_token}"
    client.post("/oauth/token", form, content_type="application/x-www-form-urlencoded", headers=post_headers)
    assert Event.objects.get(kind="session.replayed").address == "127.0.0.1"


def test_the_retry_window_of_an_application_is_the_portals(db: None, secret: str, settings: Any) -> None:
    wiki = client_called("wiki")
    assert retry_window_seconds(wiki, is_keyed=True) == settings.PORTAL_RETRY_SECONDS
    assert retry_window_seconds(wiki, is_keyed=False) == settings.UNKEYED_RETRY_SECONDS
    public = register("spa", is_public=True).application.client_id
    assert retry_window_seconds(client_called(public), is_keyed=True) == settings.PORTAL_RETRY_SECONDS


# a sign-in from outside


@pytest.mark.parametrize("public", [False, True])
@pytest.mark.parametrize("uri", [WIKI, "http://127.0.0.2:8080/wiki/oidc", "https://wiki.example/cb?tenant=a%20b"])
def test_a_person_signs_in_to_an_application_which_refreshes_and_revokes(live: Live, uri: str, public: bool) -> None:
    wiki = register_live(live, *(["--public"] if public else []), redirect_uri=uri)
    browser = Browser(live, fresh("ada"))
    given = wiki.sign_in(browser, scope="offline_access account:read")
    assert given["scope"] == "offline_access account:read"
    renewed = wiki.refresh(given["refresh_token"])
    assert renewed.status_code == 200
    assert wiki.post("revoke", token=renewed.json()["refresh_token"]).status_code == 200
    assert wiki.refresh(renewed.json()["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_redirect_uri_with_a_query_is_appended_to(live: Live) -> None:
    wiki = register_live(live, redirect_uri="https://wiki.example/cb?tenant=a")
    page = wiki.authorize(Browser(live, fresh("ada")), scope="account:read", prompt="select_account")
    assert "wiki.example" in page.text
    refused = wiki.authorize(Browser(live, fresh("ada")), scope="account:write")
    assert refused.headers["location"].startswith("https://wiki.example/cb?tenant=a&error=invalid_scope&")
    assert query(refused)["iss"] == live.backend_url


@pytest.mark.parametrize(
    "uri",
    [
        f"{WIKI}/",
        f"{WIKI}?x=1",
        "https://wiki.example/Callback",
        "http://wiki.example/callback",
        "https://evil.example",
    ],
)
def test_another_redirect_uri_gets_a_page(live: Live, uri: str) -> None:
    wiki = register_live(live)
    answered = Browser(live, "mallory").authorize(wiki.client_id, redirect_uri=uri)
    assert (answered.status_code, "<code>unknown_redirect_uri</code>" in answered.text) == (400, True)


def test_no_application_approves_a_device_or_makes_a_token_whatever_its_scopes(
    client: Http, db: None, secret: str
) -> None:
    """No application has `account:write`; where one had it, it would still be refused."""
    pair = sign_in(make_person("ada"), client_id="wiki", scope="account:write account:read")
    body = {"name": "x", "scopes": ["account:read"]}
    assert call(client, "/personal-access-tokens", pair.access_token, "POST", body).status_code == 403
    begun = post(client, "device_authorization", scope="account:read").json()
    refused = call(client, f"/device-requests/{begun['user_code']}/approve", pair.access_token, "POST")
    assert refused.status_code == 403


def test_a_code_or_refresh_token_of_one_application_is_nothing_to_another(live: Live) -> None:
    wiki, shop = register_live(live), register_live(live)
    given = wiki.sign_in(Browser(live, fresh("ada")))
    assert shop.refresh(given["refresh_token"]).json()["error"] == "invalid_grant"
    assert shop.post("revoke", token=given["refresh_token"]).json()["error"] == "invalid_grant"
    assert wiki.refresh(given["refresh_token"]).status_code == 200
