"""Rate limits: who is counted, what a refused caller is told, and that several processes count together."""

import base64
import itertools
import logging
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import Any

import pytest
from django.test import Client as Http
from django.test import RequestFactory
from pytest_django import Settings
from redis import Redis
from redis.exceptions import ConnectionError

from accounts.models import User
from tests.accounts.github import fresh
from tests.people import Browser
from tests.people import call as call_live
from tests.processes import Live, Process, another_backend, free_port, wait_until
from tests.tokens.applications import register
from tests.tokens.in_process import CLI, PORTAL, PORTAL_SECRET, call, make_person, post, sign_in
from tokens import throttles
from tokens.errors import Throttled
from tokens.services.applications import Registered
from tokens.throttles import Limit, limiter

pytestmark = pytest.mark.slow

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
    """The counters' clock, in seconds; it starts half a second after a window does."""

    seconds: float = 60_000.5

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture(autouse=True)
def _no_counts() -> Iterator[None]:
    limiter.cache_clear()
    yield
    limiter.cache_clear()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Clock:
    """Limits as in production, and a clock that moves only when told."""
    clock = Clock()
    settings.THROTTLE_SCALE = 1
    monkeypatch.setattr("tokens.throttles.monotonic", clock)
    return clock


def counters() -> int:
    """How many counters this process keeps."""
    storage: Any = limiter()
    return sum(len(window.counts) + len(window.counts_before) for window in storage.windows.values())


def test_what_is_over_is_forgotten_without_a_thread(clock: Clock) -> None:
    threads = threading.active_count()
    for minute in range(5):
        for caller in range(1000):
            Limit("test", 10).count(f"{minute}-{caller}")
        assert counters() <= 2000
        clock.seconds += 60
    clock.seconds += 600
    for caller in range(2000):
        Limit("test", 1000).count(f"late-{caller % 10}")
    assert counters() == 10
    assert threading.active_count() <= threads


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
        pytest.param(60, lambda client, ada: client.post("/oauth/authorize", AUTHORIZE), id="sign-ins begun by a form"),
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
    assert wait == 40
    clock.seconds += wait - 1
    assert send(client, ada).status_code == 429
    clock.seconds += 1
    assert send(client, ada).status_code != 429


def test_two_neighbouring_windows_do_not_add_up(clock: Clock) -> None:
    limit = Limit("test", 60)
    clock.seconds += 58
    for _ in range(60):
        limit.count("ada")
    clock.seconds += 2
    limit.count("ada")
    with pytest.raises(Throttled) as refused:
        limit.count("ada")
    clock.seconds += refused.value.retry_after_seconds
    limit.count("ada")


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


def of_portal(browser: str, *, secret: str = PORTAL_SECRET) -> dict[str, Any]:
    """What the portal sends beside the token of somebody at the address `browser`."""
    pair = base64.b64encode(f"{PORTAL}:{secret}".encode()).decode()
    return {"HTTP_CLIENT_AUTHORIZATION": f"Basic {pair}", "HTTP_X_FORWARDED_FOR": browser}


def test_many_people_may_type_codes_at_the_portal(db: None, clock: Clock) -> None:
    """All calls of the portal come from one address: its browsers are counted."""
    for number in range(5):
        token = sign_in(make_person(f"person-{number}"), client_id=PORTAL).access_token
        assert answered(guesses(Http(**of_portal(f"198.51.100.{number}")), token)) == 20


def test_one_browser_guesses_user_codes_sixty_times_a_minute_at_the_portal(db: None, clock: Clock) -> None:
    tokens = [sign_in(make_person(f"mallory-{n}"), client_id=PORTAL).access_token for n in range(4)]
    assert [answered(guesses(Http(**of_portal("198.51.100.7")), token)) for token in tokens] == [20, 20, 18, 0]


def test_a_token_of_the_portal_is_no_way_around_the_limit_of_an_address(db: None, clock: Clock) -> None:
    """Whoever signs in at the portal can send the token straight to the API, with any forwarded address."""
    tokens = [sign_in(make_person(f"mallory-{n}"), client_id=PORTAL).access_token for n in range(4)]
    browsers = [Http(HTTP_X_FORWARDED_FOR=f"198.51.100.{number}") for number in range(4)]
    assert [answered(guesses(*one)) for one in zip(browsers, tokens, strict=True)] == [20, 20, 18, 0]


@pytest.mark.parametrize(
    "proof", ["", " ", "Basic", "Basic =", "Basic w6k=", "Bearer x", "\xe9", "Basic " + "a" * 8000]
)
def test_an_odd_proof_is_none(client: Http, ada: User, clock: Clock, proof: str) -> None:
    headers = {"Authorization": f"Bearer {sign_in(ada).access_token}", "Client-Authorization": proof}
    assert client.get("/api/v1/device-requests/BCDF-GHJK", headers=headers).status_code == 404


def test_guesses_of_the_portals_secret_beside_a_token_vouch_for_nobody_and_are_counted(
    client: Http, db: None, clock: Clock
) -> None:
    for number in range(30):
        guesser = Http(**of_portal(f"198.51.100.{number}", secret="guess"))
        token = sign_in(make_person(f"mallory-{number % 2}"), client_id=PORTAL).access_token
        assert call(guesser, "/device-requests/BCDF-GHJK", token).status_code == 404
    assert call(guesser, "/device-requests/BCDF-GHJK", token).status_code == 429
    # Thirty of the address's sixty are left, and one of them goes to the request at which the first is refused.
    tokens = [sign_in(make_person(f"eve-{n}")).access_token for n in range(2)]
    assert [answered(guesses(client, token)) for token in tokens] == [20, 9]


def test_the_portals_page_is_no_way_around_the_limit_on_guesses(client: Http, ada: User, clock: Clock) -> None:
    token = sign_in(ada, client_id=PORTAL).access_token
    paths = itertools.cycle(["/device-requests/BCDF-GHJK", "/pages/device/BCDF-GHJK"])
    statuses = [call(client, next(paths), token).status_code for _ in range(22)]
    assert statuses == [404, 200] * 10 + [429, 429]


def test_a_person_is_counted_over_all_credentials(client: Http, ada: User, clock: Clock, settings: Settings) -> None:
    settings.THROTTLE_SCALE = 0.1
    tokens = [sign_in(ada).access_token, sign_in(ada, client_id=PORTAL).access_token]
    used = itertools.cycle(tokens)
    assert answered(lambda: call(client, "/me", next(used))) == 120
    refused = call(client, "/me", tokens[0])
    assert (refused.json()["code"], refused["Retry-After"]) == ("throttled", "60")
    assert call(client, "/me", sign_in(make_person("grace")).access_token).status_code == 200


# Applications


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """Six requests a minute of one application, and six with its tokens."""
    for name in ("CLIENT", "CLIENT_TOKENS"):
        monkeypatch.setattr(throttles, name, replace(getattr(throttles, name), number=6))


def introspects(registered: Registered) -> Callable[[], Any]:
    said = {"client_id": registered.application.client_id, "client_secret": registered.secret or "", "token": "x"}
    return lambda: post(Http(), "introspect", **said)


@pytest.mark.usefixtures("few")
def test_an_application_is_held_to_its_limit_and_another_is_not(client: Http, ada: User, clock: Clock) -> None:
    """From whatever addresses; calls with its people's tokens stop none that its secret proves."""
    wiki, other = register("wiki"), register("other")
    tokens = [sign_in(person, client_id="wiki", scope="openid").access_token for person in (ada, make_person("grace"))]
    users = [Http(REMOTE_ADDR=f"198.51.100.{number}") for number in range(6)]
    for user in users:
        assert user.get("/oauth/userinfo", headers={"Authorization": f"Bearer {tokens[0]}"}).status_code == 200
    refused = client.get("/oauth/userinfo", headers={"Authorization": f"Bearer {tokens[1]}"})
    assert (refused.status_code, refused["Retry-After"]) == (429, "60")
    assert answered(introspects(wiki)) == 6
    assert introspects(other)().status_code == 200
    assert call(client, "/me", sign_in(ada).access_token).status_code == 200
    clock.seconds += 60
    assert introspects(wiki)().status_code == 200


@pytest.mark.usefixtures("few")
def test_without_its_secret_nobody_uses_up_an_applications_limit(ada: User) -> None:
    wiki = register("wiki")
    for _ in range(20):
        assert post(Http(), "introspect", client_id="wiki", client_secret="guess", token="x").status_code == 401
    assert introspects(wiki)().status_code == 200


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("public", [CLI, "spa"])
def test_a_client_without_a_secret_counts_by_address(ada: User, public: str) -> None:
    """Anybody can send its id."""
    register("spa", is_public=True)
    for number in range(20):
        browser = Http(REMOTE_ADDR=f"198.51.100.{number}")
        assert post(browser, "revoke", client_id=public, token="x").status_code == 200


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("client_id", [CLI, PORTAL])
def test_the_portal_and_the_terminal_are_everybodys(client: Http, ada: User, client_id: str) -> None:
    token = sign_in(ada, client_id=client_id).access_token
    for _ in range(20):
        assert call(client, "/me", token).status_code == 200
        assert post(client, "revoke", client_id=client_id, token="x").status_code == 200


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


@pytest.mark.parametrize(
    ("neighbour", "is_same"),
    [
        ("2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:2::1", False),
        ("192.0.2.7", False),
    ],
)
def test_an_ipv6_address_is_counted_by_its_network(
    rf: RequestFactory, clock: Clock, neighbour: str, is_same: bool
) -> None:
    """One host has a whole /64 to choose its addresses from (RFC 4291 §2.5.4)."""
    limit = Limit("test", 1)
    limit.count_address(rf.get("/", REMOTE_ADDR="2001:db8:0:1::1"))
    expected = pytest.raises(Throttled) if is_same else nullcontext()
    with expected:
        limit.count_address(rf.get("/", REMOTE_ADDR=neighbour))


def test_a_mapped_address_is_counted_as_the_ipv4_address_that_it_is(rf: RequestFactory, clock: Clock) -> None:
    limit = Limit("test", 1)
    for number in range(3):
        limit.count_address(rf.get("/", REMOTE_ADDR=f"::ffff:192.0.2.{number}"))
    with pytest.raises(Throttled):
        limit.count_address(rf.get("/", REMOTE_ADDR="192.0.2.1"))


# Several processes


@pytest.fixture(scope="module")
def redis() -> Iterator[str]:
    """A Redis server of these tests' own; its address."""
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = Process(command, dict(os.environ))
    server.begin()
    address = f"redis://127.0.0.1:{port}/0"
    wait_until(lambda: can_ping(address), tell=server.text)
    yield address
    server.stop()


def can_ping(address: str) -> bool:
    try:
        return bool(Redis.from_url(address).ping())
    except ConnectionError:
        return False


def test_with_redis_all_processes_count_together(live: Live, redis: str) -> None:
    ada = Browser(live, fresh("ada")).sign_in()
    shared = {"BACKEND_URL": live.backend_url, "THROTTLE_SCALE": "0.5", "REDIS_URL": redis}
    with another_backend(live, **shared) as first, another_backend(live, **shared) as second:
        asked = itertools.islice(itertools.cycle([first, second]), 14)
        statuses = [call_live(one, "/device-requests/BCDF-GHJK", ada.access).status_code for one in asked]
    assert statuses == [404] * 10 + [429] * 4


def race(limit: Limit, *, threads: int) -> int:
    """How many of so many simultaneous requests are let through."""
    start = threading.Barrier(threads)

    def is_let_through(_: int) -> bool:
        start.wait()
        try:
            limit.count("ada")
        except Throttled:
            return False
        return True

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(is_let_through, range(threads)))


def test_simultaneous_requests_do_not_pass_a_shared_limit(settings: Settings, redis: str) -> None:
    settings.REDIS_URL, settings.THROTTLE_SCALE = redis, 1
    for number in range(5):
        assert race(Limit(f"race-{number}", 10), threads=40) == 10
    with pytest.raises(Throttled) as refused:
        Limit("race-0", 10).count("ada")
    assert 1 <= refused.value.retry_after_seconds <= 61


def test_simultaneous_requests_do_not_pass_a_limit_in_one_process(clock: Clock) -> None:
    for number in range(20):
        assert race(Limit(f"race-{number}", 10), threads=40) == 10


def test_attempts_at_a_staff_name_are_counted_in_redis_without_the_name(
    db: None, settings: Settings, redis: str
) -> None:
    settings.REDIS_URL, settings.THROTTLE_SCALE = redis, 1
    name = "a password in the wrong box"

    def guess(number: int) -> int:
        form = {"username": name, "password": "x"}
        return int(Http().post("/admin/login/", form, REMOTE_ADDR=f"192.0.2.{number}").status_code)

    assert [guess(number) for number in range(7)] == [200] * 5 + [429] * 2
    keys = Redis.from_url(redis).keys("*staff-account*")
    assert keys
    assert not [key for key in keys if name in str(key)]


def test_where_redis_is_away_people_are_let_in_and_the_operator_is_told(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.REDIS_URL, settings.THROTTLE_SCALE = f"redis://127.0.0.1:{free_port()}/0", 1
    with caplog.at_level(logging.ERROR, "tokens.throttles"):
        for _ in range(3):
            Limit("test", 1).count("ada")
    assert caplog.messages == ["rate limit test is not counted: ConnectionError"] * 3
