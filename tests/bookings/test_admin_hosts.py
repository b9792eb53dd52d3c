"""Who hosts, from a person's page: shown with what it does to the calendar, confirmed as it was shown."""

from uuid import uuid4

import pytest
from django.core.mail import EmailMessage
from django.db.models import QuerySet
from django.test import Client
from django.urls import reverse

from accounts.models import Event, User
from bookings.models import AvailabilityRule, Booking, Offering, Slot
from bookings.services.availability import add_rule
from bookings.services.booking import book_slot
from tests.bookings.jobs import forget_jobs, run_jobs
from tests.bookings.people import credits_of, make_slot, state
from tests.bookings.staff import (
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
from tests.bookings.test_expansion import WEEKLY

pytestmark = pytest.mark.slow


def home_of(person: User) -> str:
    return reverse("admin:accounts_user_change", args=[person.pk])


def decided_by(actor: User) -> QuerySet[Event]:
    return Event.objects.filter(kind="person.host_changed", actor_id=actor.id)


def test_somebody_is_made_a_host_and_old_hours_open_again(staff: Client, sam: User, grace: User) -> None:
    add_rule(host_id=grace.id, values=WEEKLY | {"weekday": 1})
    Slot.objects.all().delete()
    User.objects.filter(id=grace.id).update(is_host=False)
    path = address("slot_make_host", grace)
    assert path in staff.get(home_of(grace)).content.decode()
    shown = lines(look(staff, path, {}))["Calendar"]
    done = confirm(staff, path, {})
    assert done.redirect_chain == [(home_of(grace), 302)]
    opened = Slot.objects.filter(host=grace, status="open").count()
    assert opened
    assert shown == [f"{opened} sessions opened"]
    event = decided_by(sam).get()
    assert (event.user_id, event.detail) == (grace.id, {"is_host": True})
    assert path not in staff.get(home_of(grace)).content.decode()


def test_a_host_is_one_no_more_after_the_page_has_said_what_closes(
    staff: Client, sam: User, ada: User, grace: User, slot: Slot, mailoutbox: list[EmailMessage]
) -> None:
    free = make_slot(grace, hours=40)
    booking = book_slot(client_id=ada.id, slot_id=slot.id)
    forget_jobs()
    path = address("slot_end_hosting", grace)
    assert path in staff.get(home_of(grace)).content.decode()
    assert "1 bookings of this host's sessions are ahead" in refusal(staff, path, {})
    shown = lines(look(staff, path, {"cancel_booked": "on"}))
    assert shown["Calendar"] == ["1 free session closed", "1 booked session cancelled"]
    assert shown["Credits"] == ["1 credit back to 1 booking"]
    assert shown["Told by mail"] == ["ada: that the host has cancelled"]
    done = confirm(staff, path, {"cancel_booked": "on"})
    assert "is no host any more; 1 credit back to 1 booking." in done.content.decode()
    assert not User.objects.get(id=grace.id).is_host
    assert {*Slot.objects.values_list("id", "status")} == {(slot.id, "cancelled"), (free.id, "cancelled")}
    assert (Booking.objects.get(id=booking["id"]).cancelled_by, credits_of(ada)) == ("host", 5)
    assert decided_by(sam).get().detail == {"is_host": False}
    run_jobs()
    assert [mail.to for mail in mailoutbox] == [[ada.email]]


def test_what_was_booked_meanwhile_is_shown_before_hosting_ends(
    staff: Client, ada: User, grace: User, slot: Slot
) -> None:
    path, given = address("slot_end_hosting", grace), {"cancel_booked": "on"}
    seen = look(staff, path, given).context["done"].seen
    book_slot(client_id=ada.id, slot_id=slot.id)
    anew = staff.post(path, {**given, **CONFIRM, "seen": seen})
    assert b"not what you were shown any more" in anew.content
    assert User.objects.get(id=grace.id).is_host
    assert lines(anew)["Calendar"] == ["0 free sessions closed", "1 booked session cancelled"]


def test_a_second_click_ends_or_makes_nothing_twice(
    staff: Client, sam: User, ada: User, grace: User, slot: Slot
) -> None:
    for name, person in (("slot_end_hosting", grace), ("slot_make_host", ada)):
        path = address(name, person)
        seen = look(staff, path, {}).context["done"].seen
        answers = [staff.post(path, {**CONFIRM, "seen": seen}).status_code for _ in range(2)]
        assert answers == [302, 200]
        assert decided_by(sam).filter(user_id=person.id).count() == 1


def test_who_hosts_is_decided_with_the_right_for_sessions_and_about_nobody_with_more_rights(
    staff: Client, ada: User
) -> None:
    root, support = make_staff("root", "administrator"), make_staff("kim", "support")
    looking = browser_of(look_only("view_user", "view_slot"))
    cases = [(looking, ada, 403), (browser_of(support), ada, 403), (staff, root, 403), (staff, support, 403)]
    cases += [(staff, ada, 200), (browser_of(root), support, 200)]
    for browser, person, expected in cases:
        for name in ("slot_make_host", "slot_end_hosting"):
            path, before = address(name, person), state()
            assert browser.get(path).status_code == expected
            assert browser.post(path, LOOK).status_code == expected
            assert state() == before
        assert ("host…" in browser.get(home_of(person)).content.decode()) is (expected == 200)


@pytest.mark.parametrize("name", ["slot_make_host", "slot_end_hosting"])
def test_nobody_by_that_id_is_not_found(staff: Client, name: str) -> None:
    assert staff.get(reverse(f"admin:bookings_{name}", args=[uuid4()])).status_code == 404


# What the staff do not see


@pytest.mark.parametrize("role", ["bookings", "administrator"])
def test_the_link_of_a_session_is_on_no_page_of_the_staff(ada: User, grace: User, slot: Slot, role: str) -> None:
    secret = "https://meet.example.org/secret-room"
    booking = Booking.objects.get(id=book_slot(client_id=ada.id, slot_id=slot.id)["id"])
    offering = Offering.objects.create(host=grace, title="Yoga", minutes=60, capacity=1, link=secret)
    rule = add_rule(host_id=grace.id, values=WEEKLY | {"weekday": 1}).rule
    for model in (Slot, AvailabilityRule):
        model.objects.update(link=secret)
    browser = browser_of(make_staff("kim", role))
    pages = [address(f"{name}_change", row) for name, row in {
        "slot": slot, "booking": booking, "offering": offering, "availabilityrule": rule,
    }.items()]  # fmt: skip
    pages += [reverse(f"admin:bookings_{name}_changelist") for name in ("slot", "offering", "availabilityrule")]
    pages += [home_of(ada), home_of(grace)]
    for page in pages:
        answer = browser.get(page)
        assert answer.status_code == 200, page
        assert secret not in answer.content.decode(), page
