"""Rate limits: who is counted, what a refused caller is told, and that several processes count together."""

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import fakeredis
import pytest
from django.core.cache import cache
from django.test import Client as Http
from pytest_django import Settings

from accounts.models import User
from tests.accounts.github import fresh
from tests.backends import another_backend
from tests.people import Browser
from tests.people import call as call_live
from tests.processes import Live, free_port
from tests.tokens.in_process import CLI, PORTAL, call, make_person, post, sign_in
from tokens.throttles import PersonThrottle

AUTHORIZE = {
    "response_type": "code",
    "client_id": CLI,
    "redirect_uri": "http://127.0.0.1:9876/callback",
    "state": "s",
    "code_challenge": "c" * 43,
    "code_challenge_method": "S256",
}


@dataclass
class Clock:
    """The throttles' clock, in seconds."""

    seconds: float = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture(autouse=True)
def _no_counts() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Clock:
    """Limits as in production, and a clock that moves only when told."""
    clock = Clock()
    settings.THROTTLE_SCALE = 1
    monkeypatch.setattr(PersonThrottle.__mro__[1], "timer", staticmethod(clock))
    return clock


@pytest.fixture
def ada(db: None) -> User:
    return make_person("ada")


def answered(send: Callable[[], Any], *, at_most: int = 2000) -> int:
    """How many requests are answered before one is throttled."""
    for count in range(at_most):
        if send().status_code == 429:
            return count
    raise AssertionError(f"{at_most} requests and no limit")


def guesses(client: Http, token: str, verb: str = "") -> Callable[[], Any]:
    codes = ("".join(letters) for letters in itertools.product("BCDFGHJK", repeat=8))
    return lambda: call(client, f"/device-requests/{next(codes)}{verb}", token, "POST" if verb else "GET")


# The OAuth endpoints


@pytest.mark.parametrize(
    ("limit", "send"),
    [
        pytest.param(60, lambda client, ada: client.get("/oauth/authorize", AUTHORIZE), id="sign-ins begun"),
        pytest.param(30, lambda client, ada: post(client, "device_authorization"), id="device sign-ins begun"),
        pytest.param(
            30,
            lambda client, ada: post(client, "introspect", client_id=PORTAL, client_secret="x", token="x"),
            id="guessed secrets",
        ),
        pytest.param(600, lambda client, ada: post(client, "revoke", token="x"), id="requests of public clients"),
    ],
)
def test_an_address_is_held_to_its_limit_and_told_when_to_come_back(
    client: Http, ada: User, clock: Clock, limit: int, send: Callable[[Http, User], Any]
) -> None:
    assert answered(lambda: send(client, ada)) == limit
    clock.seconds += 20
    refused = send(client, ada)
    assert refused.status_code == 429
    wait = int(refused["Retry-After"])
    assert 35 <= wait <= 40
    clock.seconds += wait - 1
    assert send(client, ada).status_code == 429
    clock.seconds += 1
    assert send(client, ada).status_code != 429


def test_a_throttled_oauth_request_is_told_in_json_and_a_browser_by_a_page(
    client: Http, ada: User, clock: Clock
) -> None:
    answered(lambda: post(client, "device_authorization"))
    refused = post(client, "device_authorization")
    assert refused.json()["error"] == "throttled"
    assert refused["Cache-Control"] == "no-store"
    answered(lambda: client.get("/oauth/authorize", AUTHORIZE))
    page = client.get("/oauth/authorize", AUTHORIZE)
    assert page["Content-Type"].startswith("text/html")
    assert "Location" not in page
    assert page["Retry-After"]


def test_one_session_is_held_to_its_limit_and_another_is_not(client: Http, ada: User, clock: Clock) -> None:
    pair, other = sign_in(ada), sign_in(ada)
    token = pair.refresh_token

    def refresh() -> Any:
        nonlocal token
        answer = post(client, "token", grant_type="refresh_token", refresh_token=token)
        token = answer.json().get("refresh_token", token)
        return answer

    assert answered(refresh) == 120
    assert int(refresh()["Retry-After"]) == 60
    assert post(client, "token", grant_type="refresh_token", refresh_token=other.refresh_token).status_code == 200
    clock.seconds += 60
    assert refresh().status_code == 200


def test_the_portal_is_not_limited_by_its_one_address(client: Http, ada: User, clock: Clock) -> None:
    """All of its people come from there; each of their sessions has a limit of its own."""
    tokens = [sign_in(ada, client_id=PORTAL).refresh_token for _ in range(7)]
    for _ in range(100):
        for number, token in enumerate(tokens):
            answer = post(client, "token", client_id=PORTAL, grant_type="refresh_token", refresh_token=token)
            assert answer.status_code == 200
            tokens[number] = answer.json()["refresh_token"]


# The API


@pytest.mark.parametrize("verb", ["", "/approve", "/deny"])
def test_a_person_guesses_user_codes_twenty_times_a_minute(client: Http, ada: User, clock: Clock, verb: str) -> None:
    assert answered(guesses(client, sign_in(ada).access_token, verb)) == 20
    refused = call(client, "/device-requests/BCDF-GHJK", sign_in(ada, client_id=PORTAL).access_token)
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    assert int(refused["Retry-After"]) == 60
    assert refused["Content-Type"] == "application/problem+json"


def test_an_address_guesses_user_codes_sixty_times_a_minute_whoever_signs_in(
    client: Http, db: None, clock: Clock
) -> None:
    counts = [answered(guesses(client, sign_in(make_person(f"mallory-{n}")).access_token)) for n in range(4)]
    # The request at which a person is refused counts for the address, too.
    assert counts == [20, 20, 18, 0]
    elsewhere = sign_in(make_person("grace")).access_token
    headers = {"Authorization": f"Bearer {elsewhere}"}
    answer = client.get("/api/v1/device-requests/BCDF-GHJK", headers=headers, REMOTE_ADDR="192.0.2.7")
    assert answer.status_code == 404


def test_many_people_may_type_codes_at_the_portal(client: Http, db: None, clock: Clock) -> None:
    for number in range(5):
        token = sign_in(make_person(f"person-{number}"), client_id=PORTAL).access_token
        assert answered(guesses(client, token)) == 20


def test_a_batch_is_no_way_around_the_limit_on_guesses(client: Http, ada: User, clock: Clock) -> None:
    token = sign_in(ada).access_token
    codes = ("".join(letters) for letters in itertools.product("BCDFGHJK", repeat=8))
    statuses = []
    for _ in range(5):
        parts = "&".join(f"p{number}=/device-requests/{next(codes)}" for number in range(6))
        statuses += [part["status"] for part in call(client, f"/batch?{parts}", token).json().values()]
    assert statuses == [404] * 20 + [429] * 10


def test_a_person_is_counted_over_all_credentials(client: Http, ada: User, clock: Clock, settings: Settings) -> None:
    settings.THROTTLE_SCALE = 0.1
    tokens = [sign_in(ada).access_token, sign_in(ada, client_id=PORTAL).access_token]
    used = itertools.cycle(tokens)
    assert answered(lambda: call(client, "/me", next(used))) == 120
    refused = call(client, "/me", tokens[0])
    assert (refused.json()["code"], refused["Retry-After"]) == ("throttled", "60")
    assert call(client, "/me", sign_in(make_person("grace")).access_token).status_code == 200


# Whose address


def test_a_forwarded_address_is_believed_from_a_configured_proxy_only(
    client: Http, db: None, clock: Clock, settings: Settings
) -> None:
    def begin(forwarded: str, peer: str) -> int:
        headers = {"X-Forwarded-For": forwarded}
        form = "application/x-www-form-urlencoded"
        body = f"client_id={CLI}"
        address = "/oauth/device_authorization"
        answer = client.post(address, body, content_type=form, headers=headers, REMOTE_ADDR=peer)
        return int(answer.status_code)

    settings.TRUSTED_PROXIES = (ip_network("192.0.2.0/28"),)
    liar = [begin(f"198.51.100.{number}", "203.0.113.9") for number in range(31)]
    assert liar == [200] * 30 + [429]
    behind_proxy = [begin(f"spoofed, 198.51.100.{number}", "192.0.2.1") for number in range(31)]
    assert behind_proxy == [200] * 31
    beside_the_network = [begin(f"198.51.100.{number}", "192.0.2.16") for number in range(31)]
    assert beside_the_network == [200] * 30 + [429]
    one_behind_proxy = [begin(f"198.51.100.{number}, 203.0.113.50", "192.0.2.1") for number in range(31)]
    assert one_behind_proxy == [200] * 30 + [429]


# Several processes


@pytest.fixture
def redis() -> Iterator[str]:
    """A Redis server of the test's own; its address."""
    port = free_port()
    server = fakeredis.TcpFakeServer(("127.0.0.1", port), server_type="redis")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"redis://127.0.0.1:{port}/0"
    server.shutdown()
    server.server_close()


def test_with_redis_all_processes_count_together(live: Live, redis: str) -> None:
    ada = Browser(live, fresh("ada")).sign_in()
    shared = {"BACKEND_URL": live.backend_url, "THROTTLE_SCALE": "0.5", "REDIS_URL": redis}
    with another_backend(live, **shared) as first, another_backend(live, **shared) as second:
        asked = itertools.islice(itertools.cycle([first, second]), 14)
        statuses = [call_live(one, "/device-requests/BCDF-GHJK", ada.access).status_code for one in asked]
    assert statuses == [404] * 10 + [429] * 4
