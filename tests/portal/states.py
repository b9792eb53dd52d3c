"""What pages look like when something is not as usual: empty, refused, waiting, over, away."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

from tests.portal.conftest import Portal
from tests.portal.fake_backend import Answer, FakeBackend, problem
from tests.portal.sample import a_page, an_id

Show = Callable[[Page, Portal, dict[str, Any]], object]


def body_of(backend: FakeBackend, path: str) -> dict[str, Any]:
    """The answer that waits at `path`, to be changed in place."""
    answer = backend.routes["GET", path]
    assert isinstance(answer, Answer)
    body: dict[str, Any] = answer.body
    return body


def _changed(address: str, path: str, **changes: Any) -> Show:
    def show(page: Page, portal: Portal, held: dict[str, Any]) -> None:
        portal.backend.routes["GET", path] = Answer(200, body_of(portal.backend, path) | changes)
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


def _wrong_token_form(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    page.goto(f"{portal.url}/tokens")
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


def _new_token(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    made = {"id": an_id(851), "name": "New", "token": "insp_" + "x" * 36}
    portal.backend.routes["POST", "/personal-access-tokens"] = Answer(201, made)
    page.goto(f"{portal.url}/tokens")
    page.fill("#id_name", "New")
    page.check("#id_scopes_0")
    page.click("text=Make the token")
    page.wait_for_selector("#secret")


def _conflict(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    portal.backend.routes["POST", "/bookings"] = problem(409, "slot_full")
    page.goto(f"{portal.url}/slots/{an_id(400)}/book")
    page.click("text=Book for 1 credit")
    page.wait_for_selector("[role=alert]")


def _waiting(page: Page, portal: Portal, held: dict[str, Any]) -> None:
    path = f"/slots/{held['full']['id']}"
    _changed(f"{path}/book", f"/pages{path}", slot=held["full"] | {"waiting": True}, position=2)(page, portal, held)


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
    "secret-shown-once": _new_token,
    "unknown-code": at("/device?user_code=nonsense"),
    "notice": at("/bookings?notice=cancelled"),
    "conflict": _conflict,
    "waiting": _waiting,
    "no-credit": _changed(f"/slots/{an_id(400)}/book", f"/pages/slots/{an_id(400)}", subscriptions=[]),
    "no-booking": _changed("/bookings", "/pages/bookings", upcoming=[], waiting=[]),
    "no-past": _changed("/bookings?show=past", "/pages/bookings", past=NONE),
    "no-session": at("/slots?from=2099-01-01"),
    "no-ledger": _changed("/credits", "/pages/credits", subscriptions=[], entries=NONE, credits_available=0),
    "no-token": _changed("/tokens", "/personal-access-tokens", results=[]),
    "no-hosting": _changed("/hosting", "/pages/hosting", slots=NONE),
    "no-hours": _changed("/hosting/hours", "/availability-rules", results=[]),
    "unreachable": _unreachable,
    "pending": _refused(problem(403, "account_pending")),
    "suspended": _refused(problem(403, "account_suspended")),
    "too-many": _refused(Answer(429, {"code": "throttled"}, {"Retry-After": "7"})),
}
