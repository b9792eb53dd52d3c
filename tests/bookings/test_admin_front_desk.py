"""The front desk in the admin: each operation is looked at first, confirmed as it was shown, and refused in words."""

from uuid import uuid4

import pytest
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse

from accounts.models import Event, User
from bookings.models import Booking, CreditEntry, Slot
from bookings.services.booking import book_slot
from bookings.services.front_desk import cancel_slot_as_staff
from bookings.services.waiting import join_waitlist
from tests.bookings.jobs import forget_jobs, run_jobs
from tests.bookings.people import credits_of, make_person, make_slot, shift_start, state
from tests.bookings.staff import (
    CHANGE,
    CONFIRM,
    LOOK,
    address,
    browser_of,
    confirm,
    lines,
    look,
    look_only,
    make_staff,
    refusal,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def booking(ada: User, slot: Slot) -> Booking:
    booked = book_slot(client_id=ada.id, slot_id=slot.id)
    forget_jobs()
    return Booking.objects.get(id=booked["id"])


def test_a_booking_is_cancelled_as_it_was_shown(
    staff: Client, sam: User, ada: User, slot: Slot, booking: Booking, mailoutbox: list[EmailMessage]
) -> None:
    lee, kim = make_person("lee"), make_person("kim")
    Slot.objects.filter(id=slot.id).update(capacity=1)
    for person in (lee, kim):
        join_waitlist(client_id=person.id, slot_id=slot.id)
    User.objects.filter(id=lee.id).update(email_notifications=False)
    path, given = address("booking_cancel", booking), {"refund": "full", "message": "As you\u202e asked\r\n\r\nSam"}
    page = look(staff, path, given)
    shown = lines(page)
    assert shown["Credits"] == ["1 credit of 1 back; ada can spend 5 credits afterwards"]
    assert shown["Seats"][0].endswith("1 of 1 taken afterwards")
    assert [one.rpartition(": ")[2] for one in shown["Waitlist"]] == [
        "lee gets the seat, for 1 credit",
        "1 still waiting",
    ]
    assert shown["Told by mail"] == ["ada: that the staff have cancelled"]
    assert shown["Not reached"] == ["lee: no address, or mails switched off"]
    done = confirm(staff, path, given)
    assert done.redirect_chain == [(address("booking_change", booking), 302)]
    assert b"is cancelled; 1 credit of 1 back." in done.content
    event = Event.objects.get(kind="booking.cancelled")
    assert (event.user_id, event.actor_id, event.detail["by"]) == (ada.id, sam.id, "staff")
    assert (credits_of(ada), Booking.objects.get(client=lee).status) == (5, "active")
    run_jobs()
    assert [mail.to for mail in mailoutbox] == [[ada.email]]
    assert "The staff write:\nAs you asked\n\nSam" in mailoutbox[0].body
    assert "not active any more" in refusal(staff, path, given)
    assert "Choose which refund goes back." in refusal(staff, path, {})


def test_the_rule_gives_back_what_is_still_owed_and_says_so_before(staff: Client, slot: Slot, booking: Booking) -> None:
    path = address("booking_cancel", booking)
    shift_start(slot, hours=1)
    assert lines(look(staff, path, {"refund": "rule"}))["Credits"][0].startswith("0 credits of 1 back")
    confirm(staff, path, {"refund": "rule"})
    assert Booking.objects.get(id=booking.id).credits_refunded == 0


def test_what_is_different_from_what_was_seen_is_shown_anew(staff: Client, slot: Slot, booking: Booking) -> None:
    path, given = address("booking_cancel", booking), {"refund": "rule", "message": "x"}
    seen = look(staff, path, given).context["done"].seen
    shift_start(slot, hours=1)
    before = state()
    for old in (seen, "", "x" * 5000):
        page = staff.post(path, {**given, **CONFIRM, "seen": old})
        assert "This is not what you were shown any more, so nothing was done." in page.content.decode()
        assert page.context["done"].seen != seen
        assert state() == before
    staff.post(path, {**given, **CONFIRM, "seen": page.context["done"].seen})
    assert Booking.objects.get(id=booking.id).status == "cancelled"


def test_what_was_typed_can_be_changed_before_it_is_done(staff: Client, booking: Booking) -> None:
    before = state()
    page = staff.post(address("booking_cancel", booking), {"refund": "full", "message": "Typed", **CHANGE})
    assert page.context["done"] is None
    assert b">\nTyped</textarea>" in page.content
    assert state() == before


def test_a_booking_is_moved_at_the_new_price(
    staff: Client, sam: User, ada: User, grace: User, slot: Slot, booking: Booking
) -> None:
    target, other = make_slot(grace, hours=90, title="Later"), make_slot(make_person("linus", is_host=True), hours=95)
    Slot.objects.filter(id=target.id).update(price_credits=3)
    full = make_slot(grace, hours=99, capacity=1, title="Full")
    book_slot(client_id=make_person("first").id, slot_id=full.id)
    path = address("booking_move", booking)
    offered = [one for one, _ in staff.get(path).context["view"].choices]
    assert (str(target.id) in offered, str(full.id) in offered, str(other.id) in offered) == (True, False, False)
    assert [one for one, _ in staff.get(path, {"host": "linus"}).context["view"].choices] == [str(other.id)]
    page = look(staff, path, {"slot": str(target.id)})
    assert lines(page)["Credits"] == ["It costs 3 credits, was 1; ada can spend 2 credits afterwards"]
    assert [one.rpartition(": ")[2] for one in lines(page)["Seats"]] == [
        "0 of 3 taken afterwards",
        "1 of 3 taken afterwards",
    ]
    assert lines(page)["Told by mail"] == ["ada: that the booking is moved"]
    confirm(staff, path, {"slot_id": str(target.id)})
    event = Event.objects.get(kind="booking.rescheduled")
    assert (event.actor_id, event.detail["by"], credits_of(ada)) == (sam.id, "staff", 2)
    for wrong, said in {
        str(full.id): "Every seat of this session is taken",
        str(target.id): "has a seat in this session already",
        str(uuid4()): "There is no session by that id.",
        "x": "Enter a valid UUID.",
        "": "Choose one session",
    }.items():
        assert said in refusal(staff, path, {"slot_id": wrong})
    assert "Choose one session" in refusal(staff, path, {"slot": str(slot.id), "slot_id": str(target.id)})


def test_credits_are_given_back_once(staff: Client, sam: User, ada: User, slot: Slot) -> None:
    Slot.objects.filter(id=slot.id).update(price_credits=3)
    booking = Booking.objects.get(id=book_slot(client_id=ada.id, slot_id=slot.id)["id"])
    shift_start(slot, hours=-1)
    path, given = address("booking_give_back", booking), {"credits": "1", "note": "Flooded"}
    page = look(staff, path, given)
    assert lines(page)["Credits"] == ["1 credit back; ada can spend 3 credits afterwards"]
    assert lines(page)["Told by mail"] == ["ada: that credits came back, with the note"]
    twice = [staff.post(path, {**given, **CONFIRM, "seen": page.context["done"].seen}) for _ in range(2)]
    assert [answer.status_code for answer in twice] == [302, 200]
    assert "This is not what you were shown any more" in twice[1].content.decode()
    entry = CreditEntry.objects.get(reason="goodwill")
    assert (entry.amount, entry.note, credits_of(ada)) == (1, "Flooded", 3)
    assert Event.objects.get(kind="booking.credits_given_back").actor_id == sam.id
    assert "Of what this booking has cost, 2 can still be given back." in refusal(
        staff, path, {**given, "credits": "3"}
    )
    for wrong in ({"credits": "0"}, {"credits": "9" * 30}, {"note": ""}, {"note": "x" * 201}):
        assert "Nothing was done." in refusal(staff, path, {**given, **wrong})


def test_a_session_is_cancelled_with_a_message(
    staff: Client, sam: User, ada: User, grace: User, slot: Slot, booking: Booking, mailoutbox: list[EmailMessage]
) -> None:
    Slot.objects.filter(id=slot.id).update(capacity=1)
    lee = make_person("lee")
    join_waitlist(client_id=lee.id, slot_id=slot.id)
    path, given = address("slot_cancel", slot), {"message": "The room is flooded"}
    shown = lines(look(staff, path, given))
    assert shown["Credits"] == ["1 credit back to 1 booking"]
    assert shown["Seats"][0].endswith(": cancelled")
    assert shown["Told by mail"] == [
        "ada: that the staff have cancelled",
        "grace: as the host, that the session is cancelled",
        "lee: that they wait in vain",
    ]
    done = confirm(staff, path, given)
    assert done.redirect_chain == [(address("slot_change", slot), 302)]
    assert b"with 1 booking; 1 credit back." in done.content
    assert b"Cancel the session" not in done.content
    assert Event.objects.get(kind="slot.cancelled").actor_id == sam.id
    run_jobs()
    assert all("The staff write:\nThe room is flooded" in mail.body for mail in mailoutbox)
    assert len(mailoutbox) == 3
    assert "cancelled already" in refusal(staff, path, given)
    assert "at most 1000 characters" in refusal(staff, path, {"message": "x" * 1001})


def test_somebody_is_booked_in_from_their_page(staff: Client, sam: User, ada: User, grace: User, slot: Slot) -> None:
    path = address("booking_book", ada)
    assert path in staff.get(reverse("admin:accounts_user_change", args=[ada.pk])).content.decode()
    page = look(staff, path, {"slot": str(slot.id)})
    assert lines(page)["Credits"] == ["It costs 1 credit; ada can spend 4 credits afterwards"]
    assert lines(page)["Told by mail"] == ["ada: that they are booked in"]
    done = confirm(staff, path, {"slot": str(slot.id), "free": "on"})
    booking = Booking.objects.get(client=ada)
    assert done.redirect_chain == [(address("booking_change", booking), 302)]
    assert (booking.credits_charged, credits_of(ada)) == (0, 5)
    assert Event.objects.get(kind="booking.made").actor_id == sam.id
    dear, gone = make_slot(grace, hours=90), make_slot(grace, hours=99)
    Slot.objects.filter(id=dear.id).update(price_credits=99)
    cancel_slot_as_staff(slot_id=gone.id)
    overlapping = make_slot(make_person("linus", is_host=True))
    for wrong, said in {
        slot: "has a seat in this session already",
        dear: "No plan of this person's holds enough credits",
        gone: "has cancelled this session",
        overlapping: "has a booking at that time",
    }.items():
        assert said in refusal(staff, path, {"slot_id": str(wrong.id)})
    User.objects.filter(id=ada.id).update(standing="suspended")
    assert "may not use the account" in refusal(staff, path, {"slot_id": str(dear.id), "free": "on"})


# Rights


def test_without_the_right_there_is_no_button_and_the_address_is_refused(
    ada: User, slot: Slot, booking: Booking
) -> None:
    paths = {
        name: address(name, row)
        for name, row in {
            "booking_move": booking,
            "booking_cancel": booking,
            "booking_give_back": booking,
            "booking_book": ada,
            "slot_cancel": slot,
        }.items()
    }
    homes = [address("booking_change", booking), address("slot_change", slot)]
    homes.append(reverse("admin:accounts_user_change", args=[ada.pk]))
    shown: dict[str, set[str]] = {}
    people = {"looking": look_only("view_user", "view_booking", "view_slot")}
    people |= {role: make_staff(role, role) for role in ("support", "bookings", "administrator")}
    for role, person in people.items():
        client = browser_of(person)
        pages = "".join(client.get(home).content.decode() for home in homes)
        shown[role] = {name for name, path in paths.items() if f'href="{path}"' in pages}
        expected = 200 if role in {"bookings", "administrator"} else 403
        before = state()
        assert {client.get(path).status_code for path in paths.values()} == {expected}
        assert {client.post(path, {"refund": "full", **LOOK}).status_code for path in paths.values()} == {expected}
        assert state() == before
    assert shown == {"looking": set(), "support": set(), "bookings": set(paths), "administrator": set(paths)}


def test_nobody_is_booked_in_by_somebody_with_fewer_rights(staff: Client, slot: Slot) -> None:
    root = make_staff("root", "administrator")
    path = address("booking_book", root)
    assert path not in staff.get(reverse("admin:accounts_user_change", args=[root.pk])).content.decode()
    assert staff.post(path, {"slot": str(slot.id), **LOOK}).status_code == 403


def test_nothing_is_done_to_a_booking_or_session_of_somebody_with_more_rights(
    staff: Client, ada: User, slot: Slot, booking: Booking
) -> None:
    root = make_staff("root", "administrator")
    User.objects.filter(id=root.id).update(is_host=True)
    of_root = Booking.objects.get(id=book_slot(client_id=root.id, slot_id=slot.id)["id"])
    rows = {
        address(f"booking_{name}", row): address("booking_change", row)
        for row in (of_root, booking)
        for name in ("move", "cancel", "give_back")
    }
    own = make_slot(root, hours=90)
    rows |= {address("slot_cancel", one): address("slot_change", one) for one in (own, slot)}
    root_browser = browser_of(root)
    for path, home in rows.items():
        is_above = str(of_root.pk) in path or str(own.pk) in path
        before = state()
        assert (path in staff.get(home).content.decode()) is not is_above
        assert staff.get(path).status_code == (403 if is_above else 200)
        for step in (LOOK, CONFIRM):
            given = {"refund": "full", "credits": "1", "note": "x", **step}
            assert staff.post(path, given).status_code == (403 if is_above else 200)
        assert state() == before
        assert path in root_browser.get(home).content.decode()
        assert root_browser.get(path).status_code == 200
    confirm(staff, address("booking_cancel", booking), {"refund": "full"})
    assert Booking.objects.get(id=booking.id).status == "cancelled"


def test_colleagues_of_one_role_act_for_one_another(staff: Client, slot: Slot) -> None:
    kim = make_staff("kim", "bookings")
    booked = Booking.objects.get(id=book_slot(client_id=kim.id, slot_id=slot.id)["id"])
    confirm(staff, address("booking_cancel", booked), {"refund": "full"})
    assert Booking.objects.get(id=booked.id).status == "cancelled"


def test_what_cannot_be_done_any_more_has_no_button(staff: Client, slot: Slot, booking: Booking) -> None:
    def offered() -> set[str]:
        names = ("booking_move", "booking_cancel", "booking_give_back")
        page = staff.get(address("booking_change", booking)).content.decode()
        return {name for name in names if address(name, booking) in page}

    assert len(offered()) == 3
    shift_start(slot, hours=-0.1)
    assert offered() == {"booking_give_back"}
    assert b"Cancel the session" not in staff.get(address("slot_change", slot)).content
    confirm(staff, address("booking_give_back", booking), {"credits": "1", "note": "Sorry"})
    assert offered() == set()


@pytest.mark.parametrize("name", ["booking_move", "booking_cancel", "booking_give_back", "booking_book", "slot_cancel"])
def test_an_unknown_id_is_not_found(staff: Client, name: str) -> None:
    path = reverse(f"admin:bookings_{name}", args=[uuid4()])
    for answer in (staff.get(path), staff.post(path, {"refund": "full", **LOOK})):
        assert answer.status_code == 404
