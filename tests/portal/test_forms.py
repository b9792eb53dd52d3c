"""Every form of the portal: what a refusal looks like, what is asked first, what is said once, what comes twice."""

import re
from html import unescape
from typing import Any

import httpx
import pytest
from django.utils.datastructures import MultiValueDict
from playwright.sync_api import expect

from portal import access_forms, forms, hosting_forms, hours_forms, offering_forms, week_forms
from portal.forms import ApiForm
from portal.messages import MESSAGES
from portal.notices import NOTICES
from tests.attacks.test_pages import Forms
from tests.portal.browsers import Contexts
from tests.portal.conftest import Portal, post
from tests.portal.fake_backend import ADA, Answer, FakeBackend, problem
from tests.portal.sample import an_id
from tests.portal.screenshots import FOR_STRANGERS, in_sample, pages

SLOT, HOSTED, OFFERING = an_id(400), f"/hosting/slots/{an_id(400)}", f"/hosting/offerings/{an_id(970)}"
HOURS = f"/hosting/hours?offering={an_id(970)}"
GIVE_BACK = f"{HOSTED}/give-back/{an_id(960)}"
LONG = "x" * 1001
# Where a form is sent, the page that it stands on, and something wrong to send.
REFUSED: dict[str, tuple[str, dict[str, str]]] = {
    "/settings": ("/settings", {"display_name": "n" * 101, "time_zone": "UTC"}),
    "/tokens": ("/tokens", {"name": "job", "days": "30"}),
    "/tokens/publishers": ("/tokens", {"repository": "ada/site", "scopes": "bookings:read"}),
    "/hosting/new": ("/hosting/new", {"title": "Yoga", "date": "tomorrow", "start_time": "noon", "minutes": "0"}),
    "/hosting/offerings/new": ("/hosting/offerings/new", {"title": "Yoga", "minutes": "x", "price_credits": "101"}),
    OFFERING: (OFFERING, {"title": "", "minutes": "60", "price_credits": "-1"}),
    f"{HOSTED}/edit": (f"{HOSTED}/edit", {"title": "Yoga", "date": "", "capacity": "501"}),
    f"{HOSTED}/book-in": (HOSTED, {"login": "l" * 101}),
    f"{HOSTED}/cancel": (f"{HOSTED}/cancel", {"message": LONG}),
    f"{HOSTED}/remove/{an_id(960)}": (f"{HOSTED}/remove/{an_id(960)}", {"message": LONG}),
    GIVE_BACK: (GIVE_BACK, {"credits": "0", "note": "n" * 201}),
    HOURS: (HOURS, {"do": "save", "on_1": "on", "from_1_0": "noon", "to_1_0": "", "buffer_minutes": "-1"}),
    "/hosting/hours/except": ("/hosting/hours", {"kind": "extra", "date": "2098-12-24", "start_time": "09:00"}),
}
# What asks before it does something that cannot be taken back.
ASKED = {
    f"/bookings/{an_id(500)}/cancel", "/bookings/calendar/rotate", f"/slots/{an_id(905)}/waitlist/leave",
    "/settings/deactivate", "/sessions/revoke-others", f"/sessions/{an_id(801)}/revoke", f"/tokens/{an_id(850)}/revoke",
    f"/tokens/publishers/{an_id(870)}/remove", "/applications/wiki-1f2e3d4c/withdraw", f"{OFFERING}/archive",
    f"{HOSTED}/cancel", f"{HOSTED}/remove/{an_id(960)}", f"/hosting/hours/{an_id(951)}/remove",
}  # fmt: skip
# What takes nothing from anybody, or can be taken back beside it.
HARMLESS = {"/logout", "/settings/time-zone", "/device", "/hosting/cancel-day", f"/bookings/{an_id(500)}/reschedule"}


def shown_errors(page: str) -> list[tuple[str, str]]:
    """The lines of the summary that lead to a field: where to, and the words."""
    summary = page.partition('class="summary"')[2].partition("</ul>")[0]
    return [(field, unescape(words)) for field, words in re.findall(r'<a href="#([^"]+)">([^<]+)</a>', summary)]


def test_every_form_of_every_page_is_in_a_table(ada: httpx.Client, held: dict[str, Any]) -> None:
    """A form that is not is tried by none of these tests."""
    known = {one.partition("?")[0] for one in REFUSED} | ASKED | HARMLESS
    addresses = {name: address for name, address in pages(in_sample(held)).items() if name not in FOR_STRANGERS}
    found = {action for address in addresses.values() if address for action in Forms(ada.get(address).text).actions}
    booked = re.compile(r"/slots/[^/]+/(book|waitlist)|/hosting/slots/[^/]+/reopen")
    unknown = {one.partition("?")[0] for one in found} - known
    assert {one for one in unknown if not booked.fullmatch(one)} == set()


@pytest.mark.parametrize("action", REFUSED)
def test_a_refused_form_says_first_what_is_wrong_and_keeps_what_was_typed(
    ada: httpx.Client, backend: FakeBackend, action: str
) -> None:
    where, typed = REFUSED[action]
    answer = post(ada, action, **typed)
    assert (answer.status_code, answer.headers["Location"]) == (303, where)
    page = ada.get(where).text
    assert "<title>Error: " in page
    assert re.search(r'<main[^>]*>\s*<div class="summary" tabindex="-1" autofocus><div role="alert">', page)
    errors = shown_errors(page)
    assert errors
    for field, words in errors:
        assert f'id="{field}"' in page, "a link that leads nowhere"
        assert unescape(page).count(words) >= 2, "the same words stand beside the field"
    kept = {name: value for name, value in typed.items() if value and name not in {"scopes", "days", "weekday", "kind"}}
    assert [value for value in kept.values() if value not in page] == []
    assert [call for call in backend.calls if call.method != "GET"] == []
    again = ada.get(where).text
    assert ("<title>Error: " in again, 'class="summary"' in again) == (False, False), "said once"


@pytest.mark.parametrize("action", REFUSED)
def test_a_form_sent_empty_comes_back_empty(ada: httpx.Client, action: str) -> None:
    where, typed = REFUSED[action]
    post(ada, action, **dict.fromkeys(typed, ""))
    page = ada.get(where).text
    assert 'value="None"' not in page
    described = {one for ids in re.findall(r'aria-describedby="([^"]+)"', page) for one in ids.split()}
    assert {one for one in described if f'id="{one}"' not in page} == set()


MODULES = (forms, access_forms, hosting_forms, hours_forms, offering_forms, week_forms)
NAMED = {
    name: one
    for module in MODULES
    for name, one in vars(module).items()
    if isinstance(one, type) and issubclass(one, ApiForm)
}


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("value", ["", "x" * 3000, "-1", "999999"])
def test_every_message_is_a_sentence_of_its_own(name: str, value: str) -> None:
    form = NAMED[name]
    filled = form(MultiValueDict({field: [value] for field in form.base_fields}))
    filled.full_clean()
    said = [str(message) for messages in filled.errors.values() for message in messages]
    usual = re.compile(r"This field|Ensure|Select a valid|.* is not one of|Enter a (valid|whole)")
    assert [one for one in said if usual.match(one)] == []


@pytest.mark.parametrize("path", sorted(ASKED))
def test_nothing_is_lost_by_one_tap(ada: httpx.Client, backend: FakeBackend, path: str) -> None:
    backend.calls.clear()
    page = ada.get(path).text
    assert {call.method for call in backend.calls} == {"GET"}
    assert f'action="{path}"' in page
    asked = page.partition(f'action="{path}"')[2].partition("</form>")[0]
    assert '<a class="button" href="' in asked, "a way to leave it as it is"


@pytest.mark.parametrize("name", [*NOTICES, *MESSAGES])
def test_no_address_puts_a_sentence_into_a_page(ada: httpx.Client, name: str) -> None:
    assert 'role="status"' not in (page := ada.get(f"/settings?notice={name}&conflict={name}").text)
    assert 'class="summary"' not in page


def test_a_notice_is_said_once(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.routes["PATCH", "/me"] = Answer(200, ADA)
    post(ada, "/settings", display_name="Ada", time_zone="UTC")
    assert NOTICES["settings-saved"] not in ada.get("/tokens").text, "on the page that it is about only"
    assert [NOTICES["settings-saved"] in ada.get("/settings").text for _ in range(2)] == [True, False]


@pytest.mark.parametrize(
    ("path", "call", "code", "where", "said"),
    [
        (f"{HOSTED}/cancel", ("POST", f"/slots/{SLOT}/cancel"), "slot_cancelled", HOSTED, "It is cancelled already."),
        (f"{HOSTED}/cancel", ("POST", f"/slots/{SLOT}/cancel"), "session_started", HOSTED, "already started"),
        (f"{HOSTED}/remove/{an_id(960)}", ("POST", f"/bookings/{an_id(960)}/remove"), "booking_not_active", HOSTED,
         "taken out already"),
        (f"{HOSTED}/no-show/{an_id(960)}", ("POST", f"/bookings/{an_id(960)}/no-show"), "booking_not_active", HOSTED,
         "Who has booked"),
        (f"{HOSTED}/reopen", ("POST", f"/slots/{SLOT}/reopen"), "slot_overlaps", HOSTED, "would overlap"),
        (f"/bookings/{an_id(500)}/cancel", ("POST", f"/bookings/{an_id(500)}/cancel"), "booking_not_active",
         f"/bookings/{an_id(500)}", "Software that must not fail"),
    ],
)  # fmt: skip
def test_a_form_that_comes_twice_or_late_is_answered_by_what_is_true_now(
    ada: httpx.Client, backend: FakeBackend, path: str, call: tuple[str, str], code: str, where: str, said: str
) -> None:
    backend.routes[call] = problem(409, code)
    answer = post(ada, path)
    assert (answer.status_code, answer.headers["Location"]) == (303, where)
    assert said in ada.get(where).text


@pytest.mark.parametrize(
    ("path", "where"),
    [
        (f"{OFFERING}/archive", "/hosting/offerings"),
        (f"/tokens/publishers/{an_id(999)}/remove", "/tokens"),
        ("/applications/gone/withdraw", "/applications"),
        (f"/slots/{SLOT}/waitlist/leave", f"/slots/{SLOT}/book"),
        (f"{HOSTED}/remove/{an_id(999)}", HOSTED),
        (f"{HOSTED}/give-back/{an_id(999)}", HOSTED),
        (f"{HOSTED}/cancel", HOSTED),
    ],
)
def test_a_question_about_what_is_gone_says_so_instead(
    ada: httpx.Client, backend: FakeBackend, path: str, where: str
) -> None:
    backend.body(f"/pages{OFFERING}")["offering"]["archived_at"] = "2026-11-01T10:00:00Z"
    backend.body(f"/pages{HOSTED}")["slot"]["status"] = "cancelled"
    answer = ada.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (303, where)
    assert 'role="status"' in ada.get(where).text


@pytest.mark.browser
def test_the_summary_has_the_focus_also_without_scripts(
    contexts: Contexts, portal: Portal, held: dict[str, Any]
) -> None:
    page = contexts(*portal.backend.sign_in(), url=portal.url, java_script_enabled=False).new_page()
    page.goto(f"{portal.url}/tokens")
    page.click("summary:text('Make a token')")
    page.fill("#id_name", "No scopes")
    page.get_by_role("button", name="Make the token").press("Enter")
    expect(page.locator(".summary")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#id_scopes_0")).to_be_in_viewport()
    page.keyboard.press("Tab")
    expect(page.locator("#id_scopes_0, #id_scopes_1")).not_to_have_count(0)
    assert page.title().startswith("Error: ")
