"""Whom a sign-in makes or finds: GitHub's numeric id decides, whatever the name and however many ask at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx
import pytest
from psycopg.rows import dict_row

from accounts.models import User
from tests.accounts.github import answered_by_github, describe, fresh, github_id
from tests.people import PORTAL, Browser, Pkce, call, query, refresh
from tests.processes import Live

ROUNDS, TABS = 25, 6


def people(live: Live, **columns: object) -> list[dict[str, Any]]:
    """The rows of everybody with these columns."""
    where = " AND ".join(f"{name} = %({name})s" for name in columns)
    with live.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(f"SELECT * FROM accounts_user WHERE {where} ORDER BY id", columns).fetchall()


def associations(live: Live, uid: int) -> list[object]:
    with live.connect() as connection:
        statement = "SELECT user_id FROM social_auth_usersocialauth WHERE provider = 'github' AND uid = %s"
        return [row[0] for row in connection.execute(statement, [str(uid)]).fetchall()]


@pytest.mark.django_db
def test_a_migrated_database_holds_no_account() -> None:
    assert not User.objects.exists()


@pytest.mark.parametrize(("said", "zone"), [("Asia/Tokyo", "Asia/Tokyo"), ("Mars/Olympus", "UTC"), (None, "UTC")])
def test_a_new_person_has_the_browsers_zone_and_keeps_it(live: Live, said: str | None, zone: str) -> None:
    browser = Browser(live, fresh("zone"))
    browser.answer(PORTAL, time_zone=said)
    browser.answer(PORTAL, time_zone="Europe/Paris")
    (person,) = people(live, login=browser.login)
    assert person["time_zone"] == zone


def test_six_first_sign_ins_at_once_leave_one_person_one_association_and_six_sessions(live: Live) -> None:
    browsers = [Browser(live, "") for _ in range(TABS)]
    with ThreadPoolExecutor(TABS) as pool:
        for _ in range(ROUNDS):
            _race_first_sign_ins(live, browsers, pool)


def _race_first_sign_ins(live: Live, browsers: list[Browser], pool: ThreadPoolExecutor) -> None:
    login, pkce = fresh("ada"), Pkce()
    for browser in browsers:
        browser.login = login
    waiting = [answered_by_github(browser, pkce=pkce) for browser in browsers]
    together = Barrier(TABS)

    def finish(browser: Browser, answer: httpx.Response) -> httpx.Response:
        together.wait()
        return browser.follow(answer, until=f"{live.portal_url}/auth/callback")

    given = [query(response) for response in pool.map(finish, browsers, waiting)]
    (person,) = people(live, login=login)
    uid = github_id(live, login)
    assert person["github_id"] == uid
    assert associations(live, uid) == [person["id"]]
    assert len({answer["rt"] for answer in given}) == TABS
    with live.connect() as connection:
        counted = connection.execute(
            "SELECT (SELECT count(*) FROM tokens_session WHERE user_id = %(id)s),"
            " (SELECT count(*) FROM accounts_event WHERE user_id = %(id)s AND kind = 'person.created')",
            {"id": person["id"]},
        )
        assert counted.fetchone() == (TABS, 1)
    redeemed = refresh(live, given[-1]["rt"], client_id=PORTAL, code_verifier=pkce.verifier)
    assert redeemed.status_code == 200


def test_a_person_renamed_at_github_stays_the_same_person(live: Live) -> None:
    before, after = fresh("ada"), fresh("countess")
    first = Browser(live, before).sign_in()
    me = call(live, "/me", first.access).json()
    changed = call(live, "/me", first.access, "PATCH", json={"display_name": "Ada L.", "time_zone": "Africa/Lagos"})
    assert changed.status_code == 200
    describe(live, after, id=github_id(live, before), name="Countess", email="countess@users.example.test")
    again = call(live, "/me", Browser(live, after).sign_in().access).json()
    assert (again["id"], again["login"], again["email"]) == (me["id"], after, "countess@users.example.test")
    assert (again["display_name"], again["time_zone"]) == ("Ada L.", "Africa/Lagos")
    assert people(live, login=before) == []


def test_a_name_that_passed_to_another_account_opens_another_account(live: Live) -> None:
    login = fresh("ada")
    ada = Browser(live, login).sign_in()
    ada_id = call(live, "/me", ada.access).json()["id"]
    describe(live, login, id=github_id(live, fresh("mallory")), email="mallory@users.example.test")
    mallory = call(live, "/me", Browser(live, login).sign_in().access).json()
    assert mallory["id"] != ada_id
    mine = call(live, "/me", ada.access).json()
    assert (mine["id"], mine["login"], mine["email"]) == (ada_id, login, f"{login}@users.example.test")
    assert len(people(live, login=login)) == 2


def test_an_email_that_two_people_give_merges_nobody(live: Live) -> None:
    ada, mallory = fresh("ada"), fresh("mallory")
    shared = f"{ada}@users.example.test"
    describe(live, mallory, email=shared)
    ids = {call(live, "/me", Browser(live, login).sign_in().access).json()["id"] for login in (ada, mallory)}
    assert len(ids) == 2
    assert len(people(live, email=shared)) == 2


def test_only_a_verified_address_is_taken_over(live: Live) -> None:
    mallory, ada = fresh("mallory"), fresh("ada")
    describe(live, mallory, email=f"{ada}@users.example.test", email_verified=False)
    describe(live, ada, email=None)
    for login in (mallory, ada):
        assert call(live, "/me", Browser(live, login).sign_in().access).json()["email"] == ""


def test_an_inactive_person_who_returns_is_active_again(live: Live) -> None:
    login = fresh("ada")
    first = Browser(live, login).sign_in()
    assert call(live, "/me/deactivate", first.access, "POST").status_code == 204
    (left,) = people(live, login=login)
    assert left["is_active"] is False
    second = Browser(live, login).sign_in()
    (returned,) = people(live, login=login)
    assert (returned["id"], returned["is_active"], returned["standing"]) == (left["id"], True, "approved")
    assert call(live, "/me", second.access).json()["id"] == str(left["id"])
    assert call(live, "/me", first.access).json()["code"] == "not_authenticated"
