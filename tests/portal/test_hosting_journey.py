"""A host and two people at once, in three browsers: the last seat, a week of hours, a session called off or missed."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.portal.browsers import Contexts, book, context_for, open_slot, sign_in, sign_in_host
from tests.processes import Live

pytestmark = pytest.mark.browser


def full_hour(*, days: int) -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=days)


@pytest.fixture(scope="module")
def grace(live: Live, browser: Browser) -> Page:
    """The host's page."""
    return sign_in_host(context_for(browser), live, "journey-grace")


def test_the_last_seat_goes_to_one_and_the_other_is_told_and_may_wait(
    live: Live, grace: Page, contexts: Contexts
) -> None:
    starts = full_hour(days=2)
    open_slot(grace, live, "One seat", starts, seats=1)
    ada, alan = (
        sign_in(contexts(), live, f"journey-{name}", f"/slots?from={starts:%Y-%m-%d}") for name in ("ada", "alan")
    )
    ada.get_by_role("link", name="One seat").click()
    book(alan, "One seat")
    ada.get_by_role("button", name="Book for 1 credit").click()
    expect(ada.get_by_role("alert")).to_contain_text("The last seat has just gone")
    ada.get_by_role("button", name="Join the waitlist").click()
    expect(ada.get_by_role("main")).to_contain_text("You are 1st in the queue.")
    alan.go_back()
    expect(alan.get_by_role("main")).to_contain_text("You are booked")


def test_after_an_error_in_a_form_going_back_asks_nothing(live: Live, grace: Page) -> None:
    starts = full_hour(days=3)
    open_slot(grace, live, "Taken", starts)
    grace.goto(f"{live.portal_url}/hosting/new")
    for field, value in {"title": "Beside it", "date": f"{starts:%Y-%m-%d}", "start_time": f"{starts:%H:%M}"}.items():
        grace.fill(f"#id_{field}", value)
    grace.click("text=Open for booking")
    expect(grace.get_by_role("alert")).to_be_visible()
    expect(grace.get_by_label("Title")).to_have_value("Beside it")
    grace.fill("#id_date", f"{starts + timedelta(days=1):%Y-%m-%d}")
    grace.click("text=Open for booking")
    expect(grace.get_by_role("status")).to_contain_text("open for booking")
    grace.go_back()
    expect(grace.get_by_role("heading", name="New session")).to_be_visible()
    grace.reload()
    expect(grace.get_by_role("heading", name="New session")).to_be_visible()


def test_weekly_hours_open_sessions_and_a_day_off_closes_them(live: Live, grace: Page) -> None:
    def sessions() -> int:
        grace.goto(f"{live.portal_url}/hosting")
        return grace.locator("main a", has_text="Clinic").count()

    a_week_ahead = date.today() + timedelta(days=8)  # noqa: DTZ011  # any day does
    grace.goto(f"{live.portal_url}/hosting/hours")
    grace.click("text=Add weekly hours")
    grace.select_option("#id_weekday", str(a_week_ahead.isoweekday()))
    for field, value in {"start_time": "01:00", "end_time": "03:00", "title": "Clinic"}.items():
        grace.fill(f"#id_{field}", value)
    grace.get_by_role("button", name="Add hours").click()
    expect(grace.get_by_role("status")).to_contain_text("weekly hours are added")
    opened = sessions()
    assert opened >= 6, "two each week, four weeks ahead"
    grace.goto(f"{live.portal_url}/hosting/hours")
    grace.click("text=Add a date that differs")
    grace.fill("#exception_date", a_week_ahead.isoformat())
    grace.get_by_role("button", name="Add the date").click()
    expect(grace.get_by_role("status")).to_contain_text("The date is added")
    assert sessions() == opened - 2
    for row in range(2):
        grace.goto(f"{live.portal_url}/hosting/hours")
        grace.get_by_role("link", name="Remove…").nth(1 - row).click()
        grace.get_by_role("button", name="Remove the").click()
        expect(grace.get_by_role("status")).to_contain_text("Removed.")
    assert sessions() == 0


def test_a_session_is_called_off_after_saying_who_gets_what_back(live: Live, grace: Page, contexts: Contexts) -> None:
    starts = full_hour(days=5)
    open_slot(grace, live, "Off it goes", starts)
    ada = sign_in(contexts(), live, "journey-refunded", f"/slots?from={starts:%Y-%m-%d}")
    book(ada, "Off it goes")
    grace.goto(f"{live.portal_url}/hosting")
    grace.get_by_role("link", name="Off it goes").click()
    expect(grace.get_by_role("main")).to_contain_text("Journey-refunded")
    grace.get_by_role("link", name="Cancel the session…").click()
    expect(grace.get_by_role("main")).to_contain_text("1 person gets 1 credit back and is told.")
    grace.get_by_role("button", name="Cancel the session and give 1 credit back").click()
    expect(grace.get_by_role("status")).to_contain_text("The session is cancelled")
    ada.reload()
    expect(ada.get_by_role("main")).to_contain_text("Cancelled by the host")
    expect(ada.get_by_role("main")).to_contain_text("Came back")


def test_who_did_not_come_is_marked_and_sees_it(live: Live, grace: Page, contexts: Contexts) -> None:
    starts = full_hour(days=6)
    open_slot(grace, live, "Missed it", starts)
    ada = sign_in(contexts(), live, "journey-late", f"/slots?from={starts:%Y-%m-%d}")
    book(ada, "Missed it")
    booking = re.search(r"/bookings/([0-9a-f-]+)", ada.url)
    assert booking
    grace.goto(f"{live.portal_url}/hosting")
    grace.get_by_role("link", name="Missed it").click()
    with live.connect() as connection:
        # Six days pass, and half an hour of the session.
        ago = "interval '6 days 90 minutes'"
        connection.execute(
            f"""UPDATE bookings_slot SET starts_at = starts_at - {ago}, ends_at = ends_at - {ago},
            bookings_close_at = bookings_close_at - {ago} WHERE title = 'Missed it'"""
        )
        connection.execute(
            f"""UPDATE bookings_booking SET scheduled_start_time = scheduled_start_time - {ago},
            scheduled_end_time = scheduled_end_time - {ago}, created_at = created_at - {ago} WHERE id = %s""",
            [booking[1]],
        )
    grace.reload()
    grace.get_by_role("button", name="Did not come").click()
    expect(grace.get_by_role("status")).to_contain_text("Marked as not there")
    grace.get_by_role("status").get_by_role("button", name="Undo").click()
    expect(grace.get_by_role("status")).to_contain_text("The mark is taken back")
    grace.get_by_role("button", name="Did not come").click()
    expect(grace.get_by_role("status")).to_contain_text("Marked as not there")
    ada.reload()
    expect(ada.get_by_role("main")).to_contain_text("Missed")


def test_a_calendar_program_can_read_what_the_page_offers(live: Live, grace: Page, contexts: Contexts) -> None:
    starts = full_hour(days=7)
    open_slot(grace, live, "In the calendar", starts)
    ada = sign_in(contexts(), live, "journey-calendar", f"/slots?from={starts:%Y-%m-%d}")
    book(ada, "In the calendar")
    with ada.expect_download() as download:
        ada.get_by_role("link", name="This device").click()
    event = download.value.path().read_text()
    ada.goto(f"{live.portal_url}/bookings")
    feed = ada.request.get(ada.inner_text("#feed-address")).text()
    uid = re.search(r"UID:\S+", event)
    assert uid
    assert uid[0] in feed
    assert "In the calendar" in event
