"""A host, three clients and the staff, in browsers: hours, a series, a queue, a move, another room, a day off ill."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.portal.browsers import Contexts, fill_day, offer, press_book, save_week, sign_in, sign_in_host
from tests.processes import Live

pytestmark = pytest.mark.browser

TITLE = "Yoga in the studio"
DAY = datetime.now(UTC).date() + timedelta(days=8)
A_WEEK_LATER = DAY + timedelta(weeks=1)
IN_A_FORTNIGHT = DAY + timedelta(weeks=2)


def offer_yoga(grace: Page, live: Live) -> None:
    """Two seats in Room 1 for two credits, at nine on one day of every week."""
    offer(grace, live, TITLE, place="Room 1", capacity="2", price_credits="2")
    grace.goto(f"{live.portal_url}/hosting/hours")
    fill_day(grace, DAY.isoweekday(), "09:00", "10:00")
    save_week(grace)


def open_session(page: Page, live: Live, day: object) -> None:
    page.goto(f"{live.portal_url}/slots?day={day}")
    page.locator("a.agenda-row", has_text=TITLE).first.click()


def balance(page: Page, live: Live) -> str:
    page.goto(f"{live.portal_url}/credits")
    return page.inner_text(".balance .figure")


def id_in(page: Page) -> str:
    found = re.search(r"/(?:bookings|slots)/([0-9a-f-]{36})", page.url)
    assert found, page.url
    return found[1]


def book(live: Live, ada: Page, alan: Page, hedy: Page) -> None:
    """Ada books two weeks, Alan the other seat of the first; Hedy waits, and gets it when Alan moves a week on."""
    open_session(ada, live, DAY)
    ada.fill("#until", A_WEEK_LATER.isoformat())
    ada.get_by_role("button", name="See all dates and what they cost").click()
    ada.get_by_role("button", name="Book 2 sessions for 4 credits").click()
    expect(ada.get_by_role("main")).to_contain_text("Booked now: 2 sessions, for 4 credits.")
    open_session(alan, live, DAY)
    press_book(alan, "2 credits")
    expect(alan.get_by_role("status")).to_contain_text("Your seat is booked")
    open_session(hedy, live, DAY)
    hedy.get_by_role("button", name="Join the waitlist").click()
    expect(hedy.get_by_role("main")).to_contain_text("You are 1st in the queue.")
    alan.goto(f"{live.portal_url}/bookings/{id_in(alan)}/reschedule?day={A_WEEK_LATER}")
    alan.locator("a.agenda-row", has_text=TITLE).first.click()
    alan.get_by_role("button", name="Move to").click()
    expect(alan.get_by_role("main")).to_contain_text("Moved from")
    hedy.reload()
    expect(hedy.get_by_role("main")).to_contain_text("You are booked.")


def change_plans(grace: Page, live: Live, slot_id: str) -> None:
    """Another room for one day, and the next one off ill."""
    grace.goto(f"{live.portal_url}/hosting/slots/{slot_id}/edit")
    grace.fill("#id_place", "Room 2")
    grace.get_by_role("button", name="See what that means").click()
    expect(grace.get_by_role("main")).to_contain_text("2 people who have booked are told")
    grace.get_by_role("button", name="Change the session").click()
    expect(grace.get_by_role("status")).to_contain_text("The session is changed")
    grace.goto(f"{live.portal_url}/hosting/cancel-day?date={A_WEEK_LATER}")
    grace.get_by_label("Cancel them: 2 people get 4 credits back").check()
    grace.get_by_role("button", name="Take the day off").click()
    expect(grace.get_by_role("status")).to_contain_text("The day is cancelled")


def test_a_week_in_a_studio(live: Live, contexts: Contexts) -> None:
    grace = sign_in_host(contexts(), live, "studio-grace")
    offer_yoga(grace, live)
    ada, alan, hedy = (sign_in(contexts(), live, f"studio-{name}") for name in ("ada", "alan", "hedy"))
    book(live, ada, alan, hedy)
    change_plans(grace, live, id_in(hedy))
    hedy.get_by_role("link", name="See your booking").click()
    expect(hedy.get_by_role("main")).to_contain_text("Room 2")
    expect(hedy.get_by_role("main")).to_contain_text("Full refund until the start.")

    # Alan should have been told of the fortnight's session, and Hedy pays for the wrong room with half the price.
    open_session(alan, live, IN_A_FORTNIGHT)
    live.manage("book_for", "studio-alan", id_in(alan))
    live.manage("give_back", id_in(hedy), "1", "--note", "The room was cold")

    assert [balance(page, live) for page in (ada, alan, hedy)] == ["3", "3", "4"]
    expect(hedy.get_by_role("main")).to_contain_text("The room was cold")
    ada.goto(f"{live.portal_url}/bookings")
    feed = ada.request.get(ada.inner_text("#feed-address")).text()
    said = {tuple(re.findall(r"^(?:STATUS|LOCATION):([\w ]+)", event, re.MULTILINE)) for event in feed.split("VEVENT")}
    assert said == {(), ("CONFIRMED", "Room 2"), ("CANCELLED", "Room 1")}
    live.manage("audit")
