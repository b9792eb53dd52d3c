"""The admin's first page says what waits; a row's page has every action of its list; staff keep notes on people."""

import re
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from procrastinate.contrib.django import app

from accounts.models import Event, User
from accounts.services.erasure import export_person
from bookings.models import Host
from bookings.services.booking import book_slot
from tests.bookings.people import make_person, make_slot
from tests.bookings.staff import browser_of, look_only, make_staff
from tests.tokens.in_process import call as ask
from tests.tokens.in_process import sign_in

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ada() -> User:
    return make_person("ada")


def act(client: Client, action: str, person: User, **fields: str) -> Any:
    """An action as the form of the person's own page sends it."""
    sent = {"action": action, "_selected_action": str(person.pk), "from_row": "yes", **fields}
    return client.post(reverse("admin:accounts_user_changelist"), sent)


def page_of(client: Client, person: User) -> str:
    return client.get(reverse("admin:accounts_user_change", args=[person.pk])).content.decode()


def waiting(client: Client) -> list[str]:
    return [one.words for one in client.get("/admin/").context["waiting"]]


# What waits


def test_the_first_page_counts_what_waits_and_leads_to_it(ada: User) -> None:
    boss = browser_of(make_staff("boss", "administrator"))
    assert waiting(boss) == ["No worker is running"]
    User.objects.filter(pk=ada.pk).update(standing="pending")
    for _ in range(2):
        job_id = app.configure_task("bookings.send_notice").defer(kind="none")
        app.connector.execute_query("UPDATE procrastinate_jobs SET status = 'failed' WHERE id = %(id)s", id=job_id)
    Host.objects.update_or_create(user=make_person("grace"), defaults={"expansion_due_at": "2026-01-01T00:00Z"})
    page = boss.get("/admin/")
    assert waiting(boss) == [
        "No worker is running", "1 person waits for approval", "2 jobs were given up",
        "1 calendar lags behind its hours",
    ]  # fmt: skip
    for one in page.context["waiting"]:
        assert boss.get(one.address).status_code == 200, one
    (found,) = boss.get(page.context["waiting"][1].address).context["cl"].result_list
    assert found == ada


def test_staff_see_only_what_waits_where_they_may_look(ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(standing="pending")
    assert waiting(browser_of(make_staff("sam", "support"))) == ["1 person waits for approval"]
    nothing = browser_of(look_only("view_session"))
    assert waiting(nothing) == []
    assert b"Nothing waits" in nothing.get("/admin/").content


def test_the_first_page_finds_a_person_by_what_they_quote(ada: User) -> None:
    booking = book_slot(client_id=ada.pk, slot_id=make_slot(make_person("grace", is_host=True)).id)
    boss = browser_of(make_staff("boss", "administrator"))
    (address,) = re.findall(
        r'<form class="module find" method="get" action="([^"]+)"', boss.get("/admin/").content.decode()
    )
    for quoted in ("ada", str(booking["id"])):
        assert list(boss.get(address, {"q": quoted}).context["cl"].result_list) == [ada]
    assert b'role="search"' not in browser_of(look_only("view_session")).get("/admin/").content


# Actions on a row's page


def test_every_action_of_the_list_is_on_the_page_of_the_row(ada: User) -> None:
    boss = browser_of(make_staff("boss", "administrator"))
    listed = boss.get(reverse("admin:accounts_user_changelist")).context["action_form"].fields["action"].choices
    page = page_of(boss, ada)
    assert len(listed) > 5
    assert all(f'<option value="{name}">' in page for name, _ in listed)
    answer = act(boss, "suspend", ada, answered="yes", reason="spam")
    assert answer["Location"] == reverse("admin:accounts_user_change", args=[ada.pk])
    ada.refresh_from_db()
    assert ada.standing == "suspended"


def test_a_question_of_an_action_leads_back_to_the_row(ada: User) -> None:
    page = act(browser_of(make_staff("boss", "administrator")), "suspend", ada).content.decode()
    assert '<input type="hidden" name="from_row" value="yes">' in page
    assert f'href="{reverse("admin:accounts_user_change", args=[ada.pk])}">Change nothing' in page


def test_no_action_is_offered_to_whoever_may_only_look_or_on_somebody_with_more_rights(ada: User) -> None:
    boss = make_staff("boss", "administrator")
    for client, person in ((browser_of(look_only("view_user")), ada), (browser_of(make_staff("sam", "support")), boss)):
        assert 'name="action"' not in page_of(client, person)


@pytest.mark.parametrize("row", ["", "x", "0193a000-0000-7000-8000-000000000042"])
def test_a_row_that_is_none_is_no_mistake_of_ours(row: str) -> None:
    boss = browser_of(make_staff("boss", "administrator"))
    sent = {"action": "approve", "_selected_action": row, "from_row": "yes"}
    assert boss.post(reverse("admin:accounts_user_changelist"), sent, follow=True).status_code in {200, 400}


def test_events_are_told_with_logins_and_links(ada: User) -> None:
    slot = make_slot(make_person("grace", is_host=True), hours=72)
    booking = book_slot(client_id=ada.pk, slot_id=slot.id)
    boss = browser_of(make_staff("boss", "administrator"))
    page = boss.get(reverse("admin:accounts_event_changelist"), {"q": "ada"}).content.decode()
    assert f'<a href="{reverse("admin:accounts_user_change", args=[ada.pk])}">ada</a>' in page
    assert f'<a href="{reverse("admin:bookings_booking_change", args=[booking["id"]])}">booking</a>' in page
    assert boss.get(reverse("admin:accounts_event_changelist")).status_code == 200


# Notes


def test_a_note_is_kept_with_who_wrote_it_and_shown_on_the_page_and_in_the_timeline(ada: User) -> None:
    sam = browser_of(make_staff("sam", "support"))
    assert b'name="text"' in act(sam, "write_note_on_people", ada).content
    act(sam, "write_note_on_people", ada, answered="yes", text="Called: the laptop\r\nis <b>lost</b>.\x1b")
    act(sam, "write_note_on_people", ada, answered="yes", text="Found again.")
    page = page_of(sam, ada)
    notes = page.partition('<h2 id="notes">')[2].partition("</section>")[0]
    assert notes.index("Found again.") < notes.index("Called: the laptop")
    assert notes.count("sam") == 2
    assert "is &lt;b&gt;lost&lt;/b&gt;. <small>" in notes
    story = page.partition('<h2 id="story">')[2]
    assert "sam wrote a note" in story
    assert "Found again." in story
    (event, _) = Event.objects.filter(kind="person.noted").order_by("-id")
    assert (event.user_id, event.detail) == (ada.pk, {"note": "Found again."})


@pytest.mark.parametrize("note", ["", "  \n ", "\u200b", "x" * 2001])
def test_a_note_that_says_nothing_or_too_much_is_refused(ada: User, note: str) -> None:
    sam = browser_of(make_staff("sam", "support"))
    act(sam, "write_note_on_people", ada, answered="yes", text=note)
    assert not Event.objects.filter(kind="person.noted").exists()


def test_a_note_is_read_by_those_who_may_see_events_alone(ada: User) -> None:
    act(browser_of(make_staff("sam", "support")), "write_note_on_people", ada, answered="yes", text="Owes us a book.")
    for role in ("administrator", "support"):
        assert "Owes us a book." in page_of(browser_of(make_staff(f"other-{role}", role)), ada)
    desk = browser_of(make_staff("kim", "bookings"))
    assert "Owes us a book." not in page_of(desk, ada)
    act(desk, "write_note_on_people", ada, answered="yes", text="Neither is this.")
    assert Event.objects.filter(kind="person.noted").count() == 1
    token = sign_in(ada).access_token
    for path in ("/me", "/trail", "/pages/trail"):
        assert "Owes us" not in ask(Client(), path, token).content.decode()


def test_nobody_changes_a_note_and_an_erasure_takes_its_words(ada: User) -> None:
    sam = browser_of(make_staff("sam", "support"))
    act(sam, "write_note_on_people", ada, answered="yes", text="Lives at 4 Kepler Lane.")
    event = Event.objects.get(kind="person.noted")
    boss = browser_of(make_staff("boss", "administrator"))
    for way in ("change", "delete"):
        assert boss.post(reverse(f"admin:accounts_event_{way}", args=[event.pk]), {"post": "yes"}).status_code == 403
    assert "Lives at 4 Kepler Lane." in str(export_person(login_or_id="ada")["events"])
    call_command("erase_person", str(ada.pk), "--yes")
    event.refresh_from_db()
    assert (event.kind, event.detail) == ("person.noted", {})
    assert "Kepler" not in page_of(boss, ada)
