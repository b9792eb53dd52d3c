"""What pages look like when something is not as usual: empty, refused, waiting, over, away."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

from tests.portal.conftest import Portal
from tests.portal.fake_backend import Answer, problem
from tests.portal.sample import a_page, an_id, an_offering

Show = Callable[[Page, Portal, dict[str, Any]], object]


def _changed(address: str, path: str, **changes: Any) -> Show:
    def show(page: Page, portal: Portal, held: dict[str, Any]) -> None:
        portal.backend.routes["GET", path] = Answer(200, portal.backend.body(path) | changes)
        page.goto(f"{portal.url}{address}")

    return show


def _refused(answer: Answer, address: str = "/credits") -> Show:
    def show(page: Page, portal: Portal, held: dict[str, Any]) -> None:
        portal.backend.routes["GET", f"/pages{address}"] = answer
        page.goto(f"{portal.url}{address}")

    return show


def at(address: str) -> Show:
    """The page at an address, as it is."""
    return lambda page, portal, held: page.goto(f"{portal.url}{address}")


def _open_menu(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    page.goto(f"{portal.url}/slots")
    page.click("details.menu summary")


def _saved(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    portal.backend.routes["PATCH", "/me"] = Answer(200, {})
    page.goto(f"{portal.url}/settings")
    page.click("text=Save settings")
    page.wait_for_selector("[role=status]")


def _no_choice(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    page.goto(f"{portal.url}/hosting/cancel-day?date={held['full']['starts_at'][:10]}")
    page.get_by_role("button", name="Take the day off").click()
    page.wait_for_selector("[role=alert]")


def _day_off(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    change = {"opened": 0, "closed": 4, "left": [], "left_count": 1}
    portal.backend.routes["POST", "/availability-rules"] = Answer(201, change)
    page.goto(f"{portal.url}/hosting/cancel-day?date={held['full']['starts_at'][:10]}")
    page.get_by_label("Keep them").check()
    page.get_by_role("button", name="Take the day off").click()
    page.wait_for_selector("[role=status]")


def _marked(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    path = f"/pages/hosting/slots/{an_id(400)}"
    body = portal.backend.body(path)
    body["slot"] |= {"starts_at": "2026-01-05T09:00:00Z", "ends_at": "2026-01-05T10:00:00Z"}
    body["bookings"]["results"][1]["status"] = "no_show"
    portal.backend.routes["GET", path] = Answer(200, body)
    portal.backend.routes["POST", f"/bookings/{an_id(960)}/no-show"] = Answer(200, {})
    page.goto(f"{portal.url}/hosting/slots/{an_id(400)}")
    page.get_by_role("button", name="Did not come").first.click()
    page.wait_for_selector("[role=status]")


def _wrong_token_form(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    page.goto(f"{portal.url}/tokens")
    page.click("summary:text('Make a token')")
    page.fill("#id_name", "No scopes")
    page.click("text=Make the token")
    page.wait_for_selector("[role=alert]")


def _wrong_hours(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    page.goto(f"{portal.url}/hosting/hours")
    page.click("text=Add a date that differs")
    page.select_option("#exception_kind", "extra")
    page.fill("#exception_date", "2030-12-24")
    page.click("text=Add the date")
    page.wait_for_selector("[role=alert]")


def _hours_looked_at(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    left = [{"id": an_id(102), "title": "Compilers, gently", "starts_at": "2030-12-03T14:00:00Z"}]
    change = {"opened": 15, "closed": 2, "left": left, "left_count": 1, "changed": True, "seen": "seen", "rules": []}
    change |= {"booked_slots": 2, "people_told": 3}
    portal.backend.routes["PUT", f"/offerings/{an_id(970)}/weekly-hours"] = Answer(200, change)
    page.goto(f"{portal.url}/hosting/hours")
    page.check("#id_on_1")
    page.check("#id_on_3")
    page.get_by_role("button", name="Save: open 15, close 2").wait_for()


def _hours_copied(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    page.goto(f"{portal.url}/hosting/hours")
    page.get_by_role("button", name="a range on Thursday").click()
    page.locator("summary", has_text="other days: Tuesday").click()
    page.wait_for_selector("text=Copy Tuesday to these days")


def _overlapping_hours(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    page.goto(f"{portal.url}/hosting/hours")
    page.get_by_label("Thursday, to").fill("")
    said = {"hours.1": ["Tuesday: 09:00 to 15:00 and 14:00 to 17:00 overlap. Change one of them."]}
    refusal = problem(400, "validation_error", errors=said)
    portal.backend.routes["PUT", f"/offerings/{an_id(970)}/weekly-hours"] = refusal
    page.get_by_label("Thursday, to").fill("17:30")
    page.get_by_role("button", name="Save…").click()
    page.wait_for_selector("[role=alert]")


def _new_token(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    made = {"id": an_id(851), "name": "New", "token": "insp_" + "x" * 36}
    portal.backend.routes["POST", "/personal-access-tokens"] = Answer(201, made)
    page.goto(f"{portal.url}/tokens")
    page.click("summary:text('Make a token')")
    page.fill("#id_name", "New")
    page.check("#id_scopes_0")
    page.click("text=Make the token")
    page.wait_for_selector("#secret")


def _much_access(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    body = portal.backend.body("/pages/access")
    laptop, token = body["sessions"][1], body["tokens"][0]
    body["sessions"] += [laptop | {"id": an_id(1800 + n), "label": "L" * 100} for n in range(20)]
    body["tokens"] += [token | {"id": an_id(1850 + n), "name": "T" * 100} for n in range(20)]
    page.goto(f"{portal.url}/sessions")


def _publisher_form(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    page.goto(f"{portal.url}/tokens")
    page.click("text=Trust a workflow")


def _conflict(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    portal.backend.routes["POST", "/bookings"] = problem(409, "slot_full")
    page.goto(f"{portal.url}/slots/{an_id(400)}/book")
    page.get_by_role("button", name="Book for 1 credit").click()
    page.wait_for_selector("[role=alert]")


def _needs_you(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    waiting = portal.backend.body("/pages/bookings")["waiting"][0] | {"passed_over": "no_credit"}
    changed = held["upcoming"][0] | {"free_to_leave_until": held["upcoming"][0]["scheduled_start_time"]}
    body = portal.backend.body("/pages/home") | {"upcoming": [changed], "passed_over": [waiting]}
    portal.backend.routes["GET", "/pages/home"] = Answer(200, body)
    page.goto(portal.url)


def _waiting(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    path = f"/slots/{held['full']['id']}"
    _changed(f"{path}/book", f"/pages{path}", slot=held["full"] | {"waiting": True}, position=2)(page, portal, held)


def _offering_review(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    counts = {"coming_slots": 12, "booked_slots": 3, "opened": 4, "closed": 5, "left_count": 1}
    counts |= {"people_told": 2, "waiting_told": 1, "promoted": 1}
    change = an_offering(970) | counts | {"place": "Room 2", "seen": "seen"}
    portal.backend.routes["PATCH", f"/offerings/{an_id(970)}"] = Answer(200, change)
    page.goto(f"{portal.url}/hosting/offerings/{an_id(970)}")
    page.fill("#id_place", "Room 2")
    page.get_by_role("button", name="Save…").click()
    page.wait_for_selector("text=Change this offering?")


def _edit_review(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    slot = portal.backend.body(f"/pages/hosting/slots/{an_id(400)}")["slot"]
    client = {"id": an_id(20), "login": "ada", "display_name": "Ada Lovelace"}
    change = slot | {"place": "Room 2", "changed": ["place", "starts_at"], "people_told": 2, "waiting_told": 1}
    change |= {"promoted": 1, "cancelled": [{"booking_id": an_id(960), "client": client, "credits_refunded": 1}]}
    portal.backend.routes["PATCH", f"/slots/{an_id(400)}"] = Answer(200, change)
    page.goto(f"{portal.url}/hosting/slots/{an_id(400)}/edit")
    page.fill("#id_place", "Room 2")
    page.click("text=See what that means")
    page.wait_for_selector("text=Change this session?")


def _give_back_review(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    page.goto(f"{portal.url}/hosting/slots/{an_id(400)}/give-back/{an_id(960)}")
    page.fill("#id_note", "The room was cold, and the session began a quarter of an hour late.")
    page.click("text=See what that means")
    page.wait_for_selector("text=Nothing has been given back yet")


def _series_booked(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    address = f"/slots/{an_id(304)}/series"
    portal.backend.routes["POST", address] = Answer(201, {"bookings": [{}] * 3, "credits_charged": 3})
    page.goto(f"{portal.url}{address}?until=2030-12-24")
    found = portal.backend.body(f"/pages{address}")["series"]["sessions"]
    for one in (found[0], *found[2:]):
        one["refusal"], one["slot"]["booking_id"] = "already_booked", an_id(500)
    page.click("text=Book 3 sessions for 3 credits")
    page.wait_for_selector("text=Booked now")


def _cancelled_slot(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    path = f"/pages/hosting/slots/{an_id(400)}"
    slot = portal.backend.body(path)["slot"] | {"status": "cancelled"}
    _changed(f"/hosting/slots/{an_id(400)}", path, slot=slot)(page, portal, held)


def _unreachable(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    portal.backend.fault = Answer(503, {})
    page.goto(f"{portal.url}/bookings")
    portal.backend.fault = None


NONE = a_page([])
# Each is shown over a fresh sample account.
STATES: dict[str, Show] = {
    "menu": _open_menu,
    "errors-beside-fields": _wrong_token_form,
    "errors-in-hours": _wrong_hours,
    "hours-looked-at": _hours_looked_at,
    "hours-copied": _hours_copied,
    "hours-that-overlap": _overlapping_hours,
    "marked-as-not-there": _marked,
    "secret-shown-once": _new_token,
    "unknown-code": at("/device?user_code=ZZZZ-ZZZZ"),
    "notice": _saved,
    "day-off": _day_off,
    "day-without-a-choice": _no_choice,
    "conflict": _conflict,
    "home-needs-you": _needs_you,
    "waiting": _waiting,
    "no-credit": _changed(f"/slots/{an_id(400)}/book", f"/pages/slots/{an_id(400)}", subscriptions=[]),
    "repeats": _changed(f"/slots/{an_id(304)}/book", f"/pages/slots/{an_id(304)}", repeats=True),
    "series": at(f"/slots/{an_id(304)}/series?until=2030-12-24"),
    "series-booked": _series_booked,
    "no-booking": _changed("/bookings", "/pages/bookings", upcoming=[], waiting=[]),
    "no-past": _changed("/bookings?show=past", "/pages/bookings", past=NONE),
    "no-session": at("/slots?from=2099-01-01"),
    "no-ledger": _changed("/credits", "/pages/credits", subscriptions=[], entries=NONE, credits_available=0),
    "no-access": _changed("/tokens", "/pages/access", tokens=[], publishers=[], applications=[]),
    "little-access": _changed("/sessions", "/pages/access", tokens=None, publishers=None),
    "much-access": _much_access,
    "publisher-form": _publisher_form,
    "session-ended": at(f"/sessions/{an_id(809)}/revoke"),
    "token-ended": at(f"/tokens/{an_id(859)}/revoke"),
    "not-yours": at(f"/tokens/{an_id(999)}/revoke"),
    "no-hosting": _changed("/hosting", "/pages/hosting", slots=NONE),
    "no-hosting-past": _changed("/hosting?when=past", "/pages/hosting", slots=NONE),
    "hosting-edit-review": _edit_review,
    "hosting-give-back-review": _give_back_review,
    "hosting-offering-review": _offering_review,
    "hosting-slot-cancelled": _cancelled_slot,
    "no-hours": _changed("/hosting/hours", "/pages/hosting/hours", rules=[]),
    "unreachable": _unreachable,
    "pending": _refused(problem(403, "account_pending")),
    "suspended": _refused(problem(403, "account_suspended")),
    "too-many": _refused(Answer(429, {"code": "throttled"}, {"Retry-After": "7"})),
}
