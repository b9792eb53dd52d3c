"""Backend and fronts are deployed apart: either may be a release behind while people sign in, book and cancel."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.people import approve
from tests.config.conftest import add_slot
from tests.journeys.test_terminal_sign_in import Terminal
from tests.people import HTTP, Browser, call
from tests.portal.conftest import arrived
from tests.processes import ROOT, Live
from tests.upgrades.previous import Mixed, previous_tree, run_in


@pytest.fixture(scope="module")
def tree() -> Iterator[Path]:
    with previous_tree() as found:
        yield found


class OtherTerminal(Terminal):
    """A terminal whose command is that of a work tree."""

    def __init__(self, live: Live, home: Path, tree: Path) -> None:
        super().__init__(live, home)
        self.tree = tree
        self.credentials = home / ".insighta" / "credentials.json"

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        command = run_in(self.tree, sys.executable, "-m", "cli", *arguments)
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, env=self.environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
        )

    def sign_in(self, login: str) -> None:
        process = self.start("login", "--port", "0")
        approve(self.opened_address(), login)
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err

    def bookings(self) -> dict[str, Any]:
        """What `insighta bookings list` says, by id."""
        code, out, err = self.run("bookings", "list", "--json")
        assert code == 0, err
        return {booking["id"]: booking for booking in json.loads(out)}

    def let_token_expire(self) -> str:
        """As three minutes later; the refresh token that the next command has to use."""
        content = json.loads(self.credentials.read_text())
        (account,) = content["accounts"].values()
        account["access_token_expires_at"] = "2020-01-01T00:00:00Z"
        self.credentials.write_text(json.dumps(content))
        return str(account["refresh_token"])


@dataclass
class PortalVisitor:
    """Somebody at the portal who presses the buttons that its pages have."""

    live: Live
    browser: httpx.Client

    def page(self, path: str) -> str:
        answer = self.browser.get(f"{self.live.portal_url}{path}")
        assert answer.status_code == 200, (path, answer.status_code, answer.headers)
        return answer.text

    def press(self, path: str, *, on: str = "") -> str:
        """The button of the form on `path`, or on another page, that is sent to `path`; where it leads."""
        form = re.search(rf'<form[^>]*action="{path}"[^>]*>(.*?)</form>', self.page(on or path), re.DOTALL)
        assert form is not None, path
        fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[1]))
        answer = self.browser.post(f"{self.live.portal_url}{path}", data=fields)
        assert answer.status_code == 303, (path, answer.status_code, answer.text)
        return str(answer.headers["location"])

    def let_token_expire(self) -> str:
        """As three minutes later; the refresh token that the next page has to use."""
        self.browser.cookies.delete("insighta_at")
        return self.browser.cookies["insighta_rt"]


def without_step_up(tree: Path) -> None:
    """Make the portal of `tree` one of before the challenge, which it then knows as little as any unknown code."""
    for source in (tree / "portal").rglob("*.py"):
        source.write_text(source.read_text().replace("step_up_required", "of_a_later_release"))


def ask_for_token(visitor: PortalVisitor) -> httpx.Response:
    """Fill in the form of `/tokens` and press its button."""
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', visitor.page("/tokens")))
    said = {"name": "nightly", "scopes": "bookings:read", "days": "30"}
    return visitor.browser.post(f"{visitor.live.portal_url}/tokens", data=fields | said)


def offer_slot(live: Live) -> str:
    grace = Browser(live, "grace").sign_in()
    live.manage("make_host", str(call(live, "/me", grace.access).json()["id"]))
    return add_slot(live, grace.access)


def make_journey(live: Live, front: Path, home: Path) -> None:
    """Sign in at the portal, book, see the booking in a terminal that signs in and refreshes, cancel, see it gone."""
    slot = offer_slot(live)
    visitor = PortalVisitor(live, arrived(live, "ada"))
    assert f'href="/slots/{slot}/book"' in visitor.page("/slots")
    booking = visitor.press(f"/slots/{slot}/book").partition("?")[0].removeprefix("/bookings/")
    old_cookie = visitor.let_token_expire()
    assert booking in visitor.page("/bookings")
    assert visitor.browser.cookies["insighta_rt"] != old_cookie

    terminal = OtherTerminal(live, home, front)
    terminal.sign_in("ada")
    old_token = terminal.let_token_expire()
    assert terminal.bookings()[booking]["status"] == "active"
    assert terminal.let_token_expire() != old_token

    visitor.press(f"/bookings/{booking}/cancel")
    assert booking not in terminal.bookings()
    receipt = call(live, f"/bookings/{booking}", terminal.run("token")[1].strip()).json()
    assert (receipt["status"], receipt["credits_refunded"]) == ("cancelled", 1)
    assert live.manage("audit") == "Every rule holds.\n"


def test_the_release_before_serves_the_fronts_of_this_one(tree: Path, tmp_path: Path) -> None:
    with Mixed(tree, "backend") as live:
        assert HTTP.get(f"{live.backend_url}/readyz").json() == {"status": "ready", "missing": []}
        make_journey(live, ROOT, tmp_path)


def test_this_release_serves_the_fronts_of_the_one_before(tree: Path, tmp_path: Path) -> None:
    with Mixed(tree, "portal") as live:
        make_journey(live, tree, tmp_path)


def test_a_portal_that_does_not_know_the_challenge_says_what_to_do() -> None:
    """RFC 9470's refusal signs nobody out there, and what its page says leads to the token."""
    with previous_tree() as tree:
        without_step_up(tree)
        with Mixed(tree, "portal") as live:
            visitor = PortalVisitor(live, arrived(live, "ada"))
            with live.connect() as connection:
                connection.execute("UPDATE tokens_session SET auth_time = now() - interval '1 hour'")
            refused = ask_for_token(visitor)
            assert refused.status_code == 403
            assert "Nothing has been changed. Sign out, sign in again, then repeat it." in refused.text
            visitor.press("/logout", on="/tokens")
            again = PortalVisitor(live, arrived(live, "ada"))
            assert ask_for_token(again).status_code == 303
            assert "insp_" in again.page("/tokens")
