"""One person and one booking as a timeline in words, from the audit trail and the ledger."""

import ast
import json
import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import User
from accounts.services import people
from bookings.models import Booking, Slot
from bookings.policies import timeline as words
from bookings.services import editing, giving_back, hosting, waiting
from bookings.services.booking import book_slot
from bookings.services.cancelling import cancel_booking
from bookings.services.front_desk import book_as_staff, cancel_booking_as_staff, move_booking_as_staff
from bookings.services.staff import give_credits, make_host
from bookings.services.timeline import get_booking_story, list_person_lines
from tests.bookings.people import make_person, make_slot, shift_start
from tests.processes import ROOT
from tests.tokens.in_process import call, sign_in


def sentences(person: User, **options: Any) -> list[str]:
    """What happened to a person, the oldest first, without the dates of sessions."""
    lines = reversed(list_person_lines(user_id=person.id, **options))
    return [re.sub(r", \w+ \d.*?\)", "", line.sentence) for line in lines]


def shown(*words: object) -> str:
    out = StringIO()
    call_command(*map(str, words), stdout=out)
    return out.getvalue()


@pytest.fixture
def admin(audited: None) -> User:
    return make_person("admin")


def test_a_person_is_told_in_words_with_who_did_it(ada: User, grace: User, admin: User, slot: Slot) -> None:
    booking_id = book_slot(client_id=ada.id, slot_id=slot.id)["id"]
    other = make_slot(grace, hours=90, title="Talk")
    move_booking_as_staff(booking_id=booking_id, slot_id=other.id, actor_id=admin.id)
    cancel_booking(client_id=ada.id, booking_id=booking_id)
    free = book_as_staff(person="ada", slot_id=slot.id, charge=False)
    cancel_booking_as_staff(booking_id=free["id"], refund="rule")
    give_credits(person="ada", credits=3, actor_id=admin.id)
    make_host(person="ada")
    people.suspend_person(user_id=ada.id, reason="spam", actor_id=admin.id, now=timezone.now())
    people.approve_person(user_id=ada.id, actor_id=None)
    told = sentences(ada)
    assert set(told[:2]) == {"Came here for the first time", "Got 5 credits as a welcome"}
    assert told[2:] == [
        "Booked “Session” for 1 credit",
        "admin moved a booking to “Talk”",
        "Cancelled “Talk”; 1 credit came back",
        "The staff booked “Session” for 0 credits",
        "The staff cancelled “Session”; 0 credits came back",
        "admin granted 3 credits",
        "The staff made this person a host",
        "admin suspended the account",
        "The staff reinstated the account",
    ]
    assert list_person_lines(user_id=ada.id, topic="staff")[1].note == "spam"


def test_a_topic_and_what_is_older_are_asked_for(ada: User, slot: Slot) -> None:
    for _ in range(3):
        cancel_booking(client_id=ada.id, booking_id=book_slot(client_id=ada.id, slot_id=slot.id)["id"])
    pages, before = [], None
    for _ in range(4):
        page = list_person_lines(user_id=ada.id, before=before, limit=2)
        pages += [line.sentence for line in page]
        before = page[-1].event_id or before
    assert pages == [line.sentence for line in list_person_lines(user_id=ada.id)]
    assert len(sentences(ada, topic="bookings")) == 6
    assert sentences(ada, topic="credits") == ["Got 5 credits as a welcome"]
    with pytest.raises(CommandError, match="Choose one of: bookings, credits"):
        shown("show_person", "ada", "--topic", "weather")


def test_sign_ins_and_tokens_are_told_with_their_origin(ada: User, client: Any) -> None:
    body = {"name": "backup", "scopes": ["account:read"]}
    assert call(client, "/personal-access-tokens", sign_in(ada).access_token, "POST", body).status_code == 201
    token, signed_in = list_person_lines(user_id=ada.id, topic="access")[:2]
    assert token.sentence == "Made the access token “backup”"
    assert (signed_in.sentence, signed_in.note.split(" · ")[1]) == ("Signed in", "the terminal")


def test_a_booking_is_told_with_what_its_host_did_and_its_ledger(ada: User, grace: User, slot: Slot) -> None:
    booking_id = book_slot(client_id=ada.id, slot_id=slot.id)["id"]
    editing.edit_slot(host_id=grace.id, slot_id=slot.id, values={"place": "Room 2"}, message="Flooded")
    book_slot(client_id=make_person("other").id, slot_id=slot.id)
    shift_start(slot, hours=-0.1)
    hosting.mark_no_show(host_id=grace.id, booking_id=booking_id)
    giving_back.give_back(booking_id=booking_id, credits=1, note="Sorry", actor_id=grace.id)
    story = get_booking_story(booking_id=booking_id)
    told = [re.sub(r", \w+ \d.*?\)", "", line.sentence) for line in reversed(story.lines)]
    assert told == [
        "Booked “Session” for 1 credit",
        "grace changed “Session”: place",
        "grace noted that they did not come to “Session”",
        "grace gave 1 credit back for “Session”",
    ]
    assert [(entry["reason"], entry["amount"]) for entry in story.entries] == [("goodwill", 1), ("booking", -1)]


def test_commands_show_both_in_eighty_columns_and_as_json(ada: User, grace: User, slot: Slot) -> None:
    booking_id = book_slot(client_id=ada.id, slot_id=slot.id)["id"]
    for words_ in (("show_person", "ada"), ("show_booking", booking_id)):
        printed = shown(*words_)
        assert max(len(line) for line in printed.splitlines()) <= 80
        assert "Booked “Session”," in printed
        assert str(booking_id) in printed
    sign_in(ada)
    assert "\n1 sign-in, 0 access tokens, 0 trusted publishers\n" in shown("show_person", "ada")
    person = json.loads(shown("show_person", "ada", "--json"))
    assert (person["credits_available"], person["upcoming"][0]["id"]) == (4, str(booking_id))
    assert person["timeline"][1]["booking_id"] == str(booking_id)
    booking = json.loads(shown("show_booking", booking_id, "--json"))
    assert (booking["client"]["login"], booking["credit_entries"][0]["amount"]) == ("ada", -1)


def test_who_waits_and_is_promoted_is_told(ada: User, grace: User) -> None:
    slot = make_slot(grace, capacity=1)
    holder = make_person("holder")
    held = book_slot(client_id=holder.id, slot_id=slot.id)["id"]
    waiting.join_waitlist(client_id=ada.id, slot_id=slot.id)
    cancel_booking(client_id=holder.id, booking_id=held)
    assert sentences(ada, topic="bookings") == [
        "Joined the waitlist of “Session”",
        "Got a seat from the waitlist of “Session” for 1 credit",
    ]
    assert Booking.objects.filter(client=ada).exists()


def test_every_kind_of_event_that_the_product_records_has_words() -> None:
    """Literals and the few f-strings: what they can be is in the table under their beginning."""
    recorded, begun = set(), set()
    for path in [path for app in ("accounts", "tokens", "bookings") for path in (ROOT / app / "services").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            named = [keyword.value for keyword in node.keywords if keyword.arg == "kind"]
            first = node.args[:1] if getattr(node.func, "id", "").endswith("_record") else []
            for value in (*named, *first):
                if isinstance(value, ast.Constant) and isinstance(value.value, str) and "." in value.value:
                    recorded.add(value.value)
                elif isinstance(value, ast.JoinedStr) and isinstance(value.values[0], ast.Constant):
                    begun.add(str(value.values[0].value))
    assert recorded - words.KINDS == {"application.secret_rotated"}
    assert {begin for begin in begun if not any(kind.startswith(begin) for kind in words.KINDS)} == set()
