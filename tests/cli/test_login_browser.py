"""`insighta login` through a browser: on a desktop, with a busy port, with strangers at the door, and by pasting."""

import contextlib
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from cli.errors import CliError
from cli.signin.callback import Expectation
from cli.signin.listener import Listener, bind
from cli.signin.loopback import SECONDS_TO_SIGN_IN, BrowserSignIn
from tests.cli.fake_backend import FakeBackend
from tests.cli.people import URL
from tests.cli.terminals import Pointed, Terminal
from tests.people import HTTP
from tests.processes import free_port, wait_until


@contextlib.contextmanager
def taken(port: int) -> Iterator[None]:
    """Something else listens there."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        yield


class Login:
    """A login that waits for its browser, at a terminal."""

    def __init__(self, machine: Pointed, terminal: Terminal) -> None:
        self.backend = machine.backend
        self.terminal = terminal
        self.query = urlsplit(terminal.see(URL)[1]).query
        self.asked = {name: values[0] for name, values in parse_qs(self.query).items()}
        self.callback = self.asked["redirect_uri"]
        self.port = urlsplit(self.callback).port or 0
        self._sockets = _find_listeners(self.port)

    def visit(self, url: str = "", **query: str) -> httpx.Response:
        """The browser goes there, to the callback with this query, or to where its person is led after approving."""
        if query:
            url = (
                f"{self.callback}?{httpx.QueryParams({'state': self.asked['state'], 'iss': self.backend.url} | query)}"
            )
        return HTTP.get(url or self.backend.authorize(self.query), follow_redirects=True)

    def is_listening(self) -> bool:
        """Whether its own socket is still there; the port may be another test's by now."""
        return bool(self._sockets & _find_listeners(self.port))


def _find_listeners(port: int) -> set[str]:
    """The inodes of the sockets that listen on 127.0.0.1 at this port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    return {row[9] for row in rows if (row[1], row[3]) == (f"0100007F:{port:04X}", "0A")}


@pytest.fixture
def browser(machine: Pointed, tmp_path: Path) -> Path:
    """A browser that only writes down where it was sent; the test walks on from there."""
    script, visited = tmp_path / "browser", tmp_path / "visited"
    write = f'printf %s "$1" > {visited}.part; mv {visited}.part {visited}'
    script.write_text(f"#!/bin/sh\necho noise; echo noise >&2\n{write}\n")
    script.chmod(0o755)
    machine.variables["BROWSER"] = str(script)
    return visited


@pytest.fixture
def start(machine: Pointed, browser: Path) -> Iterator[Callable[..., Login]]:
    """Begins a login with these words."""
    with contextlib.ExitStack() as stack:
        yield lambda *words: Login(machine, stack.enter_context(machine.terminal("login", *words)))


@pytest.fixture
def login(start: Callable[..., Login]) -> Login:
    return start("--port", "0")


def test_the_browser_comes_back_and_the_terminal_is_signed_in(
    machine: Pointed, browser: Path, start: Callable[..., Login]
) -> None:
    login = start()
    wait_until(browser.exists)
    assert browser.read_text() == f"{machine.api}/oauth/authorize?{login.query}"
    answer = HTTP.get(machine.backend.authorize(login.query))
    assert answer.status_code == 303
    assert answer.headers["location"] == "/done"
    page = HTTP.get(f"http://127.0.0.1:{login.port}/done")
    assert login.terminal.end() == 0
    assert "You are signed in as ada" in page.text
    assert "You can use the terminal again" in page.text
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert f"Signed in at {machine.api} as ada." in login.terminal.plain
    assert "noise" not in login.terminal.plain
    assert not re.search("insr_|insc_|eyJ", login.terminal.plain)
    assert machine.account()["login"] == "ada"
    assert machine.is_signed_in()
    assert not login.is_listening()


def test_what_is_asked_of_the_backend(login: Login) -> None:
    assert login.asked["response_type"] == "code"
    assert login.asked["client_id"] == "insighta-cli"
    assert login.asked["code_challenge_method"] == "S256"
    assert len(login.asked["code_challenge"]) == 43
    assert len(login.asked["state"]) >= 32
    assert login.asked["device_label"] == f"Insighta CLI on {socket.gethostname()}"[:100]


def test_a_taken_port_is_named_and_another_used(start: Callable[..., Login]) -> None:
    port = free_port()
    with taken(port):
        login = start("--port", str(port))
        assert login.port != port
        assert f"Port {port} is taken, so port {login.port} is used." in login.terminal.plain
        login.visit()
        assert login.terminal.end() == 0


def test_port_9876_is_the_first_choice(start: Callable[..., Login]) -> None:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(taken(9876))
        except OSError:
            pytest.skip("Another program on this machine uses port 9876.")
        login = start()
        assert "Port 9876 is taken" in login.terminal.plain
        assert login.port != 9876


def test_only_this_machine_can_reach_the_listener(login: Login) -> None:
    assert login.is_listening()


STRANGERS = {
    "wrong state": ("/callback?code=insc_evil&state=guessed&iss=BACKEND", 400),
    "no state": ("/callback?code=insc_evil&iss=BACKEND", 400),
    "an error from a stranger": ("/callback?error=access_denied&state=guessed", 400),
    "an error without state": ("/callback?error=access_denied", 400),
    "another issuer": ("/callback?code=insc_evil&state=STATE&iss=https://evil.example", 400),
    "no issuer": ("/callback?code=insc_evil&state=STATE", 400),
    "two states": ("/callback?code=insc_evil&state=STATE&state=x&iss=BACKEND", 400),
    "too many fields": ("/callback?" + "a=1&" * 100, 400),
    "an icon": ("/favicon.ico", 404),
    "a page": ("/", 404),
    "the last page too early": ("/done", 404),
}


def test_strangers_do_not_end_the_wait(machine: Pointed, login: Login) -> None:
    for path, status in STRANGERS.values():
        path = path.replace("STATE", login.asked["state"]).replace("BACKEND", machine.api)
        answer = HTTP.get(login.callback.removesuffix("/callback") + path)
        assert answer.status_code == status, path
        assert "insc_" not in answer.text
    login.visit()
    assert login.terminal.end() == 0
    assert machine.account()["login"] == "ada"


def test_a_preconnect_and_a_half_sent_request_do_not_end_the_wait(login: Login) -> None:
    address = ("127.0.0.1", login.port)
    with socket.create_connection(address), socket.create_connection(address) as half:
        half.sendall(b"GET /callback?code=")
        login.visit()
        assert login.terminal.end() == 0


def test_a_second_visit_of_the_callback_gets_the_same_page(login: Login) -> None:
    url = login.backend.authorize(login.query)
    login.backend.faults["/oauth/token"] = ["slow 0.5"]
    pages: list[httpx.Response] = []
    visits = [threading.Thread(target=lambda: pages.append(login.visit(url))) for _ in range(2)]
    for visit in visits:
        visit.start()
    for visit in visits:
        visit.join()
    assert login.terminal.end() == 0
    assert login.backend.paths().count("/oauth/token") == 1
    assert any("You are signed in as ada" in page.text for page in pages)


def test_denied_in_the_browser_is_cancelled_by_the_person(machine: Pointed, login: Login) -> None:
    page = login.visit(error="access_denied")
    assert login.terminal.end() == 2
    assert "You did not allow this terminal to sign in." in login.terminal.plain
    assert "You are not signed in" in page.text
    assert not machine.credentials.exists()


def test_a_refused_code_is_told_in_both_places(login: Login) -> None:
    page = login.visit(code="insc_unknown")
    assert login.terminal.end() == 1
    assert "You are not signed in" in page.text
    assert "insc_unknown" not in login.terminal.plain + page.text
    assert "code is not valid" in login.terminal.plain


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_login_leaves_no_listener(login: Login, end: signal.Signals) -> None:
    login.terminal.type("\x03") if end == signal.SIGINT else login.terminal.signal(end)
    code = login.terminal.end()
    assert code == 2 if end == signal.SIGINT else code != 0
    assert not login.is_listening()


@pytest.mark.parametrize("paste", ["the whole address", "in quotes", "the query", "the bare code"])
def test_a_browser_that_cannot_reach_the_loopback(login: Login, paste: str) -> None:
    """The browser ends on a page that cannot be opened, and its address is pasted at the same prompt."""
    url = login.backend.authorize(login.query)
    forms = {
        "the whole address": url,
        "in quotes": f'"{url}"',
        "the query": url.partition("?")[2],
        "the bare code": parse_qs(urlsplit(url).query)["code"][0],
    }
    login.terminal.see("paste that page's address here")
    login.terminal.type(f"{forms[paste]}\n")
    assert login.terminal.end() == 0
    assert "Signed in" in login.terminal.plain


def test_something_else_pasted_does_not_end_the_wait(login: Login) -> None:
    login.terminal.see("paste")
    login.terminal.type("hello\n")
    login.terminal.see("That is not the answer to this sign-in")
    stranger = login.query.replace(login.asked["state"], "guessed")
    login.terminal.type(f"{login.backend.authorize(stranger)}\n")
    login.terminal.see("(?s)That is not the answer.*That is not the answer")
    login.terminal.type(f"{login.backend.authorize(login.query)}\n")
    assert login.terminal.end() == 0


def test_paste_mode_opens_and_listens_to_nothing(machine: Pointed, browser: Path, start: Callable[..., Login]) -> None:
    login = start("--paste")
    assert login.callback == "http://127.0.0.1:9876/callback"
    login.terminal.see("Paste its address here:")
    assert not browser.exists()
    login.terminal.type(f"{machine.backend.authorize(login.query)}\n")
    assert login.terminal.end() == 0
    assert machine.account()["login"] == "ada"


@pytest.mark.parametrize("how", ["--paste", "--no-browser", "INSIGHTA_NO_BROWSER"])
def test_without_a_terminal_the_address_is_printed_and_nothing_opened(
    machine: Pointed, browser: Path, how: str
) -> None:
    if how.startswith("INSIGHTA"):
        machine.variables[how] = "1"
    process = machine.start("login", *([how] if how.startswith("-") else []))
    assert process.stderr
    text = ""
    while not (match := re.search(URL, text)) or (how == "--paste" and "Paste its address" not in text):
        text += process.stderr.readline()
    url = machine.backend.authorize(urlsplit(match[1]).query)
    if how != "--paste":
        HTTP.get(url, follow_redirects=True)
    out, _ = process.communicate(f"{url}\n" if how == "--paste" else None, timeout=120)
    assert (process.returncode, out) == (0, "")
    assert not browser.exists()


@pytest.mark.parametrize("typed", ["", "something else\n"])
def test_paste_mode_ends_with_its_input(machine: Pointed, typed: str) -> None:
    done = machine.run("login", "--paste", typed=typed)
    assert done.code == 2
    assert "standard input has ended" in done.err
    assert "insighta login --device" in done.err
    assert not machine.credentials.exists()


def test_a_broken_browser_leaves_the_address(machine: Pointed, start: Callable[..., Login]) -> None:
    machine.variables["BROWSER"] = "/nonexistent/browser"
    login = start("--port", "0")
    login.terminal.see("No browser could be opened here")
    login.visit()
    assert login.terminal.end() == 0


def test_the_previous_sign_in_of_this_machine_is_ended(ada: Pointed, login: Login) -> None:
    login.visit()
    assert login.terminal.end() == 0
    assert [session.revoked for session in ada.backend.sessions] == [True, False]


def test_a_backend_that_calls_itself_otherwise_is_refused(machine: Pointed) -> None:
    machine.backend.issuer = "https://api.example.com"
    done = machine.run("login", "--no-browser")
    assert done.code == 1
    assert "calls itself https://api.example.com" in done.err
    assert "export INSIGHTA_API=https://api.example.com" in done.err


@pytest.mark.parametrize(
    ("fault", "sentence"), [("cut before", "cannot be reached"), ("html", "not as an Insighta backend does")]
)
def test_trouble_is_told_before_anybody_goes_to_a_browser(
    machine: Pointed, browser: Path, fault: str, sentence: str
) -> None:
    machine.backend.faults["*"] = [f"always {fault}"]
    done = machine.run("login")
    assert done.code == 1
    assert sentence in done.err
    assert not browser.exists()


def test_nobody_comes_for_five_minutes(backend: FakeBackend) -> None:
    assert SECONDS_TO_SIGN_IN == 300
    sign_in = BrowserSignIn(backend.url, port=0, listens=True)
    with pytest.raises(CliError, match="Nobody signed in within"):
        sign_in.run(opens_browser=False, seconds=0.3)
    with pytest.raises(httpx.ConnectError):
        HTTP.get(sign_in.redirect_uri)


def test_the_last_page_has_left_before_the_login_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a handler has not sent by then is lost with the process."""
    server, port = bind(0)
    listener = Listener(server, Expectation("state", "issuer"), lambda _: None)
    shown, never = listener.mark_shown, threading.Event()
    monkeypatch.setattr(listener, "mark_shown", lambda: shown() or never.wait(300))
    listener.receive("code=insc_x&state=state&iss=issuer")
    with socket.create_connection(("127.0.0.1", port)) as browser:
        browser.sendall(b"GET /done HTTP/1.1\r\n\r\n")
        listener.close("the last page")
        browser.setblocking(False)
        assert browser.recv(65536).endswith(b"the last page")
    never.set()
