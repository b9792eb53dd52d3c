"""Words that a person chose, in mails, calendars and logs: they stay words."""

import io
import json
import logging
import re
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.test import Client as Http
from icalendar import Calendar

from accounts.models import Event, User
from accounts.services import people
from bookings.errors import NotValid
from bookings.models import CreditEntry, Plan, Slot, Subscription
from bookings.services import booking, calendar_feed
from bookings.services.adjusting import adjust_credits
from bookings.services.front_desk import cancel_booking_as_staff, cancel_slot_as_staff
from bookings.services.giving_back import give_back
from config.observability.logs import make_formatter
from portal.calendars import event_file
from tests.bookings.jobs import run_jobs
from tests.bookings.people import make_person, make_slot
from tests.people import HTTP
from tests.processes import Live
from tests.tokens.in_process import call, now, sign_in

INJECTED = (
    "Tea\r\nBcc: all@example.org\r\n\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nATTACH:http://evil.example/x\r\nSUMMARY;X=1:,;\\n"
)
LINES = ("\r", "\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029")


@pytest.fixture
def grace(db: None) -> User:
    grace = make_person("grace", is_host=True)
    call(Http(), "/me", sign_in(grace).access_token, "PATCH", {"display_name": INJECTED[:100]})
    return User.objects.get(id=grace.id)


@pytest.fixture
def slot(grace: User) -> Slot:
    body = {"title": INJECTED, "starts_at": "2098-01-01T10:00Z", "ends_at": "2098-01-01T11:00Z", "capacity": 1}
    made = call(Http(), "/slots", sign_in(grace).access_token, "POST", body)
    return Slot.objects.get(id=made.json()["id"])


@pytest.mark.parametrize("break_", LINES, ids=ascii)
def test_no_text_that_is_kept_has_a_second_line(client: Http, grace: User, break_: str) -> None:
    words, token = f"one{break_}two\x1b[31m\u202ethree", sign_in(grace).access_token
    call(client, "/me", token, "PATCH", {"display_name": words})
    call(client, "/personal-access-tokens", token, "POST", {"name": words, "scopes": ["account:read"]})
    for path in ("/me", "/personal-access-tokens"):
        kept = json.dumps(call(client, path, token).json(), ensure_ascii=False)
        assert not set(kept) & {*LINES, "\x1b", "\u202e"}, path


ODD = "one\x1b[31m\u202etwo\r\n.\u200bthree"
CLEAN_LINE, CLEAN_LINES = "one[31mtwo.three", "one[31mtwo\n.three"
UNSEEN = "\u200b \u202e\u2066"


def test_what_the_staff_write_is_as_clean_as_what_people_write(grace: User, mailoutbox: list[EmailMessage]) -> None:
    ada, slot = make_person("ada"), make_slot(grace)
    booked = booking.book_slot(client_id=ada.id, slot_id=slot.id)
    subscription = Subscription.objects.get(user=ada)
    adjust_credits(subscription_id=subscription.id, amount=-1, note=ODD)
    give_back(booking_id=booked["id"], credits=1, note=ODD, actor_id=None)
    notes = CreditEntry.objects.filter(subscription=subscription).exclude(note="").values_list("note", flat=True)
    assert list(notes) == [CLEAN_LINE] * 2
    mailoutbox.clear()
    again = booking.book_slot(client_id=make_person("eve").id, slot_id=slot.id)
    cancel_booking_as_staff(booking_id=again["id"], message=ODD)
    cancel_slot_as_staff(slot_id=make_slot(grace, hours=96).id, message=ODD)
    run_jobs()
    told = [str(mail.body) for mail in mailoutbox if "one[31mtwo" in mail.body]
    assert len(told) >= 2
    assert not set("".join(told)) & {"\x1b", "\u202e", "\u200b"}
    people.suspend_person(user_id=ada.id, reason=ODD, actor_id=None, now=now())
    assert User.objects.get(id=ada.id).standing_reason == CLEAN_LINES
    kept = json.dumps([*Event.objects.values_list("detail", flat=True)], ensure_ascii=False)
    assert not set(kept) & {*LINES, "\x1b", "\u202e", "\u200b"}


def test_a_plans_name_is_as_clean_as_what_people_write(client: Http, db: None) -> None:
    root = make_person("root")
    User.objects.filter(id=root.id).update(is_staff=True, is_superuser=True)
    client.force_login(User.objects.get(id=root.id), backend="accounts.authentication.StaffBackend")
    for name in (ODD, UNSEEN):
        client.post("/admin/bookings/plan/add/", {"name": name, "credits": "1", "period_days": "30"})
    assert list(Plan.objects.exclude(name="Welcome").values_list("name", flat=True)) == [CLEAN_LINE]


@pytest.mark.parametrize("note", ["", UNSEEN, "x" * 201])
def test_a_note_that_nobody_can_see_or_that_is_too_long_moves_no_credit(grace: User, note: str) -> None:
    ada, slot = make_person("ada"), make_slot(grace)
    booked = booking.book_slot(client_id=ada.id, slot_id=slot.id)
    with pytest.raises(NotValid):
        adjust_credits(subscription_id=Subscription.objects.get(user=ada).id, amount=-1, note=note)
    with pytest.raises(NotValid):
        give_back(booking_id=booked["id"], credits=1, note=note, actor_id=None)
    assert Subscription.objects.get(user=ada).credits_remaining == 4


def test_a_message_of_the_staff_that_is_too_long_cancels_nothing(grace: User) -> None:
    slot = make_slot(grace)
    booked = booking.book_slot(client_id=make_person("ada").id, slot_id=slot.id)
    with pytest.raises(NotValid):
        cancel_booking_as_staff(booking_id=booked["id"], message="x" * 1001)
    with pytest.raises(NotValid):
        cancel_slot_as_staff(slot_id=slot.id, message="x" * 1001)
    assert Slot.objects.get(id=slot.id).seats_taken == 1


def test_a_title_adds_no_header_to_a_mail(slot: Slot, mailoutbox: list[EmailMessage]) -> None:
    booking.book_slot(client_id=make_person("ada").id, slot_id=slot.id)
    run_jobs()
    (mail,) = mailoutbox
    sent = mail.message()
    assert "Tea" in str(sent["Subject"])
    assert (sent["To"], sent["Bcc"]) == ("ada@example.org", None)
    assert mail.recipients() == ["ada@example.org"]
    assert not [part for part in sent.walk() if part.get_content_type() == "text/html"]


def test_a_title_adds_nothing_to_a_calendar(slot: Slot, grace: User) -> None:
    ada = make_person("ada")
    booking.book_slot(client_id=ada.id, slot_id=slot.id)
    for person in (ada, grace):
        _is_one_plain_event(calendar_feed.render_feed(secret=calendar_feed.get_feed_secret(user_id=person.id))[0])


SAID = {"title": INJECTED, "place": INJECTED, "description": INJECTED, "link": f"https://x.example/{INJECTED}"}


def test_a_title_that_came_past_every_check_adds_nothing_either(grace: User) -> None:
    """The writers escape by themselves: the feed's and the portal's."""
    slot = make_slot(grace)
    Slot.objects.filter(id=slot.id).update(**SAID)
    _is_one_plain_event(calendar_feed.render_feed(secret=calendar_feed.get_feed_secret(user_id=grace.id))[0])
    booking = {
        "id": "x\r\nATTACH:y",
        "history": [],
        "status": "active",
        "host": {"display_name": INJECTED},
        **SAID,
    }
    times = {"scheduled_start_time": "2098-01-01T10:00+00:00", "scheduled_end_time": "2098-01-01T11:00+00:00"}
    booking["id"] = "0193a000-0000-7000-8000-000000000001"
    _is_one_plain_event(event_file(booking | times, address="https://portal.example/bookings/1", now=now()))


def _is_one_plain_event(content: bytes) -> None:
    (event,) = Calendar.from_ical(content).walk("VEVENT")
    names = {"UID", "DTSTAMP", "SEQUENCE", "DTSTART", "DTEND", "SUMMARY", "STATUS", "URL"}
    assert set(event) - {"LAST-MODIFIED", "LOCATION", "DESCRIPTION"} == names
    unfolded = content.replace(b"\r\n ", b"")
    assert [line for line in unfolded.split(b"\r\n") if line.startswith((b"BEGIN", b"END", b"ATTACH"))] == [
        b"BEGIN:VCALENDAR", b"BEGIN:VEVENT", b"END:VEVENT", b"END:VCALENDAR",
    ]  # fmt: skip
    assert b"\n" not in unfolded.replace(b"\r\n", b"")


# Logs


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "columns"])
@pytest.mark.parametrize("where", ["message", "argument", "exception", "key"])
def test_an_entry_of_the_log_stays_one_entry_without_escapes(as_json: bool, where: str) -> None:
    """A terminal obeys escapes, and a line that begins like another one is believed."""
    words = "x\n2026-01-01T00:00:00Z [info] forged\x1b[2J\x1b]0;owned\x07\r\u2028\x9b31m"
    _, *further = (written := _logged(words, where, as_json=as_json)).removesuffix("\n").split("\n")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028]", written)
    assert all(line.startswith("    ") for line in further)
    assert "forged" in written


def _logged(words: str, where: str, *, as_json: bool) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(make_formatter(as_json=as_json))
    log = logging.getLogger("tests.attacks.injection")
    log.propagate, log.handlers = False, []
    log.addHandler(handler)
    if where == "exception":
        try:
            raise ValueError(words)
        except ValueError:
            log.exception("it broke")
    elif where == "argument":
        log.warning("refused %s", words)
    elif where == "key":
        log.warning({"event": "refused", "path": words})
    else:
        log.warning(words)  # what a library may do
    return stream.getvalue()


@pytest.mark.parametrize(
    "secret", ["insr_AAAAAAAAAAAAAAAA", "insp_AAAAAAAAAAAAAAAAAAAA", "eyJhbGciOiJub25lIn0.e30.AAAA"]
)
def test_a_secret_in_an_odd_place_is_not_written_down(live: Live, secret: str) -> None:
    """In the path, the query, the agent, the referrer, the id of the request, a cookie's name, the method."""
    for url in (live.backend_url, live.portal_url):
        headers = dict.fromkeys(("User-Agent", "Referer", "X-Request-ID", "Idempotency-Key", "Origin"), secret)
        HTTP.get(
            f"{url}/{secret}?{secret}=1&x={secret}", headers=headers | {"Cookie": f"{secret}=1; insighta_rt={secret}"}
        )
        HTTP.request(
            "POST",
            f"{url}/login/{secret}",
            headers={"Host": f"{secret}.example", "Connection": "close"},
            data={"x": secret},
        )
    for process in (live.backend, live.portal):
        assert secret not in process.text()


@pytest.mark.parametrize(
    "path", ["/x%0a2026-01-01T00:00:00Z%20[info]%20forged%1b[2J", "/slots%0d%0aforged", "/%e2%80%a8forged"]
)
def test_a_path_cannot_forge_a_line(live: Live, path: str) -> None:
    for url, process in ((live.backend_url, live.backend), (live.portal_url, live.portal)):
        for method in ("GET", "POST"):
            HTTP.request(method, f"{url}{path}", headers={"Origin": "https://evil.example", "Connection": "close"})
        written: list[Any] = process.text().splitlines()
        assert not [line for line in written if line.startswith(("2026-01-01", "forged"))]
        assert "\x1b[2J" not in process.text()
