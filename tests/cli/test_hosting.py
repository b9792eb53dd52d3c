"""The sessions of a host, from a terminal."""

import pytest

from tests.cli.terminals import Pointed

SLOT = {
    "id": "019ab3f2-5440-7a1c-8000-00000000000a",
    "host": {"id": "019ab3f1-0000-7000-8000-00000000000a", "login": "grace", "display_name": "Grace"},
    "title": "Yoga",
    "starts_at": "2098-12-01T10:00:00Z",
    "ends_at": "2098-12-01T11:00:00Z",
    "capacity": 8,
    "seats_taken": 2,
    "status": "open",
}
ADA = {"id": "019ab3f1-0000-7000-8000-00000000000b", "login": "ada", "display_name": "Ada"}
CANCELLED = [{"booking_id": SLOT["id"], "client": ADA, "credits_refunded": 2}]
CHANGED = SLOT | {"changed": ["place"], "people_told": 1, "waiting_told": 3, "promoted": 1, "cancelled": CANCELLED}
PATH = f"/slots/{SLOT['id']}"
SHORT = "019ab3f2-5440"


@pytest.fixture
def grace(machine: Pointed) -> Pointed:
    machine.sign_in()
    machine.backend.answer("/hosting/slots", {"results": [SLOT], "next": None})
    machine.backend.answer(PATH, SLOT)
    machine.backend.answer(PATH, CHANGED, method="PATCH")
    machine.backend.answer(f"{PATH}/cancel", {"bookings_cancelled": 2, "credits_refunded": 4}, method="POST")
    machine.backend.answer(f"{PATH}/reopen", SLOT, method="POST")
    return machine


def sent(grace: Pointed) -> object:
    return grace.backend.requests[-1][3]


def test_the_list(grace: Pointed) -> None:
    assert grace.run("hosting", "list", "--json").json == [SLOT]
    head, row = grace.run("hosting", "list", "--when", "past").out.splitlines()
    assert head.split()[0] == "ID"
    assert row.split()[-4:] == ["Yoga", "2", "of", "8"]
    assert grace.run("hosting", "list", "--when", "never").code == 2
    grace.backend.answer("/hosting/slots", {"results": [], "next": None})
    assert "There is nothing here." in grace.run("hosting", "list").err


def test_a_change_says_whom_it_concerns(grace: Pointed) -> None:
    done = grace.run("hosting", "change", SHORT, "--place", "Room 2", "--seats", "8", "--message", "Light", "--yes")
    assert done.code == 0, done.err
    assert sent(grace) == {"place": "Room 2", "capacity": 8, "message": "Light"}
    assert "1 booked and 3 waiting are told." in done.err
    assert "ada is booked elsewhere then: cancelled, 2 credits back." in done.err
    assert grace.run("hosting", "change", SHORT, "--place", "x", "--json").json == CHANGED
    assert grace.run("hosting", "change", SHORT, "--message", "only words").code == 2


def test_a_session_is_cancelled_and_opened_again(grace: Pointed) -> None:
    done = grace.run("hosting", "cancel", SHORT, "--yes", "--message", "Ill")
    assert (done.code, sent(grace)) == (0, {"message": "Ill"})
    assert "2 got 4 credits back" in done.err
    again = grace.run("hosting", "reopen", SHORT)
    assert again.code == 0
    assert "Open again: Yoga" in again.err
