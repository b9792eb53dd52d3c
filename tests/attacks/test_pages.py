"""Every page of the portal, with hostile words in every text that the backend gives it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from tests.attacks.matrix import PORTAL
from tests.portal.conftest import Portal, running
from tests.portal.fake_backend import Answer, Call, FakeBackend
from tests.portal.sample import an_id, fill
from tests.portal.screenshots import in_sample, pages

WORDS = """"><xss onmouseover='alert(1)'></script><script>xss()</script>{{7*7}}${7*7}javascript:xss()"""
TEXTS = {
    "title", "display_name", "login", "label", "name", "plan", "host_login", "prefix", "address", "email", "reason",
    "client_id", "cancelled_by", "detail", "avatar_url",
}  # fmt: skip
ANOTHER = "d" * 32
# A form that is refused unread may end its connection, in which the next one would be lost.
ALONE = {"Connection": "close"}
LONG_AGO = "2020-02-02T10:00:00Z"


class Poisoned(FakeBackend):
    """The fake backend with the words in every text of every answer."""

    def _route(self, call: Call) -> Answer:
        answer = super()._route(call)
        return Answer(answer.status, _poison(answer.body), answer.headers)


def _poison(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        # The id of an application and the login of a host are parts of addresses: letters, digits and hyphens.
        kept = {"client_id"} if "home_page" in value else {"login"} if key == "host" else set()
        return {name: one if name in kept else _poison(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [_poison(one, key) for one in value]
    return f"{value}{WORDS}" if isinstance(value, str) and key in TEXTS else value


class Forms(HTMLParser):
    """The forms of a page that send something, and everything in it that could run."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.actions: list[str] = []
        self.fields: list[dict[str, str]] = []
        self.dangers: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("method", "").lower() == "post":
            self.actions.append(given.get("action", ""))
            self.fields.append({})
        if tag in {"input", "button"} and self.fields and "name" in given:
            self.fields[-1].setdefault(given["name"], given.get("value", ""))
        self._judge(tag, given)

    def _judge(self, tag: str, given: dict[str, str]) -> None:
        is_inline_script = tag == "script" and not given.get("src", "").startswith("/static/")
        runs = [name for name in given if name.startswith("on") or name in {"style", "srcdoc", "formaction"}]
        leads = [given.get(name, "") for name in ("href", "src", "action")]
        bad = [one for one in leads if re.match(r"\s*(javascript|data|vbscript):", one, re.IGNORECASE)]
        if is_inline_script or runs or bad or tag in {"xss", "iframe", "object", "embed", "base"}:
            self.dangers.append(f"<{tag} {given}>")


@dataclass
class Visited:
    """The pages of Ada's browser by name."""

    portal: Portal
    browser: httpx.Client
    answers: dict[str, httpx.Response]


@pytest.fixture(scope="module")
def visited() -> Iterator[Visited]:
    backend = Poisoned()
    named = in_sample(fill(backend, datetime.now(UTC), hosting=True))
    more = {"waiting": f"/slots/{_vary(backend, f'/pages/slots/{named.full}', waiting=True)}/book"}
    more["series"] = f"/slots/{named.free}/series?until=2030-12-24"
    hosted = f"/pages/hosting/slots/{named.hosted}"
    more["begun"] = f"/hosting/slots/{_vary(backend, hosted, starts_at=LONG_AGO)}"
    more["missed"] = f"/hosting/slots/{_vary(backend, hosted, roster='no_show', starts_at=LONG_AGO)}"
    more["series"] = f"/slots/{named.free}/series?until=2030-12-24"
    more["gone"] = f"/hosting/slots/{_vary(backend, hosted, status='cancelled', seats_taken=0)}"
    with running(Portal(backend)) as portal:
        browser = portal.signed_in()
        answers = {name: browser.get(address) for name, address in (pages(named) | more).items() if address}
        yield Visited(portal, browser, answers | {"welcome": portal.browser().get("/")})
    backend.close()


def _vary(backend: FakeBackend, path: str, *, roster: str = "", **changes: Any) -> str:
    """Another slot like the one of that page, but for `changes` and the status of those on its roster; its id."""
    number = an_id(990 + len(changes) + len(path) % 7 - 15 * bool(roster))
    page: Any = backend.routes["GET", path]
    body = page.body | {"slot": page.body["slot"] | changes | {"id": number}}
    if roster:
        body["bookings"] = body["bookings"] | {
            "results": [one | {"status": roster} for one in body["bookings"]["results"]]
        }
    backend.routes["GET", f"{path.rpartition('/')[0]}/{number}"] = Answer(200, body)
    return number


def test_the_words_reach_most_pages_and_run_on_none(visited: Visited) -> None:
    dangers = {name: Forms(answer.text).dangers for name, answer in visited.answers.items()}
    assert {name: found for name, found in dangers.items() if found} == {}
    shown = [name for name, answer in visited.answers.items() if "&lt;xss" in answer.text]
    assert len(shown) > 20
    assert not [name for name, answer in visited.answers.items() if "<xss" in answer.text or "49" + "$" in answer.text]


def test_the_reader_of_pages_sees_what_runs() -> None:
    for page in ("<xss>", "<script>x</script>", '<a href=" JavaScript:x">', "<p onclick=x>", "<p style=x>"):
        assert Forms(page).dangers


def test_no_page_can_be_framed_sniffed_kept_or_told_on(visited: Visited) -> None:
    # With DEBUG on, django-csp leaves Django's own page of an unknown address alone, and so ours.
    found = {name: answer for name, answer in visited.answers.items() if answer.status_code != 404}
    for name, answer in found.items():
        headers = answer.headers
        policy = {part.split()[0]: part.split()[1:] for part in headers["content-security-policy"].split(";")}
        assert (headers["x-frame-options"], policy["frame-ancestors"]) == ("DENY", ["'none'"]), name
        assert policy["default-src"] == policy["base-uri"] == ["'none'"], name
        assert (policy["script-src"], policy["img-src"], policy["form-action"]) == (["'self'"],) * 3, name
        assert headers["x-content-type-options"] == "nosniff", name
        assert headers["cache-control"] == "no-store", name
        assert headers["referrer-policy"] in {"same-origin", "no-referrer"}, name
        assert headers["cross-origin-opener-policy"] == "same-origin", name


def test_nobodys_picture_is_fetched_from_elsewhere(visited: Visited) -> None:
    """An avatar's address is GitHub's word; no server asks it and no page shows it."""
    for name, answer in visited.answers.items():
        assert not re.search(
            r"<(?:img|image|source|link|script)[^>]+(?:src|href)=[\"']?(?!/[a-z])[^\"'\s>]", answer.text
        ), name


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Host": "evil.example"},
        {"X-Original-URL": "/credits"},
        {"X-Rewrite-URL": "/credits"},
        {"X-Forwarded-Prefix": "//evil.example"},
        {"X-Forwarded-Scheme": "nothttps"},
        {"Forwarded": "host=evil.example"},
        {"X-HTTP-Method-Override": "DELETE"},
    ],
    ids=str,
)
def test_no_header_that_caches_leave_out_changes_a_page(visited: Visited, headers: dict[str, str]) -> None:
    page = visited.browser.get("/settings", headers=headers)
    assert page.status_code == 200
    assert _without_tokens(page.text) == _without_tokens(visited.answers["settings"].text)


def _without_tokens(page: str) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"|datetime="[^"]+"', "", page)


TRICKS = [
    "/settings/x.css",
    "/settings;x.css",
    "/settings%2Fx.css",
    "/settings%00.css",
    "/settings%0A.js",
    "/settings/",
    "//settings",
]


@pytest.mark.parametrize("path", TRICKS)
def test_no_address_that_looks_like_a_file_shows_a_page(visited: Visited, path: str) -> None:
    answer = visited.browser.get(visited.portal.url + path)
    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")
    assert "ada@example.org" not in answer.text


def forms_of(visited: Visited) -> dict[str, dict[str, str]]:
    """Every form that sends something, once, by the address it sends to."""
    found = {}
    for answer in visited.answers.values():
        forms = Forms(answer.text)
        for action, fields in zip(forms.actions, forms.fields, strict=True):
            found[action.partition("?")[0] or answer.url.path] = fields
    return found


@pytest.mark.parametrize("token", ["", ANOTHER, "x"], ids=["none", "another's", "garbage"])
def test_no_form_is_taken_without_its_own_token(visited: Visited, token: str) -> None:
    forms = forms_of(visited)
    assert len(forms) >= 15
    before = len(visited.portal.backend.calls)
    for address, fields in forms.items():
        assert "csrfmiddlewaretoken" in fields, address
        answer = visited.browser.post(address, data=fields | {"csrfmiddlewaretoken": token}, headers=ALONE)
        assert answer.status_code == 403, address
    assert visited.portal.backend.calls[before:] == []


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example"])
def test_no_form_is_taken_from_another_site_though_its_token_be_right(visited: Visited, origin: str) -> None:
    before = len(visited.portal.backend.calls)
    for address, fields in forms_of(visited).items():
        answer = visited.browser.post(address, data=fields, headers=ALONE | {"Origin": origin})
        assert answer.status_code == 403, address
    assert visited.portal.backend.calls[before:] == []


def test_no_form_is_taken_as_json_or_plain_text(visited: Visited) -> None:
    """What another site's script can send without asking first."""
    before = len(visited.portal.backend.calls)
    for address in forms_of(visited):
        for kind in ("text/plain", "application/json"):
            content = b'{"csrfmiddlewaretoken": "x"}'
            assert (
                visited.browser.post(address, content=content, headers=ALONE | {"Content-Type": kind}).status_code
                == 403
            )
    assert visited.portal.backend.calls[before:] == []


def test_every_page_that_takes_forms_is_reached_by_one_of_them(visited: Visited) -> None:
    """The pages above are all there are: a form behind an address that no page was seen to send to would be missed."""
    taking = [row.path.partition("?")[0] for row in PORTAL if row.method == "POST" and row.expected[0] != "405"]
    sending = {re.sub(r"\{\w+\}", "{}", path) for path in taking}
    seen = {re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|wiki-[0-9a-f]{8}", "{}", address) for address in forms_of(visited)}
    assert sending - seen - {"/nothing"} == set()


@pytest.mark.parametrize("referer", ["http://[", "http://[::1", "//[", "http://localhost:99999999/x", "http://%/"])
def test_a_referer_that_is_no_address_breaks_no_page(visited: Visited, referer: str) -> None:
    browser = visited.portal.browser()
    browser.cookies.set("insighta_csrf", ANOTHER, domain="localhost.local", path="/")
    answer = browser.post(
        "/sessions/revoke-others", data={"csrfmiddlewaretoken": ANOTHER}, headers={"Referer": referer}
    )
    assert answer.status_code == 401
    assert 'href="/login?next=%2F"' in answer.text
