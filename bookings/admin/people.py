from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts.admin import (
    MOST_AT_ONCE,
    Tool,
    actor_of,
    add_to_page_of_person,
    add_to_people,
    add_to_search_of_people,
    describe_people,
    is_within_rights,
)
from accounts.errors import AccountsError
from bookings import models
from bookings.admin.asking import ask_and_do
from bookings.errors import BookingsError, NotValid
from bookings.policies.counts import count_credits
from bookings.policies.timeline import ACCESS, BOOKINGS, CREDITS, HOSTING, STAFF, TOPICS
from bookings.services.credits import MOST_CREDITS, grant_credits, name_state_of_person
from bookings.services.front_desk import describe_booking
from bookings.services.staff import NOTE_LENGTH, find_client, make_host, write_note
from bookings.services.timeline import LINES, get_person_story


class CreditsForm(forms.Form):
    """How many credits each of the chosen people is given."""

    credits = forms.IntegerField(min_value=1, max_value=MOST_CREDITS)


@admin.action(description="Grant credits…", permissions=["credit"])
def grant_credits_to_people(
    people: admin.ModelAdmin[Any], request: HttpRequest, queryset: QuerySet[Any]
) -> HttpResponse | None:
    """Asks how many; each person's grant is a transaction of its own, with its entry in the ledger."""
    asked = {
        "title": "Grant credits",
        "sentence": "They are added to the subscription that ends last, or to a new one of a year.",
        "action": "grant_credits_to_people",
        "button": "Grant the credits",
        "lines": describe_people(queryset),
        "seen": {person.pk: name_state_of_person(user_id=person.pk) for person in queryset[:MOST_AT_ONCE]},
    }

    def act(user_id: UUID, *, credits: int, seen: str | None) -> str:
        grant_credits(user_id=user_id, credits=credits, actor_id=actor_of(request), seen=seen)
        return f"{count_credits(credits)} more."

    return ask_and_do(people, request, queryset, asked, act, form_class=CreditsForm)


class NoteForm(forms.Form):
    """What the staff should know about somebody."""

    text = forms.CharField(label="Note", max_length=NOTE_LENGTH, widget=forms.Textarea(attrs={"rows": 5}))


@admin.action(description="Write a note…", permissions=["note"])
def write_note_on_people(people: Any, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
    """Asks for the words; a note is never changed."""
    sentence = "Staff who may see events read it, and the person, who asks for what is kept about them. It stays."
    asked = {"title": "Write a note", "sentence": sentence, "action": "write_note_on_people", "button": "Keep the note"}

    def act(user_id: UUID, text: str, seen: str | None) -> str:
        write_note(user_id=user_id, text=text, actor_id=actor_of(request))
        return "the note is kept."

    return ask_and_do(
        people, request, queryset, {**asked, "lines": describe_people(queryset)}, act, form_class=NoteForm
    )


@admin.action(description="Make hosts of them", permissions=["make_host"])
def make_hosts(people: admin.ModelAdmin[Any], request: HttpRequest, queryset: QuerySet[Any]) -> None:
    """Each may offer sessions from then on; the rules that somebody has from before fill the calendar again."""
    for person in queryset[:MOST_AT_ONCE]:
        try:
            make_host(person=str(person.pk), actor_id=actor_of(request))
        except (AccountsError, BookingsError) as error:
            people.message_user(request, f"{person.login}: {error}", messages.WARNING)
        else:
            people.message_user(request, f"{person.login} is a host.", messages.SUCCESS)


add_to_people(action=write_note_on_people, lists=[], permissions={"note": "accounts.change_user"})
add_to_people(action=make_hosts, lists=[], permissions={"make_host": "bookings.change_slot"})
add_to_people(
    action=grant_credits_to_people,
    lists=[("Bookings", models.Booking, "client"), ("Subscriptions", models.Subscription, "user")],
    permissions={"credit": "bookings.change_subscription"},
)


def _list_tools(request: HttpRequest, person: Any) -> list[Tool]:
    if not is_within_rights(request, user_id=person.pk):
        return []
    of_host = ("end_hosting", "Host no more…") if person.is_host else ("make_host", "Make a host…")
    offered = [
        ("bookings.change_booking", "booking_book", "Book a session…"),
        ("bookings.change_slot", f"slot_{of_host[0]}", of_host[1]),
    ]
    return [
        (reverse(f"admin:bookings_{name}", args=[person.pk]), title)
        for permission, name, title in offered
        if request.user.has_perm(permission)
    ]


def _show_story(request: HttpRequest, person: Any) -> str:
    """What the person has and what happened to them.

    The right to look at bookings shows bookings, credits and hosting; that to events, access and what the staff did.
    """
    may: dict[str, bool] = {
        "bookings": request.user.has_perm("bookings.view_booking"),
        "access": request.user.has_perm("tokens.view_session"),
        "events": request.user.has_perm("accounts.view_event"),
    }
    of_bookings = {BOOKINGS, CREDITS, HOSTING} if may["bookings"] else set()
    of_access = {ACCESS, STAFF} if may["events"] else set()
    topics = tuple(topic for topic in TOPICS if topic in of_bookings | of_access)
    if not topics:
        return ""
    topic, before = request.GET.get("topic", ""), _read_id(request.GET.get("before", ""))
    about: dict[str, Any] = {"login_or_id": str(person.pk), "now": timezone.now(), "among": topics, "before": before}
    try:
        story = get_person_story(**about, topic=topic)
    except NotValid:
        topic, story = "", get_person_story(**about)
    oldest = story.lines[-1].event_id if len(story.lines) == LINES else None
    bookings = [("Upcoming", _link(story.upcoming)), ("Past and cancelled", _link(story.past))]
    shown = {"bookings": bookings, "story": story, "may": may, "topics": topics, "topic": topic, "oldest": oldest}
    return render_to_string("admin/bookings/story_of_person.html", shown)


def _link(rows: Sequence[Any]) -> list[tuple[str, str]]:
    """Address and words of each booking."""
    return [(reverse("admin:bookings_booking_change", args=[row["id"]]), describe_booking(row)) for row in rows]


def _read_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _find_client(request: HttpRequest, booking_id: UUID) -> UUID | None:
    return find_client(booking_id=booking_id) if request.user.has_perm("bookings.view_booking") else None


add_to_search_of_people(_find_client)
add_to_page_of_person(tools=_list_tools, part=_show_story)
