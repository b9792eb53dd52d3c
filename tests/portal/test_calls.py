"""Each page of the real product, and the calls that it makes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.people import HTTP, NO_CERTIFICATES, PORTAL, Browser, Tokens, call
from tests.portal.conftest import Portal, arrived, running
from tests.portal.fake_backend import Answer, Call, FakeBackend
from tests.portal.screenshots import FOR_STRANGERS, WITHOUT_A_CALL, Named, pages
from tests.processes import Live

# She has no application and no trusted publisher, so that these ask nothing.
OF_NOTHING = {"withdraw", "remove-publisher"}


class Relay(FakeBackend):
    """Hands every call on to the real backend and keeps it."""

    def __init__(self, live: Live) -> None:
        self._to = httpx.Client(base_url=live.backend_url, timeout=120, verify=NO_CERTIFICATES)
        super().__init__()

    def answer(self, call: Call) -> Answer:
        """The real backend's answer to `call`, recorded."""
        self.calls.append(call)
        headers = {"Authorization": call.headers["authorization"]}
        found = self._to.request(call.method, call.path, params=call.query, headers=headers)
        return Answer(found.status_code, raw=found.content)


def make(live: Live, who: Tokens, path: str, **body: Any) -> dict[str, Any]:
    """What a POST to the API made."""
    answer = call(live, path, who.access, "POST", json=body)
    assert answer.is_success, answer.text
    return dict(answer.json() if answer.content else {})


def open_slot(live: Live, who: Tokens, title: str, **ahead: float) -> str:
    """An hour with one seat, so far ahead."""
    starts = datetime.now(UTC) + timedelta(**ahead)
    times = {"starts_at": starts.isoformat(), "ends_at": (starts + timedelta(hours=1)).isoformat()}
    return str(make(live, who, "/slots", title=title, capacity=1, **times)["id"])


@pytest.fixture(scope="module")
def ada(live: Live) -> httpx.Client:
    """Ada's browser."""
    return arrived(live, "portal-hurry")


@pytest.fixture(scope="module")
def named(live: Live, ada: httpx.Client) -> Named:
    """Everything that a page can show, in Ada's account: she books with Grace and hosts Alan."""
    me = Tokens(ada.cookies["insighta_at"], "", {})
    grace, alan = (Browser(live, f"portal-hurry-{name}").sign_in(PORTAL) for name in ("grace", "alan"))
    for login in ("portal-hurry", "portal-hurry-grace"):
        live.manage("make_host", login)
    free, target, gone = (open_slot(live, grace, "Theirs", days=day) for day in (2, 3, 4))
    soon, full, mine = (open_slot(live, grace, "Theirs", hours=hour) for hour in (5, 30, 40))
    hosted = open_slot(live, me, "Own", days=2, hours=3)
    for who, slot in ((alan, full), (alan, hosted)):
        make(live, who, "/bookings", slot_id=slot)
    booking, receipt = (make(live, me, "/bookings", slot_id=slot)["id"] for slot in (mine, gone))
    make(live, me, f"/bookings/{receipt}/cancel")
    make(live, me, f"/slots/{full}/waitlist")
    times = {"start_time": "09:00", "end_time": "10:00"}
    make(live, me, "/availability-rules", kind="weekly", weekday=1, title="Weekly", **times)
    day_off = make(live, me, "/availability-rules", kind="day_off", date="2098-01-01")["id"]
    rules = call(live, "/availability-rules", me.access).json()["results"]
    asked = HTTP.post(f"{live.backend_url}/oauth/device_authorization", data={"client_id": "insighta-cli"}).json()
    return Named(
        free=free, soon=soon, full=full, host="portal-hurry-grace", target=target, hosted=hosted,
        booking=booking, receipt=receipt, rule=day_off, user_code=asked["user_code"],
        offering=rules[0]["offering_id"],
        session=call(live, "/sessions", me.access).json()["results"][0]["id"],
        token=make(live, me, "/personal-access-tokens", name="job", scopes=["account:read"])["id"],
        client=call(live, f"/slots/{hosted}/bookings", me.access).json()["results"][0]["id"],
        awaited=full, publisher="", application="",
        day=f"{datetime.now(UTC) + timedelta(days=2, hours=3):%Y-%m-%d}",
    )  # fmt: skip


def test_every_page_of_the_product_is_one_call(live: Live, ada: httpx.Client, named: Named) -> None:
    relay, found = Relay(live), {}
    with running(Portal(relay)) as portal:
        browser = portal.browser((ada.cookies["insighta_at"], ada.cookies["insighta_rt"]))
        for name, path in pages(named).items():
            if name not in FOR_STRANGERS | WITHOUT_A_CALL | OF_NOTHING:
                relay.calls.clear()
                page = browser.get(path)
                assert 'action="/logout"' in page.text, name
                found[name] = (page.status_code, len(relay.calls))
    relay.close()
    assert len(found) > 20
    assert {name: count for name, count in found.items() if count != (200, 1)} == {}
