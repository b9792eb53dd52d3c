"""Debian's mod_auth_openidc as a registered application: what `register_client` prints is pasted into Apache."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.accounts.github import fresh
from tests.people import Browser
from tests.processes import Live, Process, wait_until
from tests.tokens.apache import Apache, serve_apache

# The module counts whole seconds since the last refresh. What five requests have refreshed together must not be old
# again while one of them is under way: its token would then be the one before the last, which is a replay.
OLD_SECONDS = 5


@pytest.fixture(scope="module")
def apache(live: Live) -> Iterator[Apache]:
    with serve_apache(live) as running:
        yield running


@pytest.fixture
def ada(live: Live) -> Browser:
    return Browser(live, fresh("ada"))


def test_a_person_signs_in_to_the_protected_page(apache: Apache, ada: Browser) -> None:
    page = apache.sign_in(ada)
    assert (str(page.url), page.text) == (f"{apache.address}/wiki/", "the wiki"), apache.process.text()
    kept = apache.look_inside(ada).json()
    assert kept["userinfo"]["preferred_username"] == ada.login
    assert page.headers["X-Remote-User"].startswith(kept["userinfo"]["sub"])


def test_a_refusal_is_told_once_and_does_not_start_again(apache: Apache, ada: Browser) -> None:
    refused = ada.submit(apache.open(ada), decision="deny")
    assert "iss=" in refused.headers["location"]
    told = ada.get(refused.headers["location"])
    assert not told.is_redirect
    assert "access_denied" in told.text


def test_five_refreshes_at_once_and_the_next_one_keep_the_sign_in(apache: Apache, ada: Browser) -> None:
    apache.sign_in(ada)
    first = apache.look_inside(ada).json()
    time.sleep(OLD_SECONDS + 1.1)
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: apache.look_inside(ada, seconds=OLD_SECONDS), range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["access_token"] for answer in answers} - {first["access_token"]}) > 1
    second = _refreshed(apache, ada, first)
    third = _refreshed(apache, ada, first, second)
    assert len({kept["access_token"] for kept in (first, second, third)}) == 3
    assert apache.open(ada).text == "the wiki"


def _refreshed(apache: Apache, ada: Browser, *before: dict[str, Any]) -> dict[str, Any]:
    """What the module keeps once it has refreshed what it kept before."""
    kept: dict[str, Any] = {}

    def is_new() -> bool:
        kept.update(apache.look_inside(ada, seconds=0).json())
        return kept["refresh_token"] not in {one["refresh_token"] for one in before}

    wait_until(is_new, tell=apache.process.text)
    return kept


def test_signing_out_at_apache_ends_the_sign_in_and_comes_back(apache: Apache, ada: Browser) -> None:
    apache.sign_in(ada)
    kept = apache.look_inside(ada).json()
    left = ada.follow(
        ada.http.get(apache.redirect_uri, params={"logout": f"{apache.address}/bye.html"}), until="nowhere"
    )
    assert (str(left.url), left.text) == (f"{apache.address}/bye.html", "bye")
    assert urlsplit(ada.get(f"{apache.address}/wiki/").headers["location"]).path == "/oauth/authorize"
    with ada.live.connect() as connection:
        row = connection.execute(
            "SELECT revoked_because FROM tokens_session WHERE client_id = %s AND user_id = %s",
            [apache.client_id, kept["userinfo"]["sub"]],
        ).fetchone()
    assert row == ("signed out",)


def test_a_sign_in_that_ends_elsewhere_ends_at_apache(apache: Apache, ada: Browser, worker: Process) -> None:
    """Apache revokes what it holds while it answers; that neither waits nor tells it again."""
    apache.sign_in(ada)
    bob = Browser(ada.live, fresh("bob"))
    apache.sign_in(bob)
    ada.live.manage("revoke_sessions", ada.login)
    with ada.live.connect() as connection:
        statement = (
            "SELECT count(*) FROM accounts_event WHERE client_id = %s AND kind = 'application.logout_delivered'"
            " AND user_id = (SELECT id FROM accounts_user WHERE login = %s)"
        )
        told = [apache.client_id, ada.login]
        # Nothing is asked of Apache meanwhile: a request that is under way saves its sign-in again.
        wait_until(lambda: connection.execute(statement, told).fetchone() == (1,), tell=worker.text)
    assert apache.open(ada).text != "the wiki"
    assert apache.open(bob).text == "the wiki"
