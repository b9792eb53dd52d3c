"""A booking and a person as timelines in the admin, for whoever may read of them."""

import re
from datetime import UTC

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Event, User
from bookings.models import Booking, Plan, Slot
from bookings.services.booking import book_slot
from bookings.services.front_desk import cancel_booking_as_staff
from tests.bookings.staff import address, browser_of, look_only, make_staff
from tests.tokens.in_process import sign_in

pytestmark = pytest.mark.slow


@pytest.fixture
def booking(ada: User, slot: Slot) -> Booking:
    return Booking.objects.get(id=book_slot(client_id=ada.id, slot_id=slot.id)["id"])


def test_a_booking_and_a_person_are_told_as_timelines(staff: Client, sam: User, ada: User, booking: Booking) -> None:
    cancel_booking_as_staff(booking_id=booking.id, actor_id=sam.id)
    page = staff.get(address("booking_change", booking)).content.decode()
    assert "sam cancelled “Session”," in page
    assert "<td>+1</td><td>refund</td>" in page
    person = reverse("admin:accounts_user_change", args=[ada.pk])
    page = staff.get(person).content.decode()
    for shown in (
        "5 credits to spend",
        "Booked “Session”,",
        "sam cancelled “Session”,",
        address("booking_change", booking),
    ):
        assert shown in page
    page = staff.get(person, {"topic": "credits"}).content.decode()
    assert "as a welcome" in page
    assert "Booked “Session”," not in page
    for odd in ({"topic": "weather"}, {"before": "x"}, {"topic": "access"}):
        assert "Booked “Session”," in staff.get(person, odd).content.decode()


def test_times_are_told_in_the_form_of_the_mails_on_the_page_in_the_list_and_in_the_story(
    staff: Client, booking: Booking
) -> None:
    start = booking.scheduled_start_time.astimezone(UTC)
    told = f"{start:%a} {start.day} {start:%b %Y, %H:%M} UTC"
    for page in (address("booking_change", booking), reverse("admin:bookings_booking_changelist")):
        assert told in staff.get(page).content.decode()
    story = staff.get(address("booking_change", booking)).content.decode()
    assert re.search(r">\w{3} \d{1,2} \w{3} \d{4}, \d\d:\d\d UTC</time>", story)


def test_a_booking_s_page_is_titled_with_who_and_what(staff: Client, booking: Booking) -> None:
    page = staff.get(address("booking_change", booking)).content.decode()
    assert "<h1>ada in Session, " in page
    assert "&rsaquo; ada in Session, " in page, "the way back names it, too"
    assert staff.get(reverse("admin:bookings_booking_changelist")).content.count(b"<h1>Bookings</h1>") == 1


def test_a_person_is_found_by_the_number_of_a_booking(ada: User, booking: Booking) -> None:
    people = reverse("admin:accounts_user_changelist")
    boss = browser_of(make_staff("boss", "administrator"))
    (found,) = boss.get(people, {"q": str(booking.id)}).context["cl"].result_list
    assert found == ada
    assert not boss.get(people, {"q": str(booking.slot_id)}).context["cl"].result_list
    blind = browser_of(make_staff("kim", "support"))
    assert not blind.get(people, {"q": str(booking.id)}).context["cl"].result_list, "who sees no bookings finds none"


def test_the_events_of_a_booking_are_found_by_its_number(ada: User, mallory: User, booking: Booking) -> None:
    for person in (ada, mallory):
        Event.objects.create(kind="person.noted", user_id=person.id, detail={"booking_id": str(person.id)})
    events = reverse("admin:accounts_event_changelist")
    boss = browser_of(make_staff("boss", "administrator"))
    (found,) = boss.get(events, {"q": str(booking.id)}).context["cl"].result_list
    assert (found.kind, found.user_id) == ("booking.made", ada.id)
    blind = browser_of(make_staff("kim", "support"))
    assert not blind.get(events, {"q": str(booking.id)}).context["cl"].result_list, "who sees no bookings finds none"


def test_a_booking_names_the_plan_that_paid(staff: Client, booking: Booking) -> None:
    page = staff.get(address("booking_change", booking)).content.decode()
    assert f'href="{address("subscription_change", booking.subscription)}">Welcome</a>' in page
    assert f">{booking.subscription_id}<" not in page


def test_what_nobody_has_changed_says_so(booking: Booking) -> None:
    plan = Plan.objects.order_by("name").first()
    assert plan is not None
    boss = browser_of(make_staff("boss", "administrator"))
    assert b"Nobody has changed it here." in boss.get(reverse("admin:bookings_plan_history", args=[plan.pk])).content


def test_a_long_story_goes_on_below(staff: Client, ada: User) -> None:
    for _ in range(60):
        Event.objects.create(kind="calendar_feed.rotated", user_id=ada.id)
    page = browser_of(make_staff("kim", "support")).get(reverse("admin:accounts_user_change", args=[ada.pk]))
    assert page.content.count(b"Made a new calendar address") == 50
    older = page.content.decode().partition('<a href="?before=')[2].partition("#")[0]
    rest = browser_of(User.objects.get(login="kim")).get(page.request["PATH_INFO"], {"before": older}).content
    assert rest.count(b"Made a new calendar address") == 10


def test_bookings_are_told_to_those_who_may_see_bookings_and_access_to_those_who_may_see_events(
    ada: User, booking: Booking
) -> None:
    sign_in(ada)
    person = reverse("admin:accounts_user_change", args=[ada.pk])
    clients = {role: browser_of(make_staff(role, role)) for role in ("support", "bookings", "administrator")}
    pages = {role: client.get(person).content.decode() for role, client in clients.items()}
    assert "Signed in" in pages["support"]
    for hidden in ("to spend", "Booked", "Session”", "as a welcome", "?topic=bookings", "?topic=credits"):
        assert hidden not in pages["support"]
    for topic in ("bookings", "credits", "hosting"):
        page = clients["support"].get(person, {"topic": topic}).content.decode()
        assert "Booked" not in page
        assert "as a welcome" not in page
    assert "Signed in" not in pages["bookings"]
    assert "to spend" in pages["bookings"]
    assert "Booked “Session”," in pages["bookings"]
    for shown in ("Signed in", "to spend", "Booked “Session”,", "as a welcome"):
        assert shown in pages["administrator"]
    assert b"What happened" not in browser_of(look_only("view_user")).get(person).content
