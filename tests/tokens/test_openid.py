"""OpenID Connect: discovery, ID tokens, userinfo, and what an authorize request may say."""

import base64
import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from django.test import Client as Http

from accounts.models import SignInFlow, User
from tests.accounts.github import answered_by_github, fresh
from tests.people import CLI, HTTP, LOOPBACK, Browser, Pkce, query
from tests.processes import Live
from tests.tokens.applications import WIKI, Application, register, register_live
from tests.tokens.in_process import call, client_called, make_person, now, post, present, sign_in
from tokens.models import AuthorizationCode, Session, SigningKey
from tokens.policies.pkce import challenge_of
from tokens.services import purging, signing_keys
from tokens.services.access_tokens import find_claims
from tokens.services.codes import issue_code
from tokens.services.id_tokens import add_id_token, find_hint, subject_of

VERIFIER = "v" * 43


@pytest.fixture
def wiki(live: Live) -> Application:
    return register_live(live)


@pytest.fixture
def discovery(live: Live) -> dict[str, Any]:
    return dict(HTTP.get(f"{live.backend_url}/.well-known/openid-configuration").json())


@pytest.fixture
def ada(db: None) -> User:
    return make_person("ada")


def verified(token: str, application: Application, discovery: dict[str, Any]) -> dict[str, Any]:
    """The claims of an ID token, verified with the published keys as a client does."""
    key = jwt.PyJWKClient(discovery["jwks_uri"]).get_signing_key_from_jwt(token)
    issuer, audience = discovery["issuer"], application.client_id
    return dict(jwt.decode(token, key, [key.algorithm_name], audience=audience, issuer=issuer))


def claims_of(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def redeem(http: Http, person: User, *, client_id: str = "wiki", key: str = "", **columns: Any) -> Any:
    """The token response for a code of this person."""
    said: dict[str, Any] = {
        "scope": "openid offline_access",
        "redirect_uri": WIKI,
        "label": "",
        "auth_time": now(),
    } | columns
    code = secrets.token_urlsafe(32)
    issue_code(
        code, person=person, client=client_called(client_id), code_challenge=challenge_of(VERIFIER), now=now(), **said
    )
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": WIKI, "code_verifier": VERIFIER}
    return lambda secret: post(http, "token", client_id=client_id, key=key, client_secret=secret, **fields)


def id_token(person: User, *, at: datetime) -> str:
    """The ID token of a sign-in in the wiki at that time."""
    pair, wiki = sign_in(person, client_id="wiki", scope="openid", at=at), client_called("wiki")
    return add_id_token(pair, client=wiki, subject=subject_of(person), auth_time=at, now=at).id_token


# discovery


def test_discovery_says_what_is_there_and_what_is_not(live: Live, discovery: dict[str, Any]) -> None:
    assert discovery["issuer"] == live.backend_url
    assert discovery["userinfo_endpoint"] == f"{live.backend_url}/oauth/userinfo"
    assert discovery["end_session_endpoint"] == f"{live.backend_url}/oauth/logout"
    assert discovery["response_types_supported"] == ["code"]
    assert discovery["subject_types_supported"] == ["public"]
    assert discovery["id_token_signing_alg_values_supported"] == ["RS256", "ES256"]
    assert {"openid", "profile", "email", "offline_access"} < set(discovery["scopes_supported"])
    assert "account:write" not in discovery["scopes_supported"]
    for name in ("request_parameter_supported", "request_uri_parameter_supported", "claims_parameter_supported"):
        assert discovery[name] is False


def test_the_key_set_holds_a_key_of_each_algorithm(wiki: Application, discovery: dict[str, Any]) -> None:
    keys = HTTP.get(discovery["jwks_uri"]).json()["keys"]
    assert {key["alg"] for key in keys} == {"RS256", "ES256"}


# ID tokens


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_an_id_token_says_who_signed_in_when_and_where(live: Live, discovery: dict[str, Any], algorithm: str) -> None:
    wiki = register_live(live, "--id-token-alg", algorithm)
    browser = Browser(live, fresh("ada"))
    given = wiki.sign_in(browser, nonce="n-0S6_WzA2Mj", scope="openid profile email offline_access")
    claims = verified(given["id_token"], wiki, discovery)
    header = jwt.get_unverified_header(given["id_token"])
    assert (header["alg"], header["typ"]) == (algorithm, "JWT")
    access = claims_of(given["access_token"])
    half = base64.urlsafe_b64encode(hashlib.sha256(given["access_token"].encode()).digest()[:16]).decode().rstrip("=")
    expected = {
        "iss": live.backend_url,
        "aud": wiki.client_id,
        "sub": access["sub"],
        "sid": access["sid"],
        "nonce": "n-0S6_WzA2Mj",
        "at_hash": half,
        "preferred_username": browser.login,
    }
    assert {name: claims[name] for name in expected} == expected
    assert claims["iat"] - 60 <= claims["auth_time"] <= claims["iat"]
    assert claims["exp"] - claims["iat"] == 180
    assert ("email" in claims) == ("email_verified" in claims)
    told = HTTP.get(discovery["userinfo_endpoint"], headers={"Authorization": f"Bearer {given['access_token']}"}).json()
    assert told == {name: claims[name] for name in told}
    assert {"sub", "name", "preferred_username", "zoneinfo"} <= told.keys()


def test_a_refresh_keeps_the_time_of_the_sign_in_and_has_no_nonce(client: Http, ada: User) -> None:
    secret, then = register().secret, now() - timedelta(hours=3)
    first = redeem(client, ada, auth_time=then, nonce="once")(secret).json()
    again = post(
        client, "token", client_id="wiki", client_secret=str(secret), grant_type="refresh_token",
        refresh_token=first["refresh_token"],
    ).json()  # fmt: skip
    before, after = claims_of(first["id_token"]), claims_of(again["id_token"])
    assert before["auth_time"] == after["auth_time"] == int(then.timestamp())
    assert (before["nonce"], after.get("nonce")) == ("once", None)
    assert {name: before[name] for name in ("sub", "sid", "aud", "iss")} == {
        name: after[name] for name in ("sub", "sid", "aud", "iss")
    }


def test_an_honest_retry_of_code_and_refresh_has_an_id_token_too(client: Http, ada: User) -> None:
    secret = register().secret
    again = redeem(client, ada, key="the-key-of-the-wiki", nonce="once")
    first, second = again(secret).json(), again(secret).json()
    assert first["refresh_token"] == second["refresh_token"]
    assert claims_of(second["id_token"])["nonce"] == "once"
    renewed = [present(first["refresh_token"], client=client_called("wiki"), at=now()) for _ in range(2)]
    assert renewed[0].refresh_token == renewed[1].refresh_token
    assert [claims_of(pair.id_token)["sid"] for pair in renewed] == [str(pair.session_id) for pair in renewed]


def test_email_and_its_verification_come_together_or_not_at_all(client: Http, ada: User) -> None:
    secret = register().secret
    for email in ("ada@example.test", ""):
        User.objects.filter(pk=ada.pk).update(email=email)
        given = redeem(client, ada, scope="openid email")(secret).json()
        told = client.get("/oauth/userinfo", headers={"Authorization": f"Bearer {given['access_token']}"}).json()
        for claims in (claims_of(given["id_token"]), told):
            found = {name: claims[name] for name in ("email", "email_verified") if name in claims}
            assert found == ({"email": email, "email_verified": True} if email else {})


@pytest.mark.parametrize(
    ("scope", "has_id_token", "has_refresh_token"),
    [
        ("openid", True, False),
        ("openid offline_access", True, True),
        ("account:read", False, False),
        ("account:read offline_access", False, True),
    ],
)
def test_what_is_given_follows_the_scope(
    client: Http, ada: User, scope: str, has_id_token: bool, has_refresh_token: bool
) -> None:
    secret = register().secret
    given = redeem(client, ada, scope=scope)(secret).json()
    assert ("id_token" in given, "refresh_token" in given) == (has_id_token, has_refresh_token)
    assert given["scope"] == scope


def test_a_sign_in_without_a_refresh_token_lasts_and_ends_as_others(client: Http, ada: User) -> None:
    secret = register().secret
    given = redeem(client, ada, scope="openid account:read")(secret).json()
    session = Session.objects.get(client_id="wiki")
    assert session.expires_at == session.ends_at
    own = sign_in(ada)
    assert str(session.id) in call(client, "/sessions", own.access_token).text
    assert call(client, f"/sessions/{session.id}", own.access_token, "DELETE").status_code == 204
    assert call(client, "/me", given["access_token"]).status_code == 401


def test_built_in_clients_get_no_id_token(live: Live) -> None:
    browser = Browser(live, fresh("ada"))
    assert "id_token" not in browser.sign_in().body
    assert query(browser.authorize(CLI, scope="openid"))["error"] == "invalid_scope"


# one kind of token is no other


def test_no_token_passes_for_another(client: Http, ada: User) -> None:
    secret = register(id_token_algorithm="ES256").secret
    given = redeem(client, ada, scope="openid account:read")(secret).json()
    assert find_claims(given["id_token"], now=now()) is None
    assert call(client, "/me", given["id_token"]).status_code == 401
    assert find_hint(given["access_token"], now=now()) is None
    assert find_hint(given["id_token"], now=now()) is not None


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_an_access_token_is_believed_with_its_own_algorithm_only(client: Http, ada: User, algorithm: str) -> None:
    register(id_token_algorithm=algorithm)
    claims = claims_of(sign_in(ada).access_token)
    forged = signing_keys.sign(claims=claims, typ="at+jwt", now=now(), algorithm=algorithm)
    assert call(client, "/me", forged).status_code == (401 if algorithm == "RS256" else 200)


# userinfo


@pytest.mark.parametrize("method", ["get", "post"])
def test_userinfo_is_for_tokens_with_openid(client: Http, ada: User, method: str) -> None:
    secret = register().secret
    ask = getattr(client, method)
    refused = ask("/oauth/userinfo")
    assert (refused.status_code, refused["WWW-Authenticate"].split()[0]) == (401, "Bearer")
    assert ask("/oauth/userinfo", headers={"Authorization": "Bearer nothing"}).status_code == 401
    without = redeem(client, ada, scope="account:read")(secret).json()["access_token"]
    assert ask("/oauth/userinfo", headers={"Authorization": f"Bearer {without}"}).status_code == 403
    given = redeem(client, ada, scope="openid")(secret).json()["access_token"]
    told = ask("/oauth/userinfo", headers={"Authorization": f"Bearer {given}"})
    assert (told.json(), told["Cache-Control"]) == ({"sub": str(ada.pk)}, "no-store")


# authorize requests


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"prompt": "none"}, "login_required"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "create"}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://wiki.example/request"}, "request_uri_not_supported"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"nonce": "n" * 256}, "invalid_request"),
        ({"response_type": "id_token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"scope": "openid account:write"}, "invalid_scope"),
        ({"scope": "groups"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
    ],
)
def test_what_is_not_done_is_said_to_the_application(wiki: Application, changes: dict[str, Any], error: str) -> None:
    answered = query(wiki.authorize(Browser(wiki.live, "ada"), state="s-1", **changes))
    assert (answered["error"], answered["state"], answered["iss"]) == (error, "s-1", wiki.live.backend_url)


def test_scopes_that_nobody_here_knows_are_ignored(wiki: Application) -> None:
    given = wiki.sign_in(Browser(wiki.live, fresh("ada")), scope="openid groups address")
    assert given["scope"] == "openid"


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({}, {}),
        ({"prompt": "consent"}, {}),
        ({"prompt": "login"}, {"prompt": ["select_account"]}),
        ({"prompt": "select_account consent"}, {"prompt": ["select_account"]}),
        ({"max_age": "0"}, {"prompt": ["select_account"]}),
        ({"login_hint": "ada-lovelace"}, {"login": ["ada-lovelace"]}),
        ({"login_hint": "ada&login=eve"}, {}),
        ({"login_hint": "ada@example.test"}, {}),
    ],
)
def test_a_fresh_answer_is_asked_of_github(
    wiki: Application, changes: dict[str, str], asked: dict[str, list[str]]
) -> None:
    said: dict[str, Any] = {"response_type": "code", "redirect_uri": WIKI, "scope": "openid"} | changes
    location = Browser(wiki.live, "ada").authorize(wiki.client_id, **said).headers["location"]
    assert location.startswith(wiki.live.github_url)
    sent = parse_qs(urlsplit(location).query)
    assert {name: sent[name] for name in ("prompt", "login") if name in sent} == asked


def test_the_answer_goes_back_with_state_and_iss(wiki: Application) -> None:
    pkce = Pkce()
    given = wiki.answer(Browser(wiki.live, fresh("ada")), pkce=pkce, state="s-2", nonce="n")
    assert (given["state"], given["iss"]) == ("s-2", wiki.live.backend_url)
    assert wiki.redeem(given["code"], Pkce()).json()["error"] == "invalid_grant"
    assert wiki.redeem(given["code"], pkce, redirect_uri=LOOPBACK).json()["error"] == "invalid_grant"


# a hint names the person


@pytest.fixture
def named(wiki: Application) -> tuple[Browser, str]:
    """Somebody who has signed in, and their ID token."""
    browser = Browser(wiki.live, fresh("ada"))
    return browser, wiki.sign_in(browser)["id_token"]


def ask(client: Http, *, client_id: str = "wiki", **changes: str) -> Any:
    """The authorize request of an application in this process."""
    said = {"response_type": "code", "redirect_uri": WIKI, "scope": "openid", "state": "s-1"}
    proof = {"code_challenge": challenge_of(VERIFIER), "code_challenge_method": "S256"}
    return client.get("/oauth/authorize", {"client_id": client_id} | said | proof | changes)


def error_of(response: Any) -> str:
    """The error that the application is told; empty where the browser is sent to GitHub."""
    assert response.status_code in {302, 303}
    return str(parse_qs(urlsplit(response["Location"]).query).get("error", [""])[0])


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_person_of_the_hint_signs_in_and_another_one_is_refused(
    wiki: Application, named: tuple[Browser, str], method: str
) -> None:
    (browser, hint), mallory = named, Browser(wiki.live, fresh("mallory"))
    assert "code" in wiki.answer(browser, id_token_hint=hint, method=method)
    for prompt in (None, "select_account", "consent"):
        answered = query(wiki.authorize(mallory, id_token_hint=hint, method=method, state="s-3", prompt=prompt))
        assert "another person" in answered.pop("error_description")
        assert answered == {"error": "login_required", "state": "s-3", "iss": wiki.live.backend_url}


def test_the_page_for_the_person_of_the_hint_offers_no_other(wiki: Application, named: tuple[Browser, str]) -> None:
    browser, hint = named
    offer = "Use another GitHub account"
    assert offer in wiki.authorize(browser, prompt="consent").text
    page = wiki.authorize(browser, prompt="consent", id_token_hint=hint)
    assert f"Sign in as {browser.login}" in page.text
    assert offer not in page.text


def test_no_form_lets_another_person_in_than_the_hint_names(wiki: Application, named: tuple[Browser, str]) -> None:
    mallory, state = Browser(wiki.live, fresh("mallory")), fresh("state")
    said: dict[str, Any] = {"response_type": "code", "redirect_uri": WIKI, "scope": "openid", "state": state}
    waiting = answered_by_github(mallory, wiki.client_id, id_token_hint=named[1], **said)
    (flow,) = parse_qs(urlsplit(mallory.get(waiting.headers["location"]).headers["location"]).query)["flow"]
    answered = query(mallory.submit(wiki.authorize(mallory), decision="approve", flow=flow))
    assert (answered["error"], answered["state"]) == ("login_required", state)


@pytest.mark.parametrize(("prompt", "error"), [("", ""), ("none", "login_required")])
def test_a_hint_of_this_application_is_taken_when_it_has_expired(
    client: Http, ada: User, prompt: str, error: str
) -> None:
    register()
    then = now() - timedelta(days=80)
    hint = id_token(ada, at=then)
    assert claims_of(hint)["exp"] < now().timestamp()
    assert error_of(ask(client, id_token_hint=hint, prompt=prompt)) == error
    assert [flow.request["subject"] for flow in SignInFlow.objects.all()] == ([] if error else [str(ada.pk)])


@pytest.mark.parametrize("prompt", ["", "none"])
@pytest.mark.parametrize(
    "kind", ["another application", "access token", "forged", "unsigned", "changed", "a person's id"]
)
def test_what_is_no_hint_of_this_application_is_refused(client: Http, ada: User, kind: str, prompt: str) -> None:
    secret = register().secret
    register("shop")
    given = redeem(client, ada)(secret).json()
    header, (body, _, signature) = jwt.get_unverified_header(given["id_token"]), given["id_token"].rpartition(".")
    claims = claims_of(given["id_token"])
    hints = {
        "another application": given["id_token"],
        "access token": given["access_token"],
        "forged": jwt.encode(claims, "k" * 32, algorithm="HS256", headers=header | {"alg": "HS256"}),
        "unsigned": jwt.encode(claims, "", algorithm="none", headers={"kid": header["kid"]}),
        "changed": f"{body}.{signature[:-6]}AAAAAA",
        "a person's id": str(ada.pk),
    }
    asked_by = "shop" if kind == "another application" else "wiki"
    refused = ask(client, client_id=asked_by, id_token_hint=hints[kind], prompt=prompt)
    assert error_of(refused) == "invalid_request"
    assert "id_token_hint" in refused["Location"]
    assert SignInFlow.objects.count() == 0


def test_a_sign_in_that_begins_again_asks_for_the_same_person_and_keeps_no_token(client: Http, ada: User) -> None:
    secret = register().secret
    register("shop")
    hint = redeem(client, ada)(secret).json()["id_token"]
    ask(client, id_token_hint=hint)
    first = SignInFlow.objects.get()
    assert hint.rpartition(".")[2] not in f"{first.restart_path} {first.request} {first.upstream}"
    assert error_of(client.get(first.restart_path)) == ""
    assert [flow.request["subject"] for flow in SignInFlow.objects.all()] == [str(ada.pk)] * 2
    (kept,) = parse_qs(urlsplit(first.restart_path).query)["id_token_hint"]
    assert error_of(ask(client, client_id="shop", id_token_hint=kept)) == "invalid_request"


# keys


def test_a_rotation_replaces_both_keys_and_each_signs_with_its_own(client: Http, ada: User) -> None:
    secret = register().secret
    before = {key["alg"]: key["kid"] for key in client.get("/.well-known/jwks.json").json()["keys"]}
    signing_keys.rotate_signing_keys(now=now(), activates_in=timedelta(0), retire_now=True)
    signing_keys.forget_keys()
    after = {key["alg"]: key["kid"] for key in client.get("/.well-known/jwks.json").json()["keys"]}
    assert before.keys() == after.keys() == {"RS256", "ES256"}
    assert not set(before.values()) & set(after.values())
    given = redeem(client, ada)(secret).json()
    assert jwt.get_unverified_header(given["id_token"])["kid"] == after["RS256"]
    assert jwt.get_unverified_header(given["access_token"])["kid"] == after["ES256"]


def test_hints_outlive_their_key_by_the_longest_sign_in(client: Http, ada: User, settings: Any) -> None:
    secret = register().secret
    hint = redeem(client, ada)(secret).json()["id_token"]
    kid = jwt.get_unverified_header(hint)["kid"]
    signing_keys.rotate_signing_keys(now=now(), activates_in=timedelta(minutes=10))
    for later, known in ((timedelta(days=89), True), (settings.SESSION_LIFETIME + timedelta(days=1), False)):
        signing_keys.forget_keys()
        purging.purge_expired(now=now() + later)
        assert (find_hint(hint, now=now() + later) is not None) is known
        assert kid not in {key["kid"] for key in signing_keys.key_set(now=now() + later)["keys"]}
        assert [bytes(row.private_key) for row in SigningKey.objects.filter(kid=kid)] == [b""] * known
    assert AuthorizationCode.objects.count() == 0


def test_the_hints_of_a_leaked_key_are_worth_nothing(client: Http, ada: User) -> None:
    secret = register().secret
    hint = redeem(client, ada)(secret).json()["id_token"]
    signing_keys.rotate_signing_keys(now=now(), activates_in=timedelta(0), retire_now=True)
    signing_keys.forget_keys()
    assert find_hint(hint, now=now()) is None
