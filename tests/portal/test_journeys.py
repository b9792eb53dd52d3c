"""The portal of the real product in Debian's Chromium: Ada books, Grace hosts, Mallory must see nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.people import HTTP, call
from tests.people import Browser as Stranger
from tests.portal.browsers import (
    Contexts,
    book,
    drop_access_token,
    fill_in_github,
    open_slot,
    press_book,
    sign_in,
    sign_in_host,
)
from tests.portal.conftest import running_process
from tests.processes import Live, another_backend, free_port

pytestmark = pytest.mark.browser


def full_hour(*, days: int) -> datetime:
    return datetime.now(UTC).replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=days)


def test_ten_tabs_at_once_on_an_expired_access_token_stay_signed_in(live: Live, contexts: Contexts) -> None:
    ada = contexts()
    sign_in(ada, live, "portal-tabs")
    drop_access_token(ada)
    tabs = [ada.new_page() for _ in range(10)]
    for tab in tabs:
        tab.evaluate("address => { setTimeout(() => location.assign(address), 50) }", f"{live.portal_url}/credits")
    for tab in tabs:
        expect(tab.get_by_role("heading", name="Credits", exact=True)).to_be_visible()
    drop_access_token(ada)
    tabs[0].reload()
    expect(tabs[0].get_by_role("heading", name="Credits", exact=True)).to_be_visible()


def test_a_session_ended_elsewhere_says_so_and_returns_to_the_page_wanted(live: Live, contexts: Contexts) -> None:
    on_laptop = sign_in(contexts(), live, "portal-two", "/credits")
    on_phone = sign_in(contexts(), live, "portal-two", "/sessions")
    on_phone.get_by_role("link", name="Sign out all others…").click()
    on_phone.get_by_role("button", name="Sign out all others").click()
    expect(on_phone.get_by_role("status")).to_contain_text("Everything else is signed out")
    on_laptop.reload()
    expect(on_laptop.get_by_role("heading", name="You have been signed out")).to_be_visible()
    on_laptop.get_by_role("link", name="Sign in and go on").click()
    fill_in_github(on_laptop, "portal-two")
    on_laptop.wait_for_url(f"{live.portal_url}/credits")


def test_a_callback_address_of_mallory_signs_nobody_in(live: Live, contexts: Contexts) -> None:
    mallory, ada = Stranger(live, "portal-mallory"), contexts()
    callback = f"{live.portal_url}/auth/callback"
    address = mallory.follow(mallory.get(f"{live.portal_url}/login"), until=callback).headers["location"]
    assert "rt=insr_" in address
    victim = ada.new_page()
    victim.goto(address)
    expect(victim.get_by_role("heading", name="not started in this browser")).to_be_visible()
    victim.goto(live.portal_url)
    expect(victim.get_by_role("main").get_by_role("link", name="Sign in with GitHub")).to_be_visible()
    assert not [cookie for cookie in ada.cookies() if cookie["name"].startswith("insighta_rt")]


def test_without_scripts_ada_books_moves_cancels_and_waits(live: Live, contexts: Contexts) -> None:
    host = sign_in_host(contexts(java_script_enabled=False), live, "portal-grace")
    start = full_hour(days=2)
    later = start + timedelta(hours=3)
    open_slot(host, live, "First hour", start, seats=1)
    open_slot(host, live, "Second hour", later, seats=1)

    page = sign_in(contexts(java_script_enabled=False), live, "portal-client", f"/slots?from={start:%Y-%m-%d}")
    page.get_by_role("link", name="First hour").click()
    expect(page.get_by_role("main")).to_contain_text("for a full refund")
    press_book(page)
    expect(page.get_by_role("status")).to_contain_text("Your seat is booked")
    page.get_by_role("link", name="Reschedule").click()
    page.get_by_role("link", name="Show other sessions, too").click()
    page.goto(f"{page.url}&day={later:%Y-%m-%d}")
    page.get_by_role("link", name="Second hour").click()
    page.get_by_role("button", name="Move to").click()
    expect(page.get_by_role("main")).to_contain_text("Moved from")

    late = sign_in(contexts(), live, "portal-alan", f"/slots?day={later:%Y-%m-%d}")
    late.get_by_role("link", name="Second hour").click()
    late.get_by_role("button", name="Join the waitlist").click()
    expect(late.get_by_role("status")).to_contain_text("You are on the waitlist")

    page.get_by_role("link", name="Cancel…").click()
    page.get_by_role("button", name="Cancel booking and get 1 credit back").click()
    expect(page.get_by_role("status")).to_contain_text("cancelled")
    expect(page.get_by_role("main")).to_contain_text("Came back")
    late.goto(f"{live.portal_url}/bookings")
    expect(late.get_by_role("link", name="Second hour", exact=True)).to_be_visible()
    host.goto(f"{live.portal_url}/hosting")
    host.get_by_role("link", name="Second hour").click()
    expect(host.get_by_role("main")).to_contain_text("Portal-alan")


def test_a_host_cancels_and_the_client_sees_it(live: Live, contexts: Contexts) -> None:
    host = sign_in_host(contexts(), live, "portal-host")
    start = full_hour(days=3)
    open_slot(host, live, "Called off", start)
    page = sign_in(contexts(), live, "portal-guest", f"/slots?from={start:%Y-%m-%d}")
    book(page, "Called off")
    host.goto(f"{live.portal_url}/hosting/cancel-day")
    host.fill("#id_date", f"{start:%Y-%m-%d}")
    host.get_by_role("button", name="See what is on that day").click()
    host.get_by_label("Cancel them: 1 person gets 1 credit back").check()
    host.get_by_role("button", name="Take the day off").click()
    expect(host.get_by_role("status")).to_contain_text("The day is cancelled")
    page.goto(f"{live.portal_url}/bookings?show=past")
    expect(page.get_by_role("main")).to_contain_text("Cancelled by the host")
    page.goto(f"{live.portal_url}/credits")
    expect(page.locator(".figure")).to_have_text("5")


def test_a_token_is_made_copied_and_revoked(live: Live, contexts: Contexts) -> None:
    ada = contexts(permissions=["clipboard-read", "clipboard-write"])
    page = sign_in(ada, live, "portal-tokens", "/tokens")
    expect(page.get_by_role("heading", name="Access tokens")).to_be_focused()
    page.fill("#id_name", "Night job")
    page.check("#id_scopes_2")
    page.click("text=Make the token")
    secret = page.inner_text("#secret")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.locator("#copied")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == secret
    assert call(live, "/me", secret).status_code == 200
    page.reload()
    expect(page.get_by_role("main")).not_to_contain_text(secret)
    page.get_by_role("link", name="Revoke… Night job").click()
    page.get_by_role("button", name="Revoke the token").click()
    expect(page.get_by_role("status")).to_contain_text("revoked")
    assert call(live, "/me", secret).status_code == 401


@pytest.mark.parametrize(("button", "outcome"), [("Sign the device in", "access_token"), ("Deny", "access_denied")])
def test_a_device_is_let_in_or_turned_away(live: Live, contexts: Contexts, button: str, outcome: str) -> None:
    form = {"client_id": "insighta-cli", "device_name": "build server"}
    asked = HTTP.post(f"{live.backend_url}/oauth/device_authorization", data=form).json()
    page = sign_in(contexts(), live, "portal-device", "/device")
    page.fill("#id_user_code", asked["user_code"].lower())
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("main")).to_contain_text("127.0.0.1")
    page.get_by_role("button", name=button).click()
    expect(page.get_by_role("status")).to_be_visible()
    grant = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": asked["device_code"]}
    answer = HTTP.post(f"{live.backend_url}/oauth/token", data=grant | {"client_id": "insighta-cli"}).json()
    assert outcome in {*answer, answer.get("error")}


def test_the_browsers_time_zone_is_offered_once_and_taken(live: Live, contexts: Contexts) -> None:
    page = sign_in(contexts(timezone_id="Africa/Lagos"), live, "portal-zone", "/slots")
    page.get_by_role("button", name="Use Africa/Lagos").click()
    expect(page.get_by_role("status")).to_contain_text("your time zone")
    expect(page.get_by_role("main")).to_contain_text("in Lagos time")
    expect(page.locator("[data-zone-offer]")).to_be_hidden()


@pytest.fixture
def by_approval(live: Live) -> Iterator[Live]:
    """The product where staff approve new people: a backend and a portal of their own over the shared database."""
    port = free_port()
    with another_backend(live, REGISTRATION="approval", PORTAL_PORT=str(port)) as other:
        other.portal_url = f"http://localhost:{port}"
        other.portal = live._server("portal", f"{other.portal_url}/healthz", "127.0.0.1", port=port)
        other.portal.environment = other.backend.environment | {"DJANGO_SETTINGS_MODULE": "config.settings.portal"}
        with running_process(other.portal):
            yield other


def test_new_people_wait_for_approval_and_come_in_after_it(by_approval: Live, contexts: Contexts) -> None:
    live, page = by_approval, contexts().new_page()
    page.goto(f"{live.portal_url}/login?next=/credits")
    fill_in_github(page, "portal-newcomer")
    waits = page.get_by_role("heading", name="Your account waits for approval")
    expect(waits).to_be_visible()
    assert "rt=" not in page.url
    page.get_by_role("link", name="Check again").click()
    fill_in_github(page, "portal-newcomer")
    expect(waits).to_be_visible()
    page.goto(live.portal_url)
    expect(page.get_by_role("main").get_by_role("link", name="Sign in with GitHub")).to_be_visible()
    live.manage("approve_user", "portal-newcomer")
    page.get_by_role("main").get_by_role("link", name="Sign in with GitHub").click()
    fill_in_github(page, "portal-newcomer")
    expect(page.get_by_role("main")).to_contain_text("Signed in as portal-newcomer")


def test_a_suspension_ends_every_page_and_reinstating_lets_the_person_in_again(live: Live, contexts: Contexts) -> None:
    page = sign_in(contexts(), live, "portal-suspect", "/credits")
    live.manage("suspend_user", "portal-suspect", "--reason", "spam")
    page.reload()
    suspended = page.get_by_role("heading", name="Your account is suspended")
    expect(suspended).to_be_visible()
    page.goto(f"{live.portal_url}/login")
    fill_in_github(page, "portal-suspect")
    expect(suspended).to_be_visible()
    live.manage("reinstate_user", "portal-suspect")
    sign_in(page.context, live, "portal-suspect", "/credits")


def test_leaving_and_coming_back(live: Live, contexts: Contexts) -> None:
    ada = contexts()
    page = sign_in(ada, live, "portal-leaver", "/settings/deactivate")
    page.get_by_role("button", name="Close my account").click()
    expect(page.get_by_role("heading", name="Your account is closed")).to_be_visible()
    again = sign_in(ada, live, "portal-leaver")
    expect(again.get_by_role("main")).to_contain_text("Signed in as portal-leaver")
