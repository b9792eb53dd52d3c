"""People who sign in at the real backend, with Chromium or quicker."""

import re
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.cli.terminals import Machine, Terminal

URL = r"(http://127\.0\.0\.1:\d+/oauth/authorize\?\S+)"


def walk_to_confirmation(url: str, login: str, client: httpx.Client) -> tuple[str, dict[str, str]]:
    """From the terminal's address, past the GitHub stand-in, to the page that asks: its action and hidden fields."""
    page = client.get(url, follow_redirects=True)
    fields = _hidden(page.text) | {"login": login}
    page = client.post(_action(page), data=fields, headers={"Origin": _origin(_action(page))}, follow_redirects=True)
    return _action(page), _hidden(page.text)


def approve(url: str, login: str) -> httpx.Response:
    """Do all that a person does in the browser; the page they end on."""
    with httpx.Client(timeout=30) as client:
        action, fields = walk_to_confirmation(url, login, client)
        return client.post(
            action, data=fields | {"decision": "approve"}, headers={"Origin": _origin(action)}, follow_redirects=True
        )


def sign_in(installation: Path, home: Path, api: str, login: str) -> Machine:
    """A machine of that person's, signed in through the loopback."""
    machine = Machine(installation / "insighta", home, api)
    with machine.terminal("login", "--no-browser", "--port", "0") as terminal:
        approve(find_url(terminal), login)
        assert terminal.end() == 0, terminal.plain
    return machine


def find_url(terminal: Terminal) -> str:
    """The address that the terminal shows."""
    return terminal.see(URL)[1]


def _action(page: httpx.Response) -> str:
    match = re.search(r'<form[^>]*action="([^"]*)"', page.text)
    return str(page.url.join(unescape(match[1]) if match else ""))


def _hidden(text: str) -> dict[str, str]:
    pairs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', text)
    return {name: unescape(value) for name, value in pairs}


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
