"""A host changes, cancels and opens again a session of their own."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from icalendar import Calendar

from accounts.models import Event, User
from bookings.models import Booking, Slot, WaitlistEntry
from bookings.repositories import clock
from bookings.services.availability import add_rule, remove_rule
from bookings.services.booking import book_slot
from bookings.services.expansion import expand_host
from bookings.services.waiting import join_waitlist
from tests.bookings.api import Caller
from tests.bookings.jobs import forget_jobs, run_jobs
from tests.bookings.people import credits_of, make_person, make_slot, shift_start, state

HOUR = timedelta(hours=1)
CHANGES: dict[str, Any] = {
    "title": "Another title",
    "description": "Bring a pen.\nAnd paper.",
    "place": "Room 2",
    "link": "https://meet.example/two",
}


def at(slot: Slot, **shift: float) -> dict[str, str]:
    """The slot's times so much later, as they are sent."""
    later = timedelta(**shift)
    return {name: (getattr(slot, name) + later).isoformat() for name in ("starts_at", "ends_at")}


def book(person: User, slot: Slot) -> str:
    return str(book_slot(client_id=person.id, slot_id=slot.id)["id"])


def wait(person: User, slot: Slot) -> None:
    join_waitlist(client_id=person.id, slot_id=slot.id)


@pytest.fixture
def hosting(grace: User) -> Caller:
    return Caller(grace)


@pytest.fixture
def mails(mailoutbox: list[EmailMessage]) -> list[EmailMessage]:
    """What is sent once the jobs of a test's preparation are gone."""
    return mailoutbox


def sent(outbox: list[EmailMessage], person: User) -> list[EmailMessage]:
    """The mails to a person since the last time; those to others are gone, too."""
    outbox.clear()
    run_jobs()
    forget_jobs()
    return [mail for mail in outbox if mail.to == [person.email]]


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_session_says_is_changed_and_told(
    ada: User, slot: Slot, hosting: Caller, mails: list[EmailMessage], name: str
) -> None:
    booking, client = book(ada, slot), Caller(ada)
    sent(mails, ada)
    changed = hosting.patch(f"/slots/{slot.id}", {name: CHANGES[name], "message": "Sorry!\nGrace"})
    assert changed[name] == CHANGES[name] == hosting.get(f"/slots/{slot.id}")[name]
    assert (changed["changed"], changed["people_told"]) == ([name], 1)
    assert client.get(f"/bookings/{booking}")[name] == CHANGES[name]
    (mail,) = (one for one in sent(mails, ada) if one.subject.startswith("Changed: "))
    assert f"the {name}" in mail.body
    assert "Grace writes:\nSorry!\nGrace\n" in mail.body
    (event,) = Calendar.from_ical(mail.attachments[0].get_payload(decode=True)).walk("VEVENT")
    assert (str(event["SEQUENCE"]), str(event["UID"])) == ("1", f"booking-{booking}@insighta")


def test_what_is_as_it_was_is_no_change(ada: User, slot: Slot, hosting: Caller, mails: list[EmailMessage]) -> None:
    book(ada, slot)
    sent(mails, ada)
    before = state()
    for body in ({}, {"title": slot.title, "capacity": slot.capacity, **at(slot)}, {"message": "Only words"}):
        changed = hosting.patch(f"/slots/{slot.id}", body)
        assert (changed["changed"], changed["people_told"]) == ([], 0)
    assert state() == before


def test_more_seats_go_to_those_who_wait_in_order(grace: User, hosting: Caller, mails: list[EmailMessage]) -> None:
    slot = make_slot(grace, capacity=1)
    people = [make_person(f"person{n}") for n in range(5)]
    book(people[0], slot)
    for person in people[1:]:
        wait(person, slot)
    sent(mails, people[0])
    changed = hosting.patch(f"/slots/{slot.id}", {"capacity": 3, "title": "Larger"})
    assert (changed["seats_taken"], changed["seats_left"], changed["promoted"]) == (3, 0, 2)
    assert (changed["people_told"], changed["waiting_told"]) == (1, 4)
    booked = Booking.objects.filter(slot=slot, status="active").values_list("client__login", flat=True)
    assert set(booked) == {"person0", "person1", "person2"}
    assert [mail.subject.partition(":")[0] for mail in sent(mails, people[0])] == ["Changed"]


def test_nobody_is_told_how_many_seats_there_are(
    ada: User, slot: Slot, hosting: Caller, mails: list[EmailMessage]
) -> None:
    book(ada, slot)
    sent(mails, ada)
    assert hosting.patch(f"/slots/{slot.id}", {"capacity": 9})["people_told"] == 0
    assert sent(mails, ada) == []


def test_there_are_never_fewer_seats_than_are_taken(ada: User, mallory: User, slot: Slot, hosting: Caller) -> None:
    book(ada, slot)
    book(mallory, slot)
    before = state()
    assert hosting.refused("PATCH", f"/slots/{slot.id}", {"capacity": 1, "title": "x"}) == (409, "capacity_below_seats")
    assert state() == before
    assert hosting.patch(f"/slots/{slot.id}", {"capacity": 2})["seats_left"] == 0


def test_another_time_takes_the_bookings_along(
    ada: User, slot: Slot, hosting: Caller, mails: list[EmailMessage]
) -> None:
    booking, client = book(ada, slot), Caller(ada)
    sent(mails, ada)
    times = at(slot, hours=5)
    changed = hosting.patch(f"/slots/{slot.id}", times)
    assert changed["changed"] == ["ends_at", "starts_at"]
    found = client.get(f"/bookings/{booking}")
    new_start = slot.starts_at + 5 * HOUR
    assert datetime.fromisoformat(found["scheduled_start_time"]) == new_start
    assert datetime.fromisoformat(found["scheduled_end_time"]) == slot.ends_at + 5 * HOUR
    assert datetime.fromisoformat(found["refund_deadline"]) == new_start - 12 * HOUR
    assert datetime.fromisoformat(found["free_to_leave_until"]) == new_start
    assert Booking.objects.get().remind_at == new_start - 24 * HOUR
    (mail,) = sent(mails, ada)
    assert "the time, which was" in mail.body
    assert "You can cancel until the start, and the credit goes back to you." in mail.body


@pytest.mark.parametrize("change", ["time", "end", "place"])
def test_who_is_booked_may_leave_without_loss_until_the_start(
    ada: User, slot: Slot, hosting: Caller, change: str
) -> None:
    booking, client = book(ada, slot), Caller(ada)
    shift_start(slot, hours=3)
    slot.refresh_from_db()
    end = (slot.ends_at + HOUR).isoformat()
    body = {"time": at(slot, minutes=30), "end": {"ends_at": end}, "place": {"place": "Room 2"}}[change]
    assert not client.get(f"/bookings/{booking}/refund-preview")["refundable"]
    hosting.patch(f"/slots/{slot.id}", body)
    preview = client.get(f"/bookings/{booking}/refund-preview")
    assert (preview["refundable"], preview["credits"]) == (True, 1)
    detail = client.get(f"/bookings/{booking}")
    assert detail["free_to_leave_until"] == detail["scheduled_start_time"]
    assert not detail["may_reschedule"], "free to leave is not free to move"
    target = str(make_slot(User.objects.get(id=slot.host_id), hours=90).id)
    path = f"/bookings/{booking}/reschedule"
    assert client.refused("POST", path, {"slot_id": target}) == (409, "late_reschedule")
    cancelled = client.post(f"/bookings/{booking}/cancel", {"expected_credits_refunded": 1})
    assert (cancelled["credits_refunded"], credits_of(ada)) == (1, 5)


@pytest.mark.parametrize("name", ["title", "description", "link"])
def test_other_changes_are_no_reason_to_leave(ada: User, slot: Slot, hosting: Caller, name: str) -> None:
    booking = book(ada, slot)
    shift_start(slot, hours=3)
    hosting.patch(f"/slots/{slot.id}", {name: CHANGES[name]})
    assert Caller(ada).get(f"/bookings/{booking}")["free_to_leave_until"] is None


def test_a_move_launders_no_deadline(ada: User, grace: User, slot: Slot, hosting: Caller) -> None:
    booking, client = book(ada, slot), Caller(ada)
    hosting.patch(f"/slots/{slot.id}", {"place": "Room 2"})
    target = make_slot(grace, hours=90)
    moved = client.post(f"/bookings/{booking}/reschedule", {"slot_id": str(target.id)})
    assert moved["free_to_leave_until"] is None
    shift_start(target, hours=3)
    assert not client.get(f"/bookings/{booking}/refund-preview")["refundable"]


def test_another_time_beside_another_own_session_is_refused(
    ada: User, grace: User, slot: Slot, hosting: Caller
) -> None:
    make_slot(grace, hours=75)
    book(ada, slot)
    before = state()
    assert hosting.refused("PATCH", f"/slots/{slot.id}", at(slot, hours=2.5)) == (409, "slot_overlaps")
    assert state() == before
    hosting.patch(f"/slots/{slot.id}", at(slot, hours=2))
    hosting.patch(f"/slots/{slot.id}", at(slot, hours=4))


def test_who_is_booked_elsewhere_then_is_cancelled_and_named(
    ada: User, mallory: User, slot: Slot, hosting: Caller, mails: list[EmailMessage]
) -> None:
    elsewhere = make_slot(make_person("linus", is_host=True), hours=74)
    booking, other = book(ada, slot), book(ada, elsewhere)
    book(mallory, slot)
    sent(mails, ada)
    changed = hosting.patch(f"/slots/{slot.id}", at(slot, hours=1.5) | {"message": "The room is taken."})
    ada_row = {"id": str(ada.id), "login": "ada", "display_name": "Ada"}
    assert changed["cancelled"] == [{"booking_id": booking, "client": ada_row, "credits_refunded": 1}]
    assert (changed["seats_taken"], changed["people_told"]) == (1, 1)
    gone = Caller(ada).get(f"/bookings/{booking}")
    assert (gone["status"], gone["cancelled_by"], credits_of(ada)) == ("cancelled", "host", 4)
    assert Caller(ada).get(f"/bookings/{other}")["status"] == "active"
    (mail,) = sent(mails, ada)
    assert "You have another booking at that time, so your\nseat was given up" in mail.body
    assert "Grace writes:\nThe room is taken." in mail.body


def test_who_waits_has_agreed_to_the_time_before(
    ada: User, mallory: User, grace: User, hosting: Caller, mails: list[EmailMessage]
) -> None:
    slot = make_slot(grace, capacity=1)
    booking, waiting = book(ada, slot), Caller(mallory)
    wait(mallory, slot)
    changed = hosting.patch(f"/slots/{slot.id}", at(slot, hours=3) | {"capacity": 2})
    assert (changed["waiting_told"], changed["promoted"]) == (1, 0)
    assert [place["passed_over"] for place in waiting.get("/waitlist")["results"]] == ["changed"]
    (mail,) = (one for one in sent(mails, mallory) if one.subject.startswith("Changed: "))
    assert "join the\nwaitlist again" in mail.body
    Caller(ada).post(f"/bookings/{booking}/cancel")
    assert Slot.objects.get(id=slot.id).seats_taken == 0
    waiting.post(f"/slots/{slot.id}/waitlist", status=201)
    run_jobs()
    hosting.patch(f"/slots/{slot.id}", {"capacity": 3})
    assert WaitlistEntry.objects.get().status == "promoted"


def test_who_waits_is_not_told_the_link(
    ada: User, mallory: User, grace: User, hosting: Caller, mails: list[EmailMessage]
) -> None:
    slot = make_slot(grace, capacity=1)
    book(ada, slot)
    wait(mallory, slot)
    sent(mails, ada)
    assert hosting.patch(f"/slots/{slot.id}", {"link": CHANGES["link"]})["waiting_told"] == 0
    assert hosting.patch(f"/slots/{slot.id}", {"link": "", "place": "Room 2"})["waiting_told"] == 1
    (mail,) = sent(mails, mallory)
    assert "the place" in mail.body
    assert "link" not in mail.body
    assert "https://meet.example" not in str(list(Event.objects.values_list("detail", flat=True)))


def test_every_change_is_told_though_another_follows(
    ada: User, slot: Slot, hosting: Caller, mails: list[EmailMessage]
) -> None:
    book(ada, slot)
    sent(mails, ada)
    hosting.patch(f"/slots/{slot.id}", at(slot, hours=2))
    hosting.patch(f"/slots/{slot.id}", {"place": "Room 2"})
    told = sent(mails, ada)
    assert ["the time" in mail.body for mail in told] == [True, False]
    assert ["the place" in mail.body for mail in told] == [False, True]


def test_a_preview_says_all_of_it_and_does_none(ada: User, slot: Slot, hosting: Caller) -> None:
    elsewhere = make_slot(make_person("linus", is_host=True), hours=74)
    for one in (slot, elsewhere):
        book(ada, one)
    before, body = state(), at(slot, hours=1.5)
    seen = hosting.patch(f"/slots/{slot.id}", body | {"preview": True})
    assert state() == before
    assert seen == hosting.patch(f"/slots/{slot.id}", body)


def test_what_was_shown_is_what_is_done(ada: User, slot: Slot, hosting: Caller) -> None:
    """Somebody has booked since: those concerned are others."""
    body = {"place": "Room 2"}
    shown = hosting.patch(f"/slots/{slot.id}", body | {"preview": True})["seen"]
    booking = book(ada, slot)
    before = state()
    assert hosting.refused("PATCH", f"/slots/{slot.id}", body | {"seen": shown}) == (409, "preview_changed")
    assert state() == before
    shown = hosting.patch(f"/slots/{slot.id}", body | {"preview": True})["seen"]
    assert hosting.patch(f"/slots/{slot.id}", body | {"seen": shown})["people_told"] == 1
    assert Caller(ada).get(f"/bookings/{booking}")["place"] == "Room 2"


def test_a_session_that_has_begun_keeps_its_time(ada: User, slot: Slot, hosting: Caller) -> None:
    booking = book(ada, slot)
    shift_start(slot, hours=-0.5)
    slot.refresh_from_db()
    assert hosting.refused("PATCH", f"/slots/{slot.id}", at(slot, hours=9)) == (409, "session_started")
    hosting.patch(f"/slots/{slot.id}", {"place": "Room 2"})
    assert Caller(ada).get(f"/bookings/{booking}")["free_to_leave_until"] is None


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"starts_at": "2020-01-01T10:00Z", "ends_at": "2020-01-01T11:00Z"}, (409, "slot_started")),
        ({"starts_at": "2098-01-01T10:00Z"}, (400, "validation_error")),
        ({"starts_at": "2098-01-01T10:00Z", "ends_at": "2098-01-03T11:00Z"}, (400, "validation_error")),
        ({"starts_at": "2098-01-01T10:00"}, (400, "validation_error")),
        ({"title": ""}, (400, "validation_error")),
        ({"title": "x" * 201}, (400, "validation_error")),
        ({"description": "x" * 2001}, (400, "validation_error")),
        ({"place": "x" * 201}, (400, "validation_error")),
        ({"link": "http://meet.example/"}, (400, "validation_error")),
        ({"link": "javascript:alert(1)"}, (400, "validation_error")),
        ({"link": "https://user:pass@meet.example/"}, (400, "validation_error")),
        ({"link": "https://meet.example/" + "x" * 500}, (400, "validation_error")),
        ({"link": "https://meet.example/\u202etxt"}, (400, "validation_error")),
        ({"capacity": 0}, (400, "validation_error")),
        ({"capacity": 501}, (400, "validation_error")),
        ({"message": "x" * 1001}, (400, "validation_error")),
    ],
)
def test_what_does_not_go_changes_nothing(slot: Slot, hosting: Caller, body: Any, answer: tuple[int, str]) -> None:
    before = state()
    assert hosting.refused("PATCH", f"/slots/{slot.id}", body) == answer
    assert state() == before


def test_others_change_nothing(ada: User, mallory: User, slot: Slot) -> None:
    for person in (ada, mallory, make_person("linus", is_host=True)):
        assert Caller(person).refused("PATCH", f"/slots/{slot.id}", {"title": "x"}) == (404, "not_found")
        assert Caller(person).refused("POST", f"/slots/{slot.id}/reopen") == (404, "not_found")


def test_who_hosts_no_more_changes_nothing(grace: User, slot: Slot, hosting: Caller) -> None:
    User.objects.filter(id=grace.id).update(is_host=False)
    assert hosting.refused("PATCH", f"/slots/{slot.id}", {"title": "x"}) == (403, "not_a_host")


@pytest.fixture
def made_by_rule(grace: User) -> Slot:
    """The first of three slots of one day, six days ahead."""
    day = (clock.read_now() + timedelta(days=6)).date()
    hours = {"start_time": time(9), "end_time": time(12), "horizon_days": 12}
    add_rule(host_id=grace.id, values={"kind": "extra", "date": day, "title": "By rule", "capacity": 2, **hours})
    return Slot.objects.filter(host=grace).order_by("starts_at")[0]


def open_slots(grace: User) -> set[tuple[datetime, str]]:
    return set(Slot.objects.filter(host=grace, status="open").values_list("starts_at", "title"))


def test_a_changed_slot_is_not_the_rules_any_more(grace: User, made_by_rule: Slot, hosting: Caller) -> None:
    hosting.patch(f"/slots/{made_by_rule.id}", {"title": "Mine", **at(made_by_rule, hours=8)})
    before = open_slots(grace)
    assert (made_by_rule.starts_at + 8 * HOUR, "Mine") in before
    assert expand_host(host_id=grace.id) == 0
    assert open_slots(grace) == before, "neither moved back nor made again where it was"
    assert made_by_rule.rule_id is not None
    hosting.patch(f"/availability-rules/{made_by_rule.rule_id}", {"title": "Renewed"})
    assert sorted(title for _, title in open_slots(grace)) == ["Mine", "Renewed", "Renewed"]
    remove_rule(host_id=grace.id, rule_id=made_by_rule.rule_id)
    assert [title for _, title in open_slots(grace)] == ["Mine"]


def test_a_cancelled_session_is_opened_again(
    ada: User, grace: User, slot: Slot, hosting: Caller, mails: list[EmailMessage]
) -> None:
    book(ada, slot)
    hosting.post(f"/slots/{slot.id}/cancel", {"message": "I am ill.\nGrace"})
    assert "Grace writes:\nI am ill.\nGrace\n" in sent(mails, ada)[0].body
    opened = hosting.post(f"/slots/{slot.id}/reopen")
    assert (opened["status"], opened["seats_taken"]) == ("open", 0)
    assert hosting.post(f"/slots/{slot.id}/reopen") == opened, "what is open stays so"
    book(ada, slot)
    assert expand_host(host_id=grace.id) == 0
    assert Slot.objects.get(id=slot.id).status == "open"


def test_a_session_of_a_day_off_is_opened_again_and_stays(grace: User, made_by_rule: Slot, hosting: Caller) -> None:
    book(make_person("booked"), made_by_rule)
    hosting.post("/hosts/me/cancel-day", {"date": str(made_by_rule.rule_date), "message": "I am ill."})
    hosting.post(f"/slots/{made_by_rule.id}/reopen")
    expand_host(host_id=grace.id)
    assert {start for start, _ in open_slots(grace)} == {made_by_rule.starts_at}


def test_what_has_another_session_in_its_time_stays_cancelled(grace: User, slot: Slot, hosting: Caller) -> None:
    hosting.post(f"/slots/{slot.id}/cancel")
    make_slot(grace, hours=72.5)
    before = state()
    assert hosting.refused("POST", f"/slots/{slot.id}/reopen") == (409, "slot_overlaps")
    assert hosting.refused("PATCH", f"/slots/{slot.id}", {"title": "x"}) == (409, "slot_cancelled")
    assert state() == before


def test_what_would_have_begun_stays_cancelled(slot: Slot, hosting: Caller) -> None:
    hosting.post(f"/slots/{slot.id}/cancel")
    shift_start(slot, hours=-1)
    assert hosting.refused("POST", f"/slots/{slot.id}/reopen") == (409, "slot_started")


def test_who_waits_hears_the_hosts_words(
    ada: User, mallory: User, grace: User, hosting: Caller, mails: list[EmailMessage]
) -> None:
    slot = make_slot(grace, capacity=1)
    book(ada, slot)
    wait(mallory, slot)
    hosting.post(f"/slots/{slot.id}/cancel", {"message": "I am ill."})
    run_jobs()
    for person in (ada, mallory):
        assert any(mail.to == [person.email] and "Grace writes:\nI am ill.\n" in mail.body for mail in mails)
