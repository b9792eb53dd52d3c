"""A host and two people at once, in three browsers: the last seat, a week of hours, a session called off or missed."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.accounts.github import fresh
from tests.portal.browsers import (
    Contexts,
    book,
    context_for,
    fill_day,
    offer,
    open_slot,
    press_book,
    save_week,
    sign_in,
    sign_in_host,
)
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
    press_book(ada)
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

    offer(grace, live, "Clinic")
    a_week_ahead = date.today() + timedelta(days=8)  # noqa: DTZ011  # any day does
    grace.goto(f"{live.portal_url}/hosting/hours")
    fill_day(grace, a_week_ahead.isoweekday(), "01:00", "03:00")
    save_week(grace)
    opened = sessions()
    assert opened >= 6, "two each week, four weeks ahead"
    grace.goto(f"{live.portal_url}/hosting/hours")
    grace.click("text=Add a date that differs")
    grace.fill("#exception_date", a_week_ahead.isoformat())
    grace.get_by_role("button", name="Add the date").click()
    expect(grace.locator(".notice[role=status]")).to_contain_text("The date is added")
    assert sessions() == opened - 2
    grace.goto(f"{live.portal_url}/hosting/hours")
    grace.get_by_role("link", name="Remove…").click()
    grace.get_by_role("button", name="Remove the").click()
    expect(grace.locator(".notice[role=status]")).to_contain_text("Removed.")
    assert sessions() == opened
    grace.goto(f"{live.portal_url}/hosting/hours")
    grace.uncheck(f"#id_on_{a_week_ahead.isoweekday()}")
    save_week(grace, f"Save: close {opened}")
    assert sessions() == 0


def look(page: Page, scripts: bool) -> None:
    """Let the page say what saving does; with scripts it does so by itself."""
    if not scripts:
        page.get_by_role("button", name="Save…").click()
    expect(page.locator("#changes:not([aria-busy])")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Save: "))).to_be_visible()


def shown_hours(page: Page, *places: str) -> list[str]:
    return [f"{page.input_value(f'#id_from_{place}')}-{page.input_value(f'#id_to_{place}')}" for place in places]


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def scripts(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def host(live: Live, contexts: Contexts, scripts: bool) -> Page:
    """Somebody who offers chess and has no hours yet."""
    page = sign_in_host(contexts(java_script_enabled=scripts), live, fresh("week"))
    offer(page, live, "Chess")
    page.goto(f"{live.portal_url}/hosting/hours")
    return page


def test_a_week_is_filled_in_copied_looked_at_and_saved_once(host: Page, scripts: bool) -> None:
    fill_day(host, 1, "01:00", "02:00")
    host.get_by_role("button", name="a range on Monday").press("Enter")
    expect(host.locator("#id_from_1_1")).to_be_focused()
    host.fill("#id_from_1_1", "03:00")
    host.fill("#id_to_1_1", "05:00")
    host.locator(".week-copy summary").first.press("Enter")
    host.check("#id_copy_1_0")
    host.check("#id_copy_1_1")
    host.get_by_role("button", name="Copy Monday to these days").press("Enter")
    expect(host.locator("#id_to_3_1")).to_have_value("05:00")
    host.fill("#id_to_3_1", "02:30")
    host.get_by_role("button", name="Save…").click()
    expect(host.get_by_role("alert")).to_contain_text("Wednesday: 03:00 to 02:30 does not end after its start.")
    expect(host).to_have_title(re.compile("^Error: "))
    host.get_by_role("alert").get_by_role("link").click()
    expect(host.locator("#id_from_3_1")).to_be_focused()
    host.get_by_role("button", name="Remove Wednesday, range 2").click()
    expect(host.locator("#id_from_3_1")).to_have_count(0)
    host.fill("#id_to_3_0", "02:00")
    look(host, scripts)
    expect(host.locator("#changes")).to_contain_text(re.compile(r"Opens 2\d sessions"))
    save_week(host)
    host.reload()
    expect(host.locator("main .notice")).to_have_count(0)
    assert shown_hours(host, "1_0", "1_1", "2_1", "3_0") == ["01:00-02:00", "03:00-05:00", "03:00-05:00", "01:00-02:00"]


def test_an_old_window_is_told_what_is_so_now(live: Live, host: Page, scripts: bool) -> None:
    fill_day(host, 1, "01:00", "02:00")
    look(host, scripts)
    other = host.context.new_page()
    other.goto(f"{live.portal_url}/hosting/hours")
    fill_day(other, 2, "03:00", "05:00")
    look(other, scripts)
    save_week(other)
    host.get_by_role("button", name=re.compile("Save: ")).click()
    expect(host.get_by_role("alert")).to_contain_text("Your hours have changed since you opened this page")
    expect(host.locator("#changes")).to_contain_text("Now: Tuesday 03:00–05:00.")
    expect(host.locator("#changes")).to_contain_text(re.compile(r"Closes \d free sessions"))
    expect(host.locator("#id_on_1")).to_be_checked()
    host.get_by_role("link", name="Discard changes").click()
    expect(host.locator("#id_on_1")).not_to_be_checked()
    assert shown_hours(host, "2_0") == ["03:00-05:00"]


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


def test_credits_are_given_back_once_whatever_is_clicked(live: Live, grace: Page, contexts: Contexts) -> None:
    starts = full_hour(days=8)
    open_slot(grace, live, "Cold room", starts)
    ada = sign_in(contexts(), live, "journey-cold", f"/slots?from={starts:%Y-%m-%d}")
    book(ada, "Cold room")
    grace.goto(f"{live.portal_url}/hosting")
    grace.get_by_role("link", name="Cold room").click()
    grace.get_by_role("link", name="Give back…").click()
    grace.get_by_label("Note").fill("The room was cold")
    grace.get_by_role("button", name="See what that means").click()
    expect(grace.get_by_role("main")).to_contain_text("Nothing has been given back yet.")
    grace.get_by_role("button", name="Give 1 credit back").dblclick()
    expect(grace.get_by_role("status")).to_contain_text("They have the credits back and are told.")
    expect(grace.get_by_role("main")).to_contain_text("for 1 credit, 1 credit back")
    grace.go_back()
    expect(grace.get_by_role("status")).to_contain_text("Nothing of this booking is left to give back.")
    ada.goto(f"{live.portal_url}/credits")
    assert ada.inner_text(".balance .figure") == "5"
    expect(ada.get_by_text("The room was cold")).to_have_count(1)


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
