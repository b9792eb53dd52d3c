"""The callback's address twice, Back to GitHub's page, and ten minutes spent there: the person arrives all the same."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest

from tests.accounts.github import fresh
from tests.people import NO_CERTIFICATES, Browser
from tests.portal.conftest import running_process
from tests.processes import Live

DELIVERIES = 20
WISH = "/device?user_code=BCDF-GHJK"


@pytest.fixture(scope="module", params=["tokens", "code"])
def portal_url(live: Live, request: pytest.FixtureRequest) -> Iterator[str]:
    """A portal that is handed tokens or a code; the backend sends browsers to the address of the first one."""
    portal = live.another_portal()
    portal.environment = portal.environment | {"PORTAL_HANDOFF": request.param}
    with running_process(portal):
        yield portal.answers_at.removesuffix("/healthz")


class Visitor(Browser):
    """A browser that goes to this portal where the backend sends it to the first."""

    def __init__(self, live: Live, portal_url: str) -> None:
        super().__init__(live, fresh("ada"))
        self.portal_url = portal_url

    def begin(self) -> httpx.Response:
        """GitHub's redirect back to the backend, not yet followed."""
        begun = self.http.get(f"{self.portal_url}/login", params={"next": WISH})
        return self.follow(begun, until=f"{self.live.backend_url}/auth/complete/")

    def callback(self, waiting: httpx.Response) -> str:
        """The callback's address that the backend redirects to."""
        answer = self.follow(waiting, until=f"{self.live.portal_url}/auth/callback")
        return f"{self.portal_url}/auth/callback?{urlsplit(answer.headers['location']).query}"

    def twin(self) -> httpx.Client:
        """Another connection with the cookies of this moment."""
        other = httpx.Client(timeout=120, verify=NO_CERTIFICATES)
        for cookie in self.http.cookies.jar:
            other.cookies.set(cookie.name, cookie.value or "", domain=cookie.domain, path="/")
        return other

    @property
    def is_signed_in(self) -> bool:
        return "This one" in self.get(f"{self.portal_url}/sessions").text


@pytest.fixture
def ada(live: Live, portal_url: str) -> Visitor:
    return Visitor(live, portal_url)


def places(answers: list[httpx.Response]) -> set[tuple[int, str]]:
    return {(answer.status_code, answer.headers.get("location", "")) for answer in answers}


def test_twenty_deliveries_at_once_are_one_sign_in(ada: Visitor, live: Live) -> None:
    address = ada.callback(ada.begin())
    tabs, together = [ada.twin() for _ in range(DELIVERIES)], threading.Barrier(DELIVERIES)

    def deliver(tab: httpx.Client) -> httpx.Response:
        together.wait()
        return tab.get(address)

    with ThreadPoolExecutor(DELIVERIES) as pool:
        answers = list(pool.map(deliver, tabs))
    assert places(answers) == {(303, WISH)}
    assert len({tab.cookies["insighta_rt"] for tab in tabs}) == 1
    ada.http.cookies.update(answers[0].cookies)
    assert ada.is_signed_in
    with live.connect() as connection:
        found = connection.execute(
            "SELECT count(*), count(revoked_at) FROM tokens_session s JOIN accounts_user u ON u.id = s.user_id"
            " WHERE login = %s",
            [ada.login],
        ).fetchone()
    assert found == (1, 0)


def test_one_delivery_after_the_other_leads_to_the_same_page(ada: Visitor) -> None:
    address = ada.callback(ada.begin())
    assert places([ada.get(address) for _ in range(3)]) == {(303, WISH)}
    assert ada.is_signed_in


@pytest.mark.parametrize("minutes", [0, 5, 30])
def test_githubs_button_again_after_the_sign_in_leads_on(ada: Visitor, live: Live, minutes: int) -> None:
    waiting = ada.begin()
    assert ada.get(ada.callback(waiting)).headers["location"] == WISH
    age(live, ada.login, minutes)
    again = ada.get(ada.callback(waiting))
    assert (again.status_code, again.headers["location"]) == (303, WISH)
    assert ada.is_signed_in


@pytest.mark.parametrize("minutes", [11, 45])
def test_a_long_time_at_githubs_page_costs_nothing_but_another_trip(ada: Visitor, live: Live, minutes: int) -> None:
    waiting = ada.begin()
    with live.connect() as connection:
        connection.execute(
            "UPDATE accounts_signinflow SET expires_at = expires_at - make_interval(mins => %s)", [minutes]
        )
    arrived = ada.get(ada.callback(waiting))
    assert (arrived.status_code, arrived.headers["location"]) == (303, WISH)
    assert ada.is_signed_in


def age(live: Live, login: str, minutes: int) -> None:
    """Let this person's flows, and what was decided about them, be so much older."""
    with live.connect() as connection:
        connection.execute(
            "UPDATE accounts_signinflow SET expires_at = expires_at - make_interval(mins => %(minutes)s),"
            " decided_at = decided_at - make_interval(mins => %(minutes)s)"
            " WHERE user_id = (SELECT id FROM accounts_user WHERE login = %(login)s)",
            {"login": login, "minutes": minutes},
        )
