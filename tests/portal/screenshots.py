"""`python -m tests.portal.screenshots [word …]`: pictures of pages and states in `screenshots`; a word chooses some.

`readme` takes those of the documentation, in `docs/images`.
"""

import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser

from tests.config.staff_pages import pages_of_admin, sign_in_staff
from tests.databases import start_server
from tests.portal.browsers import chromium, context_for
from tests.portal.conftest import Portal, running
from tests.portal.fake_backend import FakeBackend
from tests.portal.sample import an_id, fill
from tests.portal.states import STATES, at
from tests.processes import Live

FOLDER = Path(__file__).resolve().parent.parent.parent / "screenshots"
IMAGES = FOLDER.parent / "docs" / "images"
# A page, width and height, colours.
IN_DOCS = {
    "portal-slots": ("slots", (1280, 860), "light"),
    "portal-book": ("book", (390, 844), "light"),
    "portal-credits": ("credits", (1280, 860), "light"),
    "portal-cancel": ("cancel", (1200, 640), "dark"),
}
LOOKS = {"wide": 1280, "phone": 390}
WITHOUT_A_CALL = {"not-found", "sign-out"}
FOR_STRANGERS = {"welcome", "sign-in-needed", "signed-out", "public-slots", "public-slot", "public-full", "public-host"}
SCHEMES = ("light", "dark")
OF_STAFF = ("admin", "api")


@dataclass(frozen=True)
class Named:
    """What the addresses of pages name: ids, a date, and the code of a device that asks."""

    free: str
    soon: str
    full: str
    host: str
    target: str
    hosted: str
    booking: str
    receipt: str
    rule: str
    offering: str
    day: str
    user_code: str
    session: str
    token: str
    client: str
    awaited: str
    application: str
    publisher: str


def in_sample(held: dict[str, Any]) -> Named:
    """The names in the sample account."""
    return Named(
        free=held["free"]["id"],
        soon=an_id(400),
        full=held["full"]["id"],
        host="grace",
        target=held["slots"][-1]["id"],
        hosted=an_id(400),
        booking=an_id(500),
        receipt=an_id(502),
        rule=an_id(951),
        offering=an_id(970),
        day=held["full"]["starts_at"][:10],
        user_code="BCDF-GHJK",
        session=an_id(801),
        token=an_id(850),
        client=an_id(960),
        awaited=an_id(905),
        application="wiki-1f2e3d4c",
        publisher=an_id(870),
    )


def pages(named: Named) -> dict[str, str]:
    """Every page with the name of its picture."""
    return {
        "welcome": "",
        "home": "/",
        "slots": "/slots",
        "book": f"/slots/{named.free}/book",
        "book-late": f"/slots/{named.soon}/book",
        "book-full": f"/slots/{named.full}/book",
        "bookings": "/bookings",
        "hosting-new": "/hosting/new",
        "hosting-new-of": f"/hosting/new?offering={named.offering}",
        "offerings": "/hosting/offerings",
        "offering-new": "/hosting/offerings/new",
        "offering": f"/hosting/offerings/{named.offering}",
        "hosting-hours": "/hosting/hours",
        "hosting-remove": f"/hosting/hours/{named.rule}/remove",
        "hosting-day-ask": "/hosting/cancel-day",
        "hosting-day": f"/hosting/cancel-day?date={named.day}",
        "bookings-past": "/bookings?show=past",
        "booking": f"/bookings/{named.booking}",
        "receipt": f"/bookings/{named.receipt}",
        "cancel": f"/bookings/{named.booking}/cancel",
        "reschedule": f"/bookings/{named.booking}/reschedule",
        "reschedule-review": f"/bookings/{named.booking}/reschedule?slot_id={named.target}",
        "reschedule-late": f"/bookings/{named.booking}/reschedule?slot_id={named.soon}",
        "credits": "/credits",
        "hosting": "/hosting",
        "hosting-past": "/hosting?when=past",
        "hosting-cancelled": "/hosting?when=cancelled",
        "hosting-edit": f"/hosting/slots/{named.hosted}/edit",
        "hosting-slot": f"/hosting/slots/{named.hosted}",
        "hosting-cancel": f"/hosting/slots/{named.hosted}/cancel",
        "hosting-take-out": f"/hosting/slots/{named.hosted}/remove/{named.client}",
        "hosting-give-back": f"/hosting/slots/{named.hosted}/give-back/{named.client}",
        "archive": f"/hosting/offerings/{named.offering}/archive",
        "leave-waitlist": f"/slots/{named.awaited}/waitlist/leave",
        "rotate-feed": "/bookings/calendar/rotate",
        "revoke-others": "/sessions/revoke-others",
        "withdraw": f"/applications/{named.application}/withdraw",
        "remove-publisher": f"/tokens/publishers/{named.publisher}/remove",
        "sessions": "/sessions",
        "session-revoke": f"/sessions/{named.session}/revoke",
        "applications": "/applications",
        "activity": "/activity",
        "tokens": "/tokens",
        "token-revoke": f"/tokens/{named.token}/revoke",
        "device": "/device",
        "device-decide": f"/device?user_code={named.user_code}",
        "settings": "/settings",
        "zone": "/settings/time-zone?next=/slots",
        "deactivate": "/settings/deactivate",
        "not-found": "/nowhere",
        "sign-out": "/logout",
        "sign-in-needed": "/settings",
        "signed-out": "/signed-out?reason=logout",
        "host": f"/hosts/{named.host}",
        "public-slots": "/slots",
        "public-slot": f"/slots/{named.free}",
        "public-full": f"/slots/{named.full}",
        "public-host": f"/hosts/{named.host}",
    }


def take(browser: Browser, portal: Portal, words: list[str], look: str, scheme: str) -> int:
    """The pictures of one width and colour scheme, of pages and states whose name has one of the words; how many."""
    size = {"width": LOOKS[look], "height": 800}
    options: dict[str, Any] = {
        "viewport": size,
        "color_scheme": scheme,
        "timezone_id": "Africa/Lagos",
        "reduced_motion": "reduce",
    }
    signed_in = context_for(browser, *portal.backend.sign_in(), url=portal.url, **options).new_page()
    stranger = context_for(browser, **options).new_page()
    held = fill(portal.backend, datetime.now(UTC), hosting=True)
    shows = {f"state-{name}": show for name, show in STATES.items()}
    shows |= {name: at(address) for name, address in pages(in_sample(held)).items()}
    wanted = {name: show for name, show in shows.items() if not words or any(word in name for word in words)}
    for name, show in wanted.items():
        page = stranger if name in FOR_STRANGERS else signed_in
        show(page, portal, fill(portal.backend, datetime.now(UTC), hosting=True))
        page.screenshot(path=FOLDER / f"{name}-{look}-{scheme}.png", full_page=True)
    for page in (signed_in, stranger):
        page.context.close()
    return len(wanted)


def take_for_docs(browser: Browser, portal: Portal) -> int:
    """The pictures of the documentation: the first screen of somebody who books; how many."""
    for name, (shown, (width, height), scheme) in IN_DOCS.items():
        size = {"width": width, "height": height}
        context = context_for(
            browser,
            *portal.backend.sign_in(),
            url=portal.url,
            viewport=size,
            color_scheme=scheme,
            timezone_id="Africa/Lagos",
        )
        held = fill(portal.backend, datetime.now(UTC))
        page = context.new_page()
        page.goto(f"{portal.url}{pages(in_sample(held))[shown]}")
        page.screenshot(path=IMAGES / f"{name}.png")
        context.close()
    return len(IN_DOCS)


def take_of_staff(browser: Browser, words: list[str], scheme: str) -> int:
    """The pictures of the admin and of the API's reference over the demo, in one colour scheme; how many."""
    server = start_server()
    try:
        with Live(workers=1) as demo:
            demo.manage("seed_demo")
            page = browser.new_page(viewport={"width": LOOKS["wide"], "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]  # light or dark
            sign_in_staff(page, demo)
            found = [*pages_of_admin(page, demo), f"{demo.backend_url}/api/v1/docs"]
            shows = {
                re.sub(r"/[0-9a-f-]{36}", "", urlsplit(one).path).strip("/").replace("/", "-"): one for one in found
            }
            wanted = {name: one for name, one in shows.items() if not words or any(word in name for word in words)}
            for name, address in wanted.items():
                page.goto(address, wait_until="networkidle")
                if name.startswith("api"):
                    page.locator(".opblock-tag").first.wait_for()
                page.screenshot(path=FOLDER / f"{name}-wide-{scheme}.png", full_page=True)
            return len(wanted)
    finally:
        server.cleanup()


def main(words: list[str]) -> None:
    """Start a portal over sample data and take the pictures."""
    FOLDER.mkdir(exist_ok=True)
    if words == ["readme"]:
        with running(Portal(FakeBackend())) as portal, chromium() as browser:
            print(f"{take_for_docs(browser, portal)} pictures in {IMAGES}")  # noqa: T201  # the command's answer
        return
    with running(Portal(FakeBackend())) as portal, chromium() as browser:
        taken = sum(take(browser, portal, words, look, scheme) for look in LOOKS for scheme in SCHEMES)
        if not words or any(word.startswith(OF_STAFF) for word in words):
            taken += sum(take_of_staff(browser, words, scheme) for scheme in SCHEMES)
    print(f"{taken} pictures in {FOLDER}")  # noqa: T201  # the command's answer


if __name__ == "__main__":
    main(sys.argv[1:])
