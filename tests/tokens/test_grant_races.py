"""Decisions that can be taken once, taken by many at one moment over connections of their own."""

from collections.abc import Iterator
from itertools import product

import httpx
import pytest

from tests.accounts.github import fresh
from tests.people import CLI, Browser, Tokens, call
from tests.processes import Live
from tests.tokens.device import GRANT, Device
from tests.tokens.parties import Party, party_of
from tests.tokens.races import Racers, refreshes
from tests.tokens.rows import session_id

REQUESTS = 12
RACES = 8


@pytest.fixture
def racers(live: Live) -> Iterator[Racers]:
    racers = Racers(live, REQUESTS)
    yield racers
    racers.close()


@pytest.fixture(scope="module")
def ada(live: Live) -> Tokens:
    return Browser(live, fresh("ada")).sign_in()


@pytest.fixture(scope="module")
def mallory(live: Live) -> Tokens:
    return Browser(live, fresh("mallory")).sign_in()


def decision(device: Device, person: Tokens, verb: str) -> tuple[str, dict[str, str], dict[str, str]]:
    address = f"/api/v1/device-requests/{device.user_code}/{verb}"
    return address, {}, {"Authorization": f"Bearer {person.access}", "Content-Type": "application/json"}


def session_ids(live: Live, person: Tokens) -> set[str]:
    return {one["id"] for one in call(live, "/sessions", person.access).json()["results"]}


def test_a_device_code_polled_by_many_at_once_opens_one_session(live: Live, racers: Racers, ada: Tokens) -> None:
    for _ in range(RACES):
        before = session_ids(live, ada)
        device = Device.begin(live)
        assert call(live, f"/device-requests/{device.user_code}/approve", ada.access, "POST").status_code == 200
        form = {"grant_type": GRANT, "client_id": CLI, "device_code": device.device_code}
        answers = racers.send([("/oauth/token", form, {})] * REQUESTS)
        given = [answer.body for answer in answers if answer.status == 200]
        errors = {answer.body["error"] for answer in answers if answer.status != 200}
        assert len(given) == 1
        assert errors <= {"slow_down", "invalid_grant"}
        assert call(live, "/me", given[0]["access_token"]).status_code == 200
        assert len(session_ids(live, ada) - before) == 1


def test_of_approve_and_deny_at_once_one_counts_and_the_device_hears_that_one(
    live: Live, racers: Racers, ada: Tokens
) -> None:
    outcomes = set()
    for race in range(RACES):
        device = Device.begin(live)
        verbs = ["approve", "deny"] if race % 2 else ["deny", "approve"]
        answers = racers.send([decision(device, ada, verb) for verb in verbs * (REQUESTS // 2)])
        decided = {answer.body["status"] for answer in answers if answer.status == 200}
        assert {answer.status for answer in answers} == {200, 409}
        assert {answer.body["code"] for answer in answers if answer.status == 409} == {"already_decided"}
        assert len(decided) == 1
        heard = device.poll()
        if decided == {"approved"}:
            assert heard.status_code == 200
        else:
            assert heard.json()["error"] == "access_denied"
        outcomes |= decided
    assert outcomes


def test_of_two_people_who_approve_at_once_one_is_signed_in_and_the_other_told_nothing(
    live: Live, racers: Racers, ada: Tokens, mallory: Tokens
) -> None:
    ids = {call(live, "/me", person.access).json()["id"]: person for person in (ada, mallory)}
    for race in range(RACES):
        device = Device.begin(live)
        people = [ada, mallory] if race % 2 else [mallory, ada]
        answers = racers.send([decision(device, person, "approve") for person in people])
        assert sorted(answer.status for answer in answers) == [200, 404]
        (winner,) = [person for person, answer in zip(people, answers, strict=True) if answer.status == 200]
        signed_in = call(live, "/me", Tokens.of(device.poll()).access).json()["id"]
        assert ids[signed_in] is winner


def end(live: Live, how: str, *, party: Party, first: Tokens, other: Tokens) -> httpx.Response:
    """End the sign-in that `first` is of, by the client itself or from the other sign-in."""
    if how == "by its access token":
        return party.revoke(first.access)
    paths = {
        "one session": f"/sessions/{session_id(first.refresh)}",
        "all sessions": "/sessions?keep=current",
        "withdrawn": f"/applications/{party.client_id}",
    }
    return call(live, paths[how], other.access, "DELETE")


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        *product([CLI, "confidential", "public"], ["one session", "all sessions", "by its access token"]),
        *product(["confidential", "public"], ["withdrawn"]),
    ],
)
def test_whatever_refreshes_run_beside_it_a_revocation_is_final(
    live: Live, racers: Racers, kind: str, how: str
) -> None:
    browser, party = Browser(live, fresh("grace")), party_of(live, kind)
    for race in range(4):
        first, other = party.sign_in(browser), browser.sign_in()
        requests = refreshes(first.refresh, keys=[f"grace-keeps-one-key-{race}"] * (REQUESTS - 1), form=party.form)
        racers.start(requests)
        ended = end(live, how, party=party, first=first, other=other)
        assert ended.status_code in {200, 204}
        for answer in racers.answers(len(requests)):
            if answer.status == 200:
                assert call(live, "/me", answer.body["access_token"]).status_code == 401
                assert party.refresh(answer.body["refresh_token"]).status_code == 400
            else:
                assert answer.body["error"] == "invalid_grant"
        assert call(live, "/me", first.access).status_code == 401


def test_signing_out_everywhere_beside_a_poll_leaves_no_session(live: Live, racers: Racers) -> None:
    browser = Browser(live, fresh("ada"))
    here = browser.sign_in()
    for _ in range(RACES):
        device = Device.begin(live)
        assert call(live, f"/device-requests/{device.user_code}/approve", here.access, "POST").status_code == 200
        form = {"grant_type": GRANT, "client_id": CLI, "device_code": device.device_code}
        racers.start([("/oauth/token", form, {})])
        assert call(live, "/sessions?keep=current", here.access, "DELETE").status_code == 204
        (answer,) = racers.answers(1)
        assert (answer.status, answer.body.get("error")) in {
            (200, None),
            (400, "access_denied"),
            (400, "invalid_grant"),
        }
        if answer.status == 200:
            assert call(live, "/me", answer.body["access_token"]).status_code == 401
        else:
            device.let_pass(5)
            assert device.poll().status_code == 400
