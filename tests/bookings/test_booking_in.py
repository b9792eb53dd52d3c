"""A host books somebody into a session of their own, and takes somebody out."""

import csv
import io
from typing import Any

import pytest
from django.core.mail import EmailMessage

from accounts.models import Event, User
from bookings.models import Booking, Slot, Subscription
from bookings.services.booking import book_slot
from bookings.services.cancelling import cancel_booking
from bookings.services.credits import grant_credits
from bookings.services.front_desk import book_as_staff
from bookings.services.hosting import cancel_slot
from bookings.services.waiting import join_waitlist
from tests.bookings.api import Caller
from tests.bookings.jobs import forget_jobs, run_jobs
from tests.bookings.people import credits_of, make_person, make_slot, shift_start, state
from tokens.throttles import limiter

pytestmark = pytest.mark.slow


@pytest.fixture
def hosting(grace: User) -> Caller:
    limiter.cache_clear()
    return Caller(grace)


def roster(slot: Slot) -> str:
    return f"/slots/{slot.id}/bookings"


def book_before(client: User, host: User) -> None:
    """They have booked a session of the host's, and cancelled it in time."""
    booked = book_slot(client_id=client.id, slot_id=make_slot(host, hours=200).id)
    cancel_booking(client_id=client.id, booking_id=booked["id"])


@pytest.mark.parametrize("by", ["login", "person_id"])
def test_somebody_is_booked_in_for_nothing_and_told(
    ada: User, slot: Slot, hosting: Caller, mailoutbox: list[EmailMessage], by: str
) -> None:
    made = hosting.post(roster(slot), {by: "ada" if by == "login" else str(ada.id)}, status=201)
    assert made["client"] == {"id": str(ada.id), "login": "ada", "display_name": "Ada", "email": None}
    assert (made["status"], made["credits_charged"], made["subscription_id"]) == ("active", 0, None)
    assert made["free_to_leave_until"] == made["scheduled_start_time"]
    assert (credits_of(ada), Slot.objects.get(id=slot.id).seats_taken) == (5, 1)
    assert hosting.get(roster(slot))["results"] == [made]
    assert Event.objects.get(kind="booking.made", user_id=ada.id).actor_id == slot.host_id
    run_jobs()
    (mail,) = mailoutbox
    assert mail.to == [ada.email]
    assert mail.subject.startswith("Grace has booked you in: Session, ")
    assert "It cost 0 credits. You can cancel until the start" in mail.body
    assert len(mail.attachments) == 1


def test_who_has_booked_before_can_be_charged_and_leave_without_loss(
    ada: User, grace: User, slot: Slot, hosting: Caller
) -> None:
    book_before(ada, grace)
    Slot.objects.filter(id=slot.id).update(price_credits=3)
    made = hosting.post(roster(slot), {"login": "ada", "charge": True}, status=201)
    assert (made["credits_charged"], credits_of(ada)) == (3, 2)
    shift_start(slot, hours=1)
    cancelled = Caller(ada).post(f"/bookings/{made['id']}/cancel", {"expected_credits_refunded": 3})
    assert (cancelled["credits_refunded"], credits_of(ada)) == (3, 5)


def test_another_price_than_was_shown_is_not_charged(ada: User, grace: User, slot: Slot, hosting: Caller) -> None:
    book_before(ada, grace)
    body = {"login": "ada", "charge": True, "expected_credits_charged": 1}
    Slot.objects.filter(id=slot.id).update(price_credits=3)
    assert hosting.post(roster(slot), body, status=409)["credits_charged"] == 3
    hosting.post(roster(slot), {"login": "ada", "expected_credits_charged": 0}, status=201)


def test_a_host_cannot_make_that_so(ada: User, grace: User, slot: Slot, hosting: Caller) -> None:
    """Who was only ever booked in has not booked; nor has who booked another host."""
    book_before(ada, make_person("linus", is_host=True))
    hosting.post(roster(make_slot(grace, hours=90)), {"login": "ada"}, status=201)
    book_as_staff(person="ada", slot_id=make_slot(grace, hours=110).id, charge=False)
    refused = hosting.refused("POST", roster(slot), {"login": "ada", "charge": True})
    assert refused == (409, "cannot_book_person")
    assert credits_of(ada) == 5


def suspend(person: User) -> None:
    User.objects.filter(id=person.id).update(standing="suspended")


def leave(person: User) -> None:
    User.objects.filter(id=person.id).update(is_active=False)


def be_busy(person: User) -> None:
    book_slot(client_id=person.id, slot_id=make_slot(make_person("linus", is_host=True)).id)


def spend_all(person: User) -> None:
    Subscription.objects.filter(user=person).update(starts_at="2020-01-01T00:00Z", ends_at="2020-02-01T00:00Z")


@pytest.mark.parametrize("state_of", [suspend, leave, be_busy, spend_all], ids=lambda f: f.__name__)
def test_every_refusal_about_a_person_is_the_same(
    ada: User, grace: User, slot: Slot, hosting: Caller, state_of: Any
) -> None:
    book_before(ada, grace)
    state_of(ada)
    before = state()
    unknown = hosting.client.post(f"/api/v1{roster(slot)}", {"login": "nobody"}, content_type="application/json")
    known = hosting.client.post(
        f"/api/v1{roster(slot)}", {"login": "ada", "charge": True}, content_type="application/json"
    )
    assert (known.status_code, known.json()["code"]) == (409, "cannot_book_person")
    assert known.json() == unknown.json()
    assert state() == before
    User.objects.update(is_active=True)


def test_one_who_is_there_already_or_hosts_it_or_shares_a_name_cannot_be_booked(
    ada: User, grace: User, slot: Slot, hosting: Caller
) -> None:
    hosting.post(roster(slot), {"login": "ada"}, status=201)
    User.objects.filter(id=make_person("second").id).update(login="double")
    User.objects.filter(id=make_person("third").id).update(login="double")
    for login in ("ada", "grace", "double"):
        assert hosting.refused("POST", roster(slot), {"login": login}) == (409, "cannot_book_person")


def test_the_slot_refuses_before_the_person(ada: User, grace: User, hosting: Caller) -> None:
    full, gone, begun = make_slot(grace, capacity=1), make_slot(grace, hours=90), make_slot(grace, hours=100)
    book_slot(client_id=ada.id, slot_id=full.id)
    cancel_slot(host_id=grace.id, slot_id=gone.id)
    shift_start(begun, hours=-0.1)
    priced = make_slot(grace, hours=200)
    make_person("mallory")
    for person in ("ada", "mallory", "grace", "nobody by that name"):
        assert hosting.refused("POST", roster(full), {"login": person}) == (409, "slot_full")
        assert hosting.refused("POST", roster(gone), {"login": person}) == (409, "slot_cancelled")
        assert hosting.refused("POST", roster(begun), {"login": person}) == (409, "slot_started")
        wrong = {"login": person, "charge": True, "expected_credits_charged": 9}
        assert hosting.refused("POST", roster(priced), wrong) == (409, "price_changed")


def test_a_host_books_in_though_it_is_too_late_for_clients(ada: User, slot: Slot, hosting: Caller) -> None:
    Slot.objects.filter(id=slot.id).update(bookings_close_at="2020-01-01T00:00Z")
    hosting.post(roster(slot), {"login": "ada"}, status=201)


def test_one_who_waits_has_the_seat(ada: User, mallory: User, grace: User, hosting: Caller) -> None:
    slot = make_slot(grace, capacity=1)
    book_slot(client_id=ada.id, slot_id=slot.id)
    join_waitlist(client_id=mallory.id, slot_id=slot.id)
    Slot.objects.filter(id=slot.id).update(capacity=2)
    hosting.post(roster(slot), {"login": "mallory"}, status=201)
    assert Caller(mallory).get("/waitlist")["results"] == []


def test_a_key_books_once(ada: User, mallory: User, grace: User, slot: Slot, hosting: Caller) -> None:
    body, key = {"login": "ada"}, {"Idempotency-Key": "one"}
    made = hosting.post(roster(slot), body, status=201, **key)
    assert hosting.post(roster(slot), body, status=201, **key) == made
    other = make_slot(grace, hours=90)
    for path, wrong in ((roster(other), body), (roster(slot), {"login": "mallory"})):
        assert hosting.refused("POST", path, wrong, **key) == (409, "idempotency_conflict")
    linus = make_person("linus", is_host=True)
    Caller(linus).post(roster(make_slot(linus, hours=95)), body, status=201, **key)
    theirs = make_slot(linus, hours=97)
    Caller(ada).post("/bookings", {"slot_id": str(theirs.id)}, status=201, **key)
    assert Booking.objects.filter(slot=slot).count() == 1


@pytest.mark.parametrize("body", [{}, {"login": "ada", "person_id": "01a209d7-49e7-70e4-88f6-3a2d2b204cea"}])
def test_one_person_is_named(slot: Slot, hosting: Caller, body: Any) -> None:
    assert hosting.refused("POST", roster(slot), body) == (400, "validation_error")


def test_nobody_tries_names_without_end(slot: Slot, hosting: Caller) -> None:
    answers = [hosting.refused("POST", roster(slot), {"login": f"nobody{n}"}) for n in range(61)]
    assert set(answers[:60]) == {(409, "cannot_book_person")}
    assert answers[60] == (429, "throttled")
    assert hosting.get(roster(slot))["results"] == [], "reading goes on"
    limiter.cache_clear()


def test_somebody_is_taken_out_and_the_seat_given_on(
    ada: User, mallory: User, grace: User, hosting: Caller, mailoutbox: list[EmailMessage]
) -> None:
    slot = make_slot(grace, capacity=1)
    booked = book_slot(client_id=ada.id, slot_id=slot.id)["id"]
    join_waitlist(client_id=mallory.id, slot_id=slot.id)
    forget_jobs()
    gone = hosting.post(f"/bookings/{booked}/remove", {"message": "The group is for beginners."})
    assert (gone["status"], gone["cancelled_by"], gone["credits_refunded"]) == ("cancelled", "host", 1)
    assert (gone["client"]["login"], credits_of(ada)) == ("ada", 5)
    assert Booking.objects.get(slot=slot, status="active").client_id == mallory.id
    run_jobs()
    (mail,) = (mail for mail in mailoutbox if mail.to == [ada.email])
    assert "Grace writes:\nThe group is for beginners.\n" in mail.body
    assert hosting.refused("POST", f"/bookings/{booked}/remove") == (409, "booking_not_active")


def test_nobody_is_taken_out_of_what_has_begun_or_is_anothers(
    ada: User, mallory: User, slot: Slot, hosting: Caller
) -> None:
    booked = book_slot(client_id=ada.id, slot_id=slot.id)["id"]
    for other in (ada, mallory, make_person("linus", is_host=True)):
        assert Caller(other).refused("POST", f"/bookings/{booked}/remove") == (404, "not_found")
        assert Caller(other).refused("POST", roster(slot), {"login": "ada"}) == (404, "not_found")
    shift_start(slot, hours=-0.1)
    assert hosting.refused("POST", f"/bookings/{booked}/remove") == (409, "session_started")


def test_free_credits_pay_nothing_of_it(ada: User, slot: Slot, hosting: Caller) -> None:
    """Granting in between changes nothing about what a booking for nothing gives back."""
    made = hosting.post(roster(slot), {"login": "ada"}, status=201)
    grant_credits(user_id=ada.id, credits=2)
    assert Caller(ada).post(f"/bookings/{made['id']}/cancel")["credits_refunded"] == 0
    assert credits_of(ada) == 7


def test_a_host_can_write_to_those_who_agreed_as_long_as_they_come(ada: User, slot: Slot, hosting: Caller) -> None:
    booked = hosting.post(roster(slot), {"login": "ada"}, status=201)
    User.objects.filter(id=ada.id).update(email_for_hosts=True)

    def email() -> Any:
        return hosting.get(roster(slot))["results"][0]["client"]["email"]

    assert email() == ada.email
    assert f'"{ada.email}"' in read_file(hosting, slot)
    hosting.post(f"/bookings/{booked['id']}/remove")
    assert email() is None
    assert ada.email not in read_file(hosting, slot)


def read_file(hosting: Caller, slot: Slot) -> str:
    answer = hosting.client.get(f"/api/v1{roster(slot)}.csv", headers={"Accept": "text/csv"})
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert answer["Content-Disposition"].startswith("attachment")
    return str(answer.content.decode())


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\uff1d1", 'a,"b"', "Ada", "\u4e2d"])
def test_no_name_is_a_formula_in_a_spreadsheet(ada: User, slot: Slot, hosting: Caller, name: str) -> None:
    User.objects.filter(id=ada.id).update(display_name=name)
    book_slot(client_id=ada.id, slot_id=slot.id)
    heading, row = csv.reader(io.StringIO(read_file(hosting, slot), newline=""))
    assert heading == ["name", "login", "email", "status", "booked_at", "credits_charged"]
    is_text = name in {"Ada", "\u4e2d", 'a,"b"'}
    assert row[:4] == [name if is_text else f"'{name}", "ada", "", "active"]


def test_the_file_is_for_the_slots_host(ada: User, slot: Slot) -> None:
    assert Caller(ada).refused("GET", f"{roster(slot)}.csv") == (404, "not_found")
