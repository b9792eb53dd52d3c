"""What is seen before a credit is spent or a refund is given up, and how few requests that takes."""

import pytest

from tests.cli.fake_backend import FakeBackend
from tests.cli.terminals import Pointed

SLOT = "019ab3f2-5440-7a1c-8000-00000000000a"
BOOKING = "019ab3f7-0c11-7000-8000-00000000000b"
HOST = {"login": "margaret", "display_name": "Margaret Hamilton"}
LATER = {
    "starts_at": "2099-11-24T13:00:00Z",
    "ends_at": "2099-11-24T14:00:00Z",
    "refund_deadline": "2099-11-24T01:00:00Z",
}
LATE = {
    "starts_at": "2020-11-24T13:00:00Z",
    "ends_at": "2020-11-24T14:00:00Z",
    "refund_deadline": "2020-11-24T01:00:00Z",
}
BOOKED = {
    "id": BOOKING,
    "title": "Compilers",
    "host": HOST,
    "scheduled_start_time": LATER["starts_at"],
    "scheduled_end_time": LATER["ends_at"],
    "refund_deadline": LATER["refund_deadline"],
}


def slot_of(times: dict[str, str], **fields: object) -> dict[str, object]:
    seats = {"capacity": 12, "seats_left": 11, "status": "open"}
    return {"id": SLOT, "host": HOST, "title": "Compilers"} | seats | times | fields


def offer(backend: FakeBackend, *slots: dict[str, object]) -> None:
    backend.answer("/slots", {"results": slots, "next": None})
    backend.answer(f"/slots/{SLOT}", slots[0])


@pytest.fixture
def ada(machine: Pointed) -> Pointed:
    """Ada is signed in and may book and move."""
    machine.sign_in()
    machine.backend.answer("/bookings", BOOKED, method="POST", status=201)
    machine.backend.answer(f"/bookings/{BOOKING}", BOOKED)
    machine.backend.answer(f"/bookings/{BOOKING}/reschedule", BOOKED, method="POST")
    return machine


@pytest.mark.parametrize("text", [SLOT, SLOT[:18]])
def test_booking_asks_with_one_request_more_at_most(ada: Pointed, text: str) -> None:
    offer(ada.backend, slot_of(LATER))
    with ada.terminal("book", text) as terminal:
        terminal.see(r"Compilers with Margaret Hamilton, Tue 24 Nov, 14:00-15:00 \(Africa/Lagos\)")
        terminal.see(r"Price: 1 credit\.")
        terminal.see(r"Full refund until Tue 24 Nov, 02:00 \(Africa/Lagos\)")
        terminal.type("y\n")
        assert terminal.end() == 0
    assert len(ada.backend.requests) == 2
    assert ada.backend.paths("POST") == ["/api/v1/bookings"]


@pytest.mark.parametrize("answer", ["\n", "n\n", "what\n"])
def test_only_a_clear_yes_books(ada: Pointed, answer: str) -> None:
    offer(ada.backend, slot_of(LATE))
    with ada.terminal("book", SLOT) as terminal:
        terminal.see(r"This session cannot be refunded: it starts in less than 12 hours\.")
        terminal.see(r"Book this session for 1 credit\? \[y/N\]")
        terminal.type(answer)
        assert terminal.end() == 2
    assert "Nothing was booked." in terminal.plain
    assert ada.backend.paths("POST") == []


@pytest.mark.parametrize("flag", ["--yes", "-y"])
def test_yes_books_without_a_question(ada: Pointed, flag: str) -> None:
    with ada.terminal("book", SLOT, flag) as terminal:
        assert terminal.end() == 0
    assert "[y/N]" not in terminal.plain
    assert ada.backend.paths() == ["/api/v1/bookings"]


def test_a_script_is_never_asked(ada: Pointed) -> None:
    assert ada.run("book", SLOT).out == f"{BOOKING}\n"
    assert ada.run("reschedule", BOOKING, SLOT).code == 0
    assert ada.backend.paths() == ["/api/v1/bookings", f"/api/v1/bookings/{BOOKING}/reschedule"]


def test_a_script_that_takes_the_id_is_not_asked_at_a_terminal_either(ada: Pointed) -> None:
    with ada.shell("bash").terminal("-c", f"id=$({ada.command} book {SLOT}); echo got $id") as terminal:
        terminal.see(f"got {BOOKING}")
        assert terminal.end() == 0
    assert ada.backend.paths() == ["/api/v1/bookings"]


def test_moving_asks_only_where_the_refund_is_given_up(ada: Pointed) -> None:
    offer(ada.backend, slot_of(LATE))
    with ada.terminal("reschedule", BOOKING, SLOT) as terminal:
        terminal.see(r"give up its refund\? \[y/N\]")
        terminal.type("n\n")
        assert terminal.end() == 2
    assert ada.backend.paths("POST") == []
    offer(ada.backend, slot_of(LATER))
    with ada.terminal("reschedule", BOOKING, SLOT) as terminal:
        assert terminal.end() == 0
    assert "[y/N]" not in terminal.plain


def sent(ada: Pointed) -> dict[str, object]:
    return [body for method, _, _, body in ada.backend.requests if method == "POST"][-1]


@pytest.mark.parametrize(("price", "words"), [(3, "3 credits"), (0, "nothing")])
def test_the_price_that_was_seen_is_sent(ada: Pointed, price: int, words: str) -> None:
    offer(ada.backend, slot_of(LATER, price_credits=price, place="Room 4"))
    with ada.terminal("book", SLOT) as terminal:
        terminal.see("Room 4")
        terminal.see(rf"Price: {words}\.")
        terminal.see(rf"Book this session for {words}\? \[y/N\]")
        terminal.type("y\n")
        assert terminal.end() == 0
    assert sent(ada) == {"slot_id": SLOT, "expected_credits_charged": price}


@pytest.mark.parametrize("words", [["book", SLOT], ["hosting", "book", SLOT, "ada", "--charge"]])
def test_a_script_says_what_it_expects_to_pay(ada: Pointed, words: list[str]) -> None:
    ada.backend.answer(
        f"/slots/{SLOT}/bookings",
        BOOKED | {"client": {"login": "ada"}, "credits_charged": 0},
        method="POST",
        status=201,
    )
    assert ada.run(*words, "--yes", "--expect", "0").code == 0
    assert sent(ada)["expected_credits_charged"] == 0
    assert ada.run(*words, "--yes").code == 0
    assert "expected_credits_charged" not in sent(ada)
    assert ada.run(*words, "--expect", "two").code == 2


def test_moving_to_another_price_is_asked(ada: Pointed) -> None:
    offer(ada.backend, slot_of(LATER, price_credits=3))
    with ada.terminal("reschedule", BOOKING, SLOT) as terminal:
        terminal.see(r"It costs 3 credits; you have paid 1 credit\.")
        terminal.type("y\n")
        assert terminal.end() == 0
    assert sent(ada) == {"slot_id": SLOT, "expected_credits_charged": 3}


def test_the_list_shows_until_when_a_refund_is_full(ada: Pointed) -> None:
    title = "Everything about compilers that nobody dared to ask"
    other = slot_of(LATER, id=SLOT.replace("a", "c"), title=title, booking_id=BOOKING)
    offer(ada.backend, slot_of(LATE), other)
    head, late, later = ada.run("slots", TZ="America/New_York").out.splitlines()
    assert head.endswith("  REFUND UNTIL")
    assert late.endswith("  none")
    assert later.endswith("  23 Nov 20:00")
    assert "…" in later
    assert max(map(len, (head, late, later))) <= 100


def test_the_hour_that_happens_twice_is_told_apart(ada: Pointed) -> None:
    times = {"starts_at": "2096-11-04T05:30:00+00:00", "ends_at": "2096-11-04T06:00:00+00:00"}
    offer(ada.backend, slot_of(LATER) | times)
    assert "01:30 EDT-01:00 EST" in ada.run("slots", TZ="America/New_York").out
