"""What a host offers, from a terminal."""

import pytest

from tests.cli.terminals import Pointed

GRACE = "019ab3f1-0000-7000-8000-00000000000a"
YOGA = {
    "id": "019ab3f2-5440-7a1c-8000-00000000000a",
    "host": {"id": GRACE, "login": "grace", "display_name": "Grace", "time_zone": "UTC"},
    "title": "Yoga",
    "description": "",
    "place": "Room 4",
    "link": None,
    "minutes": 60,
    "capacity": 12,
    "price_credits": 2,
    "refund_window_hours": None,
    "public": True,
    "archived_at": None,
}
CHANGED = YOGA | {"coming_slots": 9, "booked_slots": 2, "opened": 0, "closed": 0}
PATH = f"/offerings/{YOGA['id']}"


@pytest.fixture
def grace(machine: Pointed) -> Pointed:
    machine.sign_in()
    machine.backend.answer("/me", {"id": GRACE, "login": "grace", "time_zone": "UTC"})
    machine.backend.answer("/offerings", {"results": [YOGA], "next": None})
    machine.backend.answer("/offerings", YOGA, method="POST", status=201)
    machine.backend.answer(PATH, CHANGED, method="PATCH")
    machine.backend.answer(f"{PATH}/archive", YOGA | {"archived_at": "2026-12-01T00:00:00Z"}, method="POST")
    return machine


def sent(grace: Pointed) -> object:
    return grace.backend.requests[-1][3]


def test_the_list(grace: Pointed) -> None:
    assert grace.run("offerings", "list", "--json").json == [YOGA]
    head, row = grace.run("offerings", "list").out.splitlines()
    assert head.split() == ["ID", "TITLE", "MIN", "SEATS", "COST", "PLACE"]
    assert row.split()[1:] == ["Yoga", "60", "12", "2", "Room", "4", "public"]
    grace.backend.answer("/offerings", {"results": [], "next": None})
    assert "Nothing is offered yet." in grace.run("offerings", "list").err


def test_an_offering_is_made_of_what_was_said(grace: Pointed) -> None:
    assert grace.run("offerings", "create", "Yoga").out == f"{YOGA['id']}\n"
    assert sent(grace) == {"title": "Yoga", "minutes": 60}
    options = "--minutes 45 --seats 3 --price 0 --refund-hours 24 --place Here --link https://x.example --public"
    grace.run("offerings", "create", "Yoga", *options.split())
    assert sent(grace) == {
        "title": "Yoga",
        "minutes": 45,
        "capacity": 3,
        "price_credits": 0,
        "refund_window_hours": 24,
        "place": "Here",
        "link": "https://x.example",
        "public": True,
    }


def test_a_change_says_what_follows(grace: Pointed) -> None:
    done = grace.run("offerings", "change", "019ab3f2-5440", "--price", "3", "--private")
    assert sent(grace) == {"price_credits": 3, "public": False}
    assert "9 sessions ahead follow; 2 of them are booked." in done.err
    assert grace.run("offerings", "change", str(YOGA["id"])).code == 2
    assert grace.run("offerings", "change", "019ab3ff", "--price", "3").code == 1


def test_archiving(grace: Pointed) -> None:
    done = grace.run("offerings", "archive", str(YOGA["id"]))
    assert (done.code, done.err) == (0, "✓ Archived: Yoga.\n")
