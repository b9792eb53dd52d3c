"""People who sign in at the real backend without a browser."""

import re
from html import unescape
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx

from tests.cli.terminals import Machine, Terminal
from tests.people import NO_CERTIFICATES

URL = r"(http://127\.0\.0\.1:\d+/oauth/authorize\?\S+)"


def approve(url: str, login: str) -> httpx.Response:
    """Do all that a person does in the browser, from the terminal's address on; the page they end on."""
    with httpx.Client(timeout=120, verify=NO_CERTIFICATES, follow_redirects=True) as client:
        page = _submit(client, client.get(url), login=login)
        return _submit(client, page, decision="approve")


def _submit(client: httpx.Client, page: httpx.Response, **fields: str) -> httpx.Response:
    form = re.search(r'<form[^>]*action="([^"]*)"', page.text)
    action = urljoin(str(page.url), unescape(form[1]) if form else "")
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
    data = {name: unescape(value) for name, value in hidden} | fields
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(action))
    return client.post(action, data=data, headers={"Origin": origin})


def sign_in(installation: Path, home: Path, api: str, login: str) -> Machine:
    """A machine of that person's, signed in through the loopback."""
    home.mkdir(exist_ok=True)
    machine = Machine(installation / "insighta", home, api)
    with machine.terminal("login", "--no-browser", "--port", "0") as terminal:
        approve(find_url(terminal), login)
        assert terminal.end() == 0, terminal.plain
    return machine


def find_url(terminal: Terminal) -> str:
    """The address that the terminal shows."""
    return terminal.see(URL)[1]
