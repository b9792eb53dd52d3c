"""`GET /trail`: what happened to the caller's account and bookings, and nothing of anybody else."""

from typing import Any, Literal

import pytest
from django.test import Client

from accounts.models import User
from accounts.services.events import record_event
from bookings.models import Slot
from bookings.services.booking import book_slot
from bookings.services.cancelling import cancel_booking
from bookings.services.front_desk import cancel_booking_as_staff
from tests.bookings.api import Caller
from tests.tokens.in_process import call, sign_in


def ask(person: User, path: str = "/trail") -> Any:
    return call(Client(), path, sign_in(person).access_token)


def test_it_tells_what_the_person_and_others_did_with_the_session(ada: User, grace: User, slot: Slot) -> None:
    booking = book_slot(client_id=ada.id, slot_id=slot.id)
    cancel_booking(client_id=ada.id, booking_id=booking["id"], expected_credits_refunded=1)
    record_event(kind="booking.no_show", user_id=ada.id, actor_id=grace.id, detail={"booking_id": str(booking["id"])})
    record_event(kind="person.standing_changed", user_id=ada.id, detail={"reason": "between staff"})
    record_event(kind="session.opened", user_id=ada.id, address="203.0.113.9", detail={"label": "Firefox"})
    signed_in, missed, cancelled, made = ask(ada).json()["results"][1:5]
    assert (signed_in["kind"], signed_in["name"], signed_in["address"]) == ("session.opened", "Firefox", "203.0.113.9")
    assert [one["kind"] for one in (missed, cancelled, made)] == [
        "booking.no_show",
        "booking.cancelled",
        "booking.made",
    ]
    assert [one["by_you"] for one in (missed, cancelled, made)] == [False, True, True]
    assert made["booking_id"] == str(booking["id"])
    assert (made["session"]["title"], made["session"]["host"]["login"]) == (slot.title, grace.login)
    assert made["session"]["cancelled_by"] == "client"
    assert ask(ada, "/pages/trail").json()["events"]["results"][2:6] == [signed_in, missed, cancelled, made]
    assert Caller(ada, frozenset({"account:read"})).refused("GET", "/trail") == (403, "permission_denied")


@pytest.mark.parametrize("refund", ["rule", "full"])
def test_what_the_staff_enter_by_a_command_is_not_said_to_be_the_persons_doing(
    ada: User, slot: Slot, refund: Literal["rule", "full"]
) -> None:
    booking = book_slot(client_id=ada.id, slot_id=slot.id)
    cancel_booking_as_staff(booking_id=booking["id"], refund=refund)
    cancelled, made = ask(ada).json()["results"][1:3]
    assert (cancelled["kind"], cancelled["by_you"], made["by_you"]) == ("booking.cancelled", False, True)


def test_it_is_the_callers_alone_and_goes_on_where_it_ended(ada: User, mallory: User) -> None:
    for number in range(60):
        record_event(kind="token.created", user_id=ada.id, actor_id=ada.id, detail={"name": f"{number}"})
    first = ask(ada).json()
    cursor = first["next"].partition("cursor=")[2]
    names = [one["name"] for one in first["results"] + ask(ada, f"/trail?cursor={cursor}").json()["results"]]
    assert [name for name in names if name.isdecimal()] == [f"{number}" for number in reversed(range(60))]
    for path in ("/trail", f"/trail?cursor={cursor}"):
        assert not [one for one in ask(mallory, path).json()["results"] if one["kind"] == "token.created"]


@pytest.mark.parametrize("cursor", ["x", "0", "é", "0193a000-0000-7000-8000"])
def test_a_cursor_of_no_page_is_refused(ada: User, cursor: str) -> None:
    answer = ask(ada, f"/trail?cursor={cursor}")
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_error")
