"""Cookies as a weapon: planted from a sibling site, from before a sign-in, or copied out of the victim's browser."""

from collections.abc import Iterator

import httpx
import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from django.test import RequestFactory

from config.http.request_middleware import RequestMiddleware
from tests.accounts.github import fresh
from tests.attacks.stage import CSRF, arrive
from tests.people import HTTP, NO_CERTIFICATES, Browser, call
from tests.processes import Live

HOST = "__Host-insighta_rt"
# What `str.strip` trims and browsers do not; each as the bytes of a Cookie header.
SPACES = [chr(code) for code in (0x85, 0xA0, 0x1680, 0x2000, 0x2028, 0x205F, 0x3000, 0x0B, 0x1C, 0x1F)]


@pytest.fixture
def ada(live: Live) -> dict[str, str]:
    return arrive(live, fresh("ada"))


def visit(live: Live, path: str, cookies: dict[str, str]) -> httpx.Response:
    header = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return HTTP.get(f"{live.portal_url}{path}", headers={"Cookie": header})


def cookies_read_from(header: bytes) -> dict[str, str]:
    """The cookies that a view finds behind the outermost middleware."""
    found: list[dict[str, str]] = []

    def view(request: WSGIRequest) -> HttpResponse:
        found.append(dict(request.COOKIES))
        return HttpResponse()

    RequestMiddleware(view)(RequestFactory().get("/", HTTP_COOKIE=header.decode("latin-1")))  # type: ignore[arg-type]  # a WSGIRequest
    return found[0]


@pytest.mark.parametrize("space", SPACES, ids=ascii)
@pytest.mark.parametrize("where", ["{0}{1}=planted; {1}=real", "{1}=real; {0}{1}=planted", "{1}=real;{1}{0}=planted"])
def test_a_sibling_site_cannot_disguise_a_cookie_as_bound_to_the_host(space: str, where: str) -> None:
    assert cookies_read_from(where.format(space, HOST).encode()) == {HOST: "real"}


def test_ordinary_cookies_are_left_alone() -> None:
    header = 'a=1;b=2 ; "c"=3; insighta_csrf=x=y; café=4; flag; theme=café'.encode()
    assert cookies_read_from(header) == {
        "a": "1",
        "b": "2",
        '"c"': "3",
        "insighta_csrf": "x=y",
        "": "flag",
        "theme": "café",
    }


def test_a_cookie_planted_by_a_sibling_makes_nobody_somebody_else(live: Live, ada: dict[str, str]) -> None:
    """granian gives up on a Cookie header with other bytes than ASCII; then nobody is signed in."""
    planted = {f"\u2000{name}": value for name, value in arrive(live, fresh("mallory")).items()}
    header = "; ".join(f"{name}={value}" for name, value in (ada | planted).items())
    page = HTTP.get(f"{live.portal_url}/sessions", headers={b"Cookie": header.encode()})
    assert page.status_code in {200, 401}
    assert "mallory" not in page.text


# Fixation: whatever a browser was given before its person signed in is worth nothing afterwards.


def test_cookies_from_before_a_sign_in_open_nothing_after_it(live: Live) -> None:
    planted = {"insighta_at": "a.b.c", "insighta_rt": "insr_" + "x" * 60, "insighta_csrf": CSRF, "sessionid": "planted"}
    person = Browser(live, fresh("ada"))
    for name, value in planted.items():
        person.http.cookies.set(name, value, domain="localhost.local", path="/")
    callback = f"{live.portal_url}/auth/callback"
    person.get(person.follow(person.get(f"{live.portal_url}/login"), until=callback).headers["location"])
    assert visit(live, "/sessions", planted).status_code in {303, 401}
    assert (
        visit(live, "/sessions", {n: person.http.cookies[n] for n in ("insighta_at", "insighta_rt")}).status_code == 200
    )


def test_a_sign_in_over_somebody_elses_planted_sign_in_ends_that_and_shares_nothing(live: Live) -> None:
    """Mallory leaves a sign-in of hers in Ada's browser and keeps a copy: it never becomes Ada's."""
    mallory, person = arrive(live, fresh("mallory")), Browser(live, fresh("ada"))
    for name, value in mallory.items():
        person.http.cookies.set(name, value, domain="localhost.local", path="/")
    callback = f"{live.portal_url}/auth/callback"
    person.get(person.follow(person.get(f"{live.portal_url}/login?switch=1"), until=callback).headers["location"])
    assert call(live, "/me", person.http.cookies["insighta_at"]).json()["login"] == person.login
    assert call(live, "/me", mallory["insighta_at"]).status_code == 401


# A copied cookie jar.


def jar(live: Live, cookies: dict[str, str], *names: str) -> httpx.Client:
    client = httpx.Client(base_url=live.portal_url, timeout=120, verify=NO_CERTIFICATES)
    for name in names:
        client.cookies.set(name, cookies[name], domain="localhost.local", path="/")
    return client


@pytest.fixture
def owner_and_thief(live: Live, ada: dict[str, str]) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Ada's browser and a thief's with a copy of its cookies, both with an access token that has run out."""
    with jar(live, ada, "insighta_rt") as owner, jar(live, ada, "insighta_rt") as thief:
        yield owner, thief


def test_a_copied_jar_is_noticed_as_soon_as_both_have_gone_on(
    owner_and_thief: tuple[httpx.Client, httpx.Client],
) -> None:
    """Both get one successor within the minute of honest retries; using what has been rotated away ends it for both."""
    owner, thief = owner_and_thief
    assert owner.get("/credits").status_code == thief.get("/credits").status_code == 200
    assert owner.cookies["insighta_rt"] == thief.cookies["insighta_rt"]
    copied = thief.cookies["insighta_rt"]
    for _ in range(2):
        _go_on(owner)
    stolen = thief.get("/credits", headers={"Cookie": f"insighta_rt={copied}"})
    assert stolen.headers["location"].startswith("/signed-out")
    del owner.cookies["insighta_at"]
    assert owner.get("/credits").headers["location"].startswith("/signed-out")


def _go_on(browser: httpx.Client) -> None:
    del browser.cookies["insighta_at"]
    assert browser.get("/credits").status_code == 200


def test_signing_out_ends_the_copy_too(live: Live, ada: dict[str, str]) -> None:
    with jar(live, ada, *ada) as owner, jar(live, ada, *ada) as thief:
        owner.cookies.set("insighta_csrf", CSRF, domain="localhost.local", path="/")
        assert thief.get("/credits").status_code == 200
        owner.post("/logout", data={"csrfmiddlewaretoken": CSRF})
        assert thief.get("/credits").headers["location"].startswith("/signed-out")
        assert thief.get("/signed-out?next=/credits").status_code in {200, 303}
        assert thief.get("/credits").status_code in {303, 401}
