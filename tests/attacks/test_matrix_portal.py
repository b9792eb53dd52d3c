"""Every page of the portal for everybody, over the real backend: the table is complete, and it is what is answered."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.urls import get_resolver

from tests.attacks.matrix import COLUMNS, PORTAL, Row
from tests.attacks.stage import Stage, arrive
from tests.people import call
from tests.processes import Live
from tests.tokens.test_scopes import routes


@pytest.fixture(scope="module")
def stage(live: Live) -> Stage:
    return Stage(live).open()


def pages() -> set[str]:
    """The pattern of every address of the portal; parameters are `{}`, and the last one is that of all others."""
    found = (path for path, _ in routes(get_resolver("config.urls.portal").url_patterns))
    return {"/" + re.sub(r"<[^>]+>", "{}", path) for path in found}


def test_every_page_has_a_row_for_looking_and_one_for_sending() -> None:
    listed = {(row.method, re.sub(r"\?.*|(?<=\{)\w+(?=\})", "", row.path)) for row in PORTAL if row.path != "/nothing"}
    served = {(method, page) for page in pages() for method in ("GET", "POST")}
    assert served - listed == set(), "who gets what there? Say it in tests/attacks/matrix.py."
    assert listed - served == set(), "these rows are about nothing that there is"


@pytest.mark.parametrize("row", PORTAL, ids=str)
def test_everybody_gets_what_the_table_says(stage: Stage, row: Row) -> None:
    expected = dict(zip(COLUMNS, row.expected, strict=True))
    if row.expected[0] == "405":
        expected = {column: expected[column] for column in ("anonymous", "owner")}
    assert {column: stage.ask(row, column) for column in expected} == expected


@pytest.mark.parametrize(("kind", "path"), [("session", "/sessions"), ("token", "/personal-access-tokens")])
def test_what_a_stranger_is_told_is_ended_lives_on(stage: Stage, kind: str, path: str) -> None:
    page = "/sessions" if kind == "session" else "/tokens"
    row = Row("POST", f"{page}/{{{kind}}}/revoke", ())
    mine = stage.need(kind)
    assert stage.send(row, "other").status_code == 303
    found = call(stage.live, path, stage.scripts["owner"]).json()["results"]
    assert mine in {one["id"] for one in found}


def test_signing_out_beside_bookings_leaves_none_that_was_not_answered(stage: Stage) -> None:
    """A thief books while the owner signs out everywhere: what was too late was refused and has taken no seat."""
    slots = [stage.another("free") for _ in range(8)]
    token, start = arrive(stage.live, stage.logins["owner"])["insighta_at"], threading.Barrier(9)

    def book(slot: str) -> tuple[str, int]:
        start.wait()
        return slot, call(stage.live, "/bookings", token, "POST", json={"slot_id": slot}).status_code

    with ThreadPoolExecutor(8) as thief:
        answers = thief.map(book, slots)
        start.wait()
        assert call(stage.live, "/sessions", stage.scripts["owner"], "DELETE").status_code == 204
        assert call(stage.live, "/me", token).status_code == 401
        booked = dict(answers)
    stage.sign_owner_in_again()
    assert set(booked.values()) <= {201, 401}
    held = call(stage.live, "/bookings?when=upcoming", stage.scripts["owner"]).json()["results"]
    taken = {one["slot_id"] for one in held if one["status"] == "active"} & booked.keys()
    assert taken == {slot for slot, status in booked.items() if status == 201}
