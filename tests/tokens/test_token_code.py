"""`POST /oauth/token` with an authorization code: once, soon, by the client that asked, with its verifier."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.accounts.github import fresh
from tests.people import CLI, HTTP, LOOPBACK, PORTAL, Browser, Pkce, Tokens, call, query, redeem, refresh
from tests.processes import Live
from tests.tokens.parties import Party, party, party_of
from tests.tokens.rows import age, claims, events, is_revoked, session

__all__ = ["party"]


def assert_refused(response: httpx.Response, error: str = "invalid_grant") -> None:
    assert response.status_code == 400
    assert response.json().keys() == {"error", "error_description"}
    assert response.json()["error"] == error
    assert response.headers["cache-control"] == "no-store"


def code_of(live: Live, pkce: Pkce, **changes: str | None) -> str:
    return Browser(live, fresh("ada")).answer(CLI, pkce=pkce, **changes)["code"]


def age_code(live: Live, code_owner: str, seconds: int) -> None:
    """Let the codes of this person be older than they are."""
    with live.connect() as connection:
        aged = connection.execute(
            "UPDATE tokens_authorizationcode SET expires_at = expires_at - make_interval(secs => %s)"
            " WHERE user_id = (SELECT id FROM accounts_user WHERE login = %s)",
            [seconds, code_owner],
        )
        assert aged.rowcount == 1


def test_a_code_becomes_tokens_that_work(live: Live) -> None:
    pkce = Pkce()
    response = redeem(live, code_of(live, pkce, device_label="laptop"), pkce)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert list(body) == ["access_token", "token_type", "expires_in", "refresh_token", "scope"]
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 180)
    assert body["scope"] == "account:read account:write bookings:read bookings:write"
    assert body["refresh_token"].startswith("insr_")
    assert call(live, "/me", body["access_token"]).status_code == 200
    row = session(live, body["refresh_token"])
    assert (row["client_id"], row["label"], row["generation"]) == (CLI, "laptop", 0)


def test_the_session_has_the_scopes_that_were_asked_for_through_every_refresh(live: Live) -> None:
    pkce = Pkce()
    tokens = Tokens.of(redeem(live, code_of(live, pkce, scope="bookings:read account:read"), pkce))
    assert tokens.body["scope"] == "account:read bookings:read"
    assert refresh(live, tokens.refresh, scope="account:write").json()["error"] == "invalid_scope"
    refreshed = Tokens.of(refresh(live, tokens.refresh))
    assert refreshed.body["scope"] == "account:read bookings:read"
    assert claims(refreshed.access)["scope"] == "account:read bookings:read"


@pytest.mark.parametrize(
    "redirect_uri", ["http://127.0.0.1:9877/callback", "http://[::1]:9876/callback", "x", "\ud7ff"]
)
def test_another_redirect_uri_is_refused_and_uses_nothing_up(live: Live, party: Party, redirect_uri: str) -> None:
    pkce = Pkce()
    code = party.ask(Browser(live, fresh("ada")), pkce)
    assert_refused(party.redeem(code, pkce, redirect_uri=redirect_uri))
    assert party.redeem(code, pkce).status_code == 200


@pytest.mark.parametrize(
    "verifier",
    ["A" * 43, "A" * 42, "A" * 129, "B" * 128, "A" * 43 + "\n", "\u00e4" * 43, "the challenge itself"],
)
def test_another_verifier_is_refused_and_uses_nothing_up(live: Live, party: Party, verifier: str) -> None:
    pkce = Pkce()
    code = party.ask(Browser(live, fresh("ada")), pkce)
    wrong = pkce.challenge if verifier == "the challenge itself" else verifier
    assert_refused(party.redeem(code, pkce, code_verifier=wrong))
    assert party.redeem(code, pkce).status_code == 200


@pytest.mark.parametrize("name", ["code", "redirect_uri", "code_verifier", "grant_type"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_parameter_is_named_and_uses_nothing_up(
    live: Live, party: Party, name: str, value: str | None
) -> None:
    pkce = Pkce()
    code = party.ask(Browser(live, fresh("ada")), pkce)
    good = {"code": code, "redirect_uri": party.redirect_uri, "code_verifier": pkce.verifier}
    fields = {"grant_type": "authorization_code"} | good | {name: value}
    answer = party.post("token", **{name: value for name, value in fields.items() if value is not None})
    assert_refused(answer, "invalid_request")
    assert name in answer.json()["error_description"]
    assert party.redeem(code, pkce).status_code == 200


@pytest.mark.parametrize(
    "code", ["insc_", "insc_" + "A" * 43, "x", "insr_" + "A" * 91, "\x00", "\ud7ff" * 9, "a" * 256]
)
def test_a_code_nobody_issued_is_refused(live: Live, code: str) -> None:
    assert_refused(redeem(live, code, Pkce()))


def test_the_code_of_another_client_is_refused_and_stays_good_for_its_own(live: Live, party: Party) -> None:
    pkce = Pkce()
    code = party.ask(Browser(live, fresh("ada")), pkce)
    thief = party_of(live, CLI if party.client_id != CLI else "public")
    assert_refused(thief.redeem(code, pkce, redirect_uri=party.redirect_uri))
    assert party.redeem(code, pkce).status_code == 200


def test_a_code_dies_after_its_minute(live: Live, party: Party) -> None:
    browser, young, old = Browser(live, fresh("ada")), Pkce(), Pkce()
    code = party.ask(browser, young)
    age_code(live, browser.login, 55)
    assert party.redeem(code, young).status_code == 200
    late = Browser(live, fresh("ada"))
    code = party.ask(late, old)
    age_code(live, late.login, 60)
    answer = party.redeem(code, old)
    assert_refused(answer)
    assert "expired" in answer.json()["error_description"]


def test_a_second_redemption_is_refused_and_ends_what_the_first_one_gave(live: Live, party: Party) -> None:
    pkce = Pkce()
    code = party.ask(Browser(live, fresh("ada")), pkce)
    tokens = Tokens.of(party.redeem(code, pkce))
    assert_refused(party.redeem(code, pkce))
    assert is_revoked(live, tokens.refresh)
    assert call(live, "/me", tokens.access).status_code == 401
    assert_refused(party.refresh(tokens.refresh))
    assert [kind for kind, _ in events(live, tokens.refresh)] == ["session.opened", "session.code_reused"]


def test_a_thief_without_the_verifier_ends_nothing(live: Live, party: Party) -> None:
    pkce = Pkce()
    code = party.ask(Browser(live, fresh("ada")), pkce)
    tokens = Tokens.of(party.redeem(code, pkce))
    assert_refused(party.redeem(code, Pkce()))
    assert_refused(party.redeem(code, pkce, redirect_uri="http://127.0.0.1:1/callback"))
    thief = party_of(live, CLI if party.client_id != CLI else "public")
    assert_refused(thief.redeem(code, pkce, redirect_uri=party.redirect_uri))
    assert call(live, "/me", tokens.access).status_code == 200


def test_of_many_redemptions_at_once_one_opens_a_session_and_the_others_end_it(live: Live, party: Party) -> None:
    browser, pkce = Browser(live, fresh("ada")), Pkce()
    code = party.ask(browser, pkce)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: party.redeem(code, pkce), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200, *[400] * 7]
    (given,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert is_revoked(live, given["refresh_token"])
    with live.connect() as connection:
        statement = "SELECT count(*) FROM tokens_session s JOIN accounts_user u ON u.id = s.user_id WHERE login = %s"
        assert connection.execute(statement, [browser.login]).fetchone() == (1,)


@pytest.mark.parametrize(
    "name", ["grant_type", "code", "redirect_uri", "code_verifier", "client_id", "refresh_token", "client_secret"]
)
def test_a_repeated_parameter_is_refused(live: Live, name: str) -> None:
    pkce = Pkce()
    fields = {
        "grant_type": "refresh_token" if name == "refresh_token" else "authorization_code",
        "client_id": CLI,
        "code": code_of(live, pkce),
        "redirect_uri": LOOPBACK,
        "code_verifier": pkce.verifier,
    }
    content = str(httpx.QueryParams(fields)) + f"&{name}=a&{name}=a"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = HTTP.post(f"{live.backend_url}/oauth/token", content=content, headers=headers)
    assert_refused(answer, "invalid_request")
    assert name in answer.json()["error_description"]


def test_the_portal_may_ask_for_a_code_too_and_needs_its_verifier(live: Live) -> None:
    pkce, uri = Pkce(), f"{live.portal_url}/auth/callback"
    answer = Browser(live, fresh("ada")).answer(PORTAL, pkce=pkce, response_type="code")
    assert answer.keys() == {"code", "state", "iss"}
    assert_refused(redeem(live, answer["code"], Pkce(), client_id=PORTAL, redirect_uri=uri))
    tokens = Tokens.of(redeem(live, answer["code"], pkce, client_id=PORTAL, redirect_uri=uri))
    assert call(live, "/me", tokens.access).status_code == 200
    assert Tokens.of(refresh(live, tokens.refresh, client_id=PORTAL)).access


def test_a_person_suspended_before_the_redemption_gets_no_tokens(live: Live, party: Party) -> None:
    browser, pkce = Browser(live, fresh("mallory")), Pkce()
    code = party.ask(browser, pkce)
    with live.connect() as connection:
        connection.execute("UPDATE accounts_user SET standing = 'suspended' WHERE login = %s", [browser.login])
    answer = party.redeem(code, pkce)
    assert_refused(answer)
    assert answer.json()["error_description"] == "account_suspended"


def test_the_code_is_in_the_redirect_only(live: Live) -> None:
    browser = Browser(live, fresh("ada"))
    page = browser.follow(browser.authorize(), until=LOOPBACK)
    answer = browser.submit(page, decision="approve")
    code = query(answer)["code"]
    assert code.startswith("insc_")
    assert len(code) >= 5 + 43
    assert code not in answer.text
    assert code not in str(dict(browser.http.cookies))


KEY, OTHER_KEY = "a-retry-key-of-ada", "another-key-of-ada"


def test_the_same_retry_key_gives_the_same_tokens_to_many_at_once(live: Live, party: Party) -> None:
    pkce = Pkce()
    code = party.ask(Browser(live, fresh("ada")), pkce)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: party.redeem(code, pkce, key=KEY), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    (token,) = {answer.json()["refresh_token"] for answer in answers}
    assert [kind for kind, _ in events(live, token)] == ["session.opened"]
    assert party.refresh(token).status_code == 200


@pytest.mark.parametrize("again", ["another key", "no key", "after a refresh", "after the window"])
def test_any_other_second_redemption_ends_what_the_first_one_gave(live: Live, party: Party, again: str) -> None:
    pkce = Pkce()
    code = party.ask(Browser(live, fresh("ada")), pkce)
    tokens = Tokens.of(party.redeem(code, pkce, key=KEY))
    if again == "after a refresh":
        tokens = Tokens.of(party.refresh(tokens.refresh))
    if again == "after the window":
        age(live, tokens.refresh, "created_at", seconds=party.keeps_keys + 1)
    key = {"another key": OTHER_KEY, "no key": ""}.get(again, KEY)
    assert_refused(party.redeem(code, pkce, key=key))
    assert is_revoked(live, tokens.refresh)
