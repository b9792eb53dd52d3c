"""How long each page of the real product takes, beside the call that it makes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.people import NO_CERTIFICATES, PORTAL, Browser, Tokens, call
from tests.portal.conftest import Portal, arrived, running
from tests.portal.fake_backend import Answer, Call, FakeBackend
from tests.portal.screenshots import FOR_STRANGERS, WITHOUT_A_CALL, Named, pages
from tests.processes import Live

pytestmark = pytest.mark.alone

CLIENTS, ROUNDS = 4, 8


class Relay(FakeBackend):
    """Hands every call on to the real backend and keeps it."""

    def __init__(self, live: Live) -> None:
        self._to = httpx.Client(base_url=live.backend_url, timeout=30, verify=NO_CERTIFICATES)
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
    times = {"start_time": "09:00", "end_time": "10:00"}
    make(live, me, "/availability-rules", kind="weekly", weekday=1, title="Weekly", **times)
    rules = call(live, "/availability-rules", me.access).json()["results"]
    asked = httpx.post(f"{live.backend_url}/oauth/device_authorization", data={"client_id": "insighta-cli"}).json()
    return Named(
        free=free, soon=soon, full=full, target=target, hosted=hosted,
        booking=booking, receipt=receipt, rule=rules[0]["id"], user_code=asked["user_code"],
        day=f"{datetime.now(UTC) + timedelta(days=2, hours=3):%Y-%m-%d}",
    )  # fmt: skip


@pytest.fixture(scope="module")
def calls(live: Live, ada: httpx.Client, named: Named) -> Iterator[dict[str, tuple[str, str]]]:
    """For each page its address, and the address of the one call that it makes of the real backend."""
    relay, found = Relay(live), {}
    with running(Portal(relay)) as portal:
        browser = portal.browser((ada.cookies["insighta_at"], ada.cookies["insighta_rt"]))
        for name, path in pages(named).items():
            if name in FOR_STRANGERS | WITHOUT_A_CALL:
                continue
            relay.calls.clear()
            answer = browser.get(path)
            assert (answer.status_code, len(relay.calls)) == (200, 1), (name, answer.status_code, relay.calls)
            [made] = relay.calls
            found[name] = (path, f"{made.path}?{urlencode(made.query)}")
    yield found
    relay.close()


def test_every_page_takes_at_most_twice_the_time_of_its_call(
    live: Live, ada: httpx.Client, calls: dict[str, tuple[str, str]]
) -> None:
    ratios = {name: ratio(live, ada, *addresses) for name, addresses in calls.items()}
    # Other programs of the machine may fall on one side; over a longer time, and again, they do not.
    for rounds in (2 * ROUNDS, 3 * ROUNDS, 4 * ROUNDS):
        again = [name for name, found in ratios.items() if found > 2]
        ratios |= {name: ratio(live, ada, *calls[name], rounds=rounds) for name in again}
    print("\n".join(f"{found:.2f} {name}" for name, found in sorted(ratios.items(), key=lambda one: -one[1])))  # noqa: T201  # shown by -s
    assert {name: found for name, found in ratios.items() if found > 2} == {}


def ratio(live: Live, ada: httpx.Client, path: str, resource: str, *, rounds: int = ROUNDS) -> float:
    """The median time of the page by that of its call, both under several clients that ask for each in turn."""
    bearer = {"Authorization": f"Bearer {ada.cookies['insighta_at']}"}
    cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in ada.cookies.items())}
    addresses = [(f"{live.backend_url}{resource}", bearer), (f"{live.portal_url}{path}", cookies)]

    def alternate(_: int) -> list[float]:
        with httpx.Client(timeout=30, verify=NO_CERTIFICATES) as client:
            return [seconds(client, address, headers) for _ in range(rounds) for address, headers in addresses]

    with ThreadPoolExecutor(CLIENTS) as pool:
        took = list(pool.map(alternate, range(CLIENTS)))
    of_call, of_page = (median([one for times in took for one in times[first::2]]) for first in (0, 1))
    return of_page / of_call


def seconds(client: httpx.Client, address: str, headers: dict[str, str]) -> float:
    """How long one answer takes."""
    began = perf_counter()
    assert client.get(address, headers=headers).status_code == 200
    return perf_counter() - began
