"""`insighta login` through a browser: on a desktop, with a busy port, with strangers at the door, and by pasting."""

import contextlib
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from cli.errors import CliError
from cli.signin.loopback import SECONDS_TO_SIGN_IN, BrowserSignIn
from tests.cli.fake_backend import FakeBackend
from tests.cli.terminals import Machine, Terminal

URL = r"(http://127\.0\.0\.1:\d+/oauth/authorize\?\S+)"


@contextlib.contextmanager
def taken(port: int) -> Iterator[None]:
    """Something else listens there."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        yield


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def start_login(terminal: Terminal) -> dict[str, str]:
    """The parameters of the address it prints."""
    query = urlsplit(terminal.see(URL)[1]).query
    return {name: values[0] for name, values in parse_qs(query).items()} | {"query": query}


@pytest.fixture
def browser(machine: Machine, tmp_path: Path) -> Path:
    """A browser that only writes down where it was sent; the test walks on from there."""
    script, visited = tmp_path / "browser", tmp_path / "visited"
    script.write_text(
        f'#!/bin/sh\necho noise; echo noise >&2\nprintf %s "$1" > {visited}.part; mv {visited}.part {visited}\n'
    )
    script.chmod(0o755)
    machine.variables["BROWSER"] = str(script)
    return visited


def test_the_browser_comes_back_and_the_terminal_is_signed_in(
    backend: FakeBackend, machine: Machine, browser: Path
) -> None:
    with machine.terminal("login") as terminal:
        asked = start_login(terminal)
        while not browser.exists():
            time.sleep(0.01)
        assert browser.read_text() == f"{backend.url}/oauth/authorize?{asked['query']}"
        answer = httpx.get(backend.authorize(asked["query"]))
        assert answer.status_code == 303
        assert answer.headers["location"] == "/done"
        page = httpx.get(f"http://127.0.0.1:{urlsplit(asked['redirect_uri']).port}/done")
        assert terminal.end() == 0
    assert "You are signed in as ada" in page.text
    assert "You can use the terminal again" in page.text
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert f"Signed in at {backend.url} as ada." in terminal.plain
    assert "noise" not in terminal.plain
    assert not re.search("insr_|insc_|eyJ", terminal.plain)
    assert machine.account()["login"] == "ada"
    assert machine.run("whoami").out == "ada\n"


def test_what_is_asked_of_the_backend(backend: FakeBackend, machine: Machine, browser: Path) -> None:
    with machine.terminal("login") as terminal:
        asked = start_login(terminal)
    assert asked["response_type"] == "code"
    assert asked["client_id"] == "insighta-cli"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert len(asked["state"]) >= 32
    assert asked["device_label"] == f"Insighta CLI on {socket.gethostname()}"[:100]


def test_a_taken_port_is_named_and_another_used(backend: FakeBackend, machine: Machine, browser: Path) -> None:
    port = free_port()
    with taken(port), machine.terminal("login", "--port", str(port)) as terminal:
        asked = start_login(terminal)
        used = urlsplit(asked["redirect_uri"]).port
        assert used != port
        assert f"Port {port} is taken, so port {used} is used." in terminal.plain
        httpx.get(backend.authorize(asked["query"]), follow_redirects=True)
        assert terminal.end() == 0


def test_port_9876_is_the_first_choice(machine: Machine, browser: Path) -> None:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(taken(9876))
        except OSError:
            pytest.skip("Another program on this machine uses port 9876.")
        terminal = stack.enter_context(machine.terminal("login"))
        asked = start_login(terminal)
        assert "Port 9876 is taken" in terminal.plain
        assert not asked["redirect_uri"].startswith("http://127.0.0.1:9876/")


def test_only_this_machine_can_reach_the_listener(machine: Machine, browser: Path) -> None:
    with machine.terminal("login", "--port", "0") as terminal:
        port = urlsplit(start_login(terminal)["redirect_uri"]).port
        listening = subprocess.run(["cat", "/proc/net/tcp"], capture_output=True, text=True).stdout
        assert f"0100007F:{port:04X} 00000000:0000 0A" in listening


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


@pytest.mark.parametrize("stranger", STRANGERS)
def test_strangers_do_not_end_the_wait(backend: FakeBackend, machine: Machine, browser: Path, stranger: str) -> None:
    with machine.terminal("login", "--port", "0") as terminal:
        asked = start_login(terminal)
        path, status = STRANGERS[stranger]
        origin = asked["redirect_uri"].removesuffix("/callback")
        path = path.replace("STATE", asked["state"]).replace("BACKEND", backend.url)
        answer = httpx.get(origin + path)
        assert answer.status_code == status
        assert "insc_" not in answer.text
        httpx.get(backend.authorize(asked["query"]), follow_redirects=True)
        assert terminal.end() == 0
    assert machine.account()["login"] == "ada"


def test_a_preconnect_and_a_half_sent_request_do_not_end_the_wait(
    backend: FakeBackend, machine: Machine, browser: Path
) -> None:
    with machine.terminal("login", "--port", "0") as terminal:
        asked = start_login(terminal)
        address = ("127.0.0.1", urlsplit(asked["redirect_uri"]).port or 0)
        with socket.create_connection(address), socket.create_connection(address) as half:
            half.sendall(b"GET /callback?code=")
            httpx.get(backend.authorize(asked["query"]), follow_redirects=True)
            assert terminal.end() == 0


def test_the_listener_is_gone_after_the_answer(backend: FakeBackend, machine: Machine, browser: Path) -> None:
    with machine.terminal("login", "--port", "0") as terminal:
        asked = start_login(terminal)
        httpx.get(backend.authorize(asked["query"]), follow_redirects=True)
        terminal.see("Signed in")
        assert terminal.end() == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(asked["redirect_uri"])


def test_a_second_visit_of_the_callback_gets_the_same_page(
    backend: FakeBackend, machine: Machine, browser: Path
) -> None:
    with machine.terminal("login", "--port", "0") as terminal:
        asked = start_login(terminal)
        url = backend.authorize(asked["query"])
        backend.faults["/oauth/token"] = ["slow 0.5"]
        pages: list[httpx.Response] = []
        visits = [
            threading.Thread(target=lambda: pages.append(httpx.get(url, follow_redirects=True))) for _ in range(2)
        ]
        for visit in visits:
            visit.start()
        for visit in visits:
            visit.join()
        assert terminal.end() == 0
    assert backend.paths().count("/oauth/token") == 1
    assert any("You are signed in as ada" in page.text for page in pages)


def test_denied_in_the_browser_is_cancelled_by_the_person(
    backend: FakeBackend, machine: Machine, browser: Path
) -> None:
    with machine.terminal("login", "--port", "0") as terminal:
        asked = start_login(terminal)
        query = {"error": "access_denied", "state": asked["state"], "iss": backend.url}
        page = httpx.get(asked["redirect_uri"], params=query, follow_redirects=True)
        assert terminal.end() == 2
    assert "You did not allow this terminal to sign in." in terminal.plain
    assert "You are not signed in" in page.text
    assert not machine.credentials.exists()


def test_ctrl_c_ends_the_wait(machine: Machine, browser: Path) -> None:
    with machine.terminal("login", "--port", "0") as terminal:
        asked = start_login(terminal)
        terminal.type("\x03")
        assert terminal.end() == 2
        with pytest.raises(httpx.ConnectError):
            httpx.get(asked["redirect_uri"])


def test_a_refused_code_is_told_in_both_places(backend: FakeBackend, machine: Machine, browser: Path) -> None:
    with machine.terminal("login", "--port", "0") as terminal:
        asked = start_login(terminal)
        query = {"code": "insc_unknown", "state": asked["state"], "iss": backend.url}
        page = httpx.get(asked["redirect_uri"], params=query, follow_redirects=True)
        assert terminal.end() == 1
    assert "You are not signed in" in page.text
    assert "insc_unknown" not in terminal.plain + page.text
    assert "code is not valid" in terminal.plain


@pytest.mark.parametrize("paste", ["the whole address", "in quotes", "the query", "the bare code"])
def test_a_browser_that_cannot_reach_the_loopback(
    backend: FakeBackend, machine: Machine, browser: Path, paste: str
) -> None:
    """The browser ends on a page that cannot be opened, and its address is pasted at the same prompt."""
    with machine.terminal("login", "--port", "0") as terminal:
        asked = start_login(terminal)
        url = backend.authorize(asked["query"])
        forms = {
            "the whole address": url,
            "in quotes": f'"{url}"',
            "the query": url.partition("?")[2],
            "the bare code": parse_qs(urlsplit(url).query)["code"][0],
        }
        terminal.see("paste that page's address here")
        terminal.type(f"{forms[paste]}\n")
        assert terminal.end() == 0
    assert "Signed in" in terminal.plain


def test_something_else_pasted_does_not_end_the_wait(backend: FakeBackend, machine: Machine, browser: Path) -> None:
    with machine.terminal("login", "--port", "0") as terminal:
        asked = start_login(terminal)
        terminal.see("paste")
        terminal.type("hello\n")
        terminal.see("That is not the answer to this sign-in")
        stranger = asked["query"].replace(asked["state"], "guessed")
        terminal.type(f"{backend.authorize(stranger)}\n")
        terminal.see("(?s)That is not the answer.*That is not the answer")
        terminal.type(f"{backend.authorize(asked['query'])}\n")
        assert terminal.end() == 0


def test_paste_mode_opens_and_listens_to_nothing(backend: FakeBackend, machine: Machine, browser: Path) -> None:
    with machine.terminal("login", "--paste") as terminal:
        asked = start_login(terminal)
        assert asked["redirect_uri"] == "http://127.0.0.1:9876/callback"
        terminal.see("Paste its address here:")
        assert not browser.exists()
        terminal.type(f"{backend.authorize(asked['query'])}\n")
        assert terminal.end() == 0
    assert machine.account()["login"] == "ada"


def test_paste_mode_without_a_terminal_reads_standard_input(backend: FakeBackend, machine: Machine) -> None:
    process = machine.start("login", "--paste")
    assert process.stderr
    assert process.stdin
    text = ""
    while "Paste its address" not in text:
        text += process.stderr.readline()
    match = re.search(URL, text)
    assert match
    process.stdin.write(backend.authorize(urlsplit(match[1]).query) + "\n")
    process.stdin.flush()
    process.communicate()
    assert process.returncode == 0


@pytest.mark.parametrize("typed", ["", "something else\n"])
def test_paste_mode_ends_with_its_input(machine: Machine, typed: str) -> None:
    done = machine.run("login", "--paste", typed=typed)
    assert done.code == 2
    assert "standard input has ended" in done.err
    assert "insighta login --device" in done.err
    assert not machine.credentials.exists()


def test_a_broken_browser_leaves_the_address(backend: FakeBackend, machine: Machine) -> None:
    machine.variables["BROWSER"] = "/nonexistent/browser"
    with machine.terminal("login", "--port", "0") as terminal:
        asked = start_login(terminal)
        terminal.see("No browser could be opened here")
        httpx.get(backend.authorize(asked["query"]), follow_redirects=True)
        assert terminal.end() == 0


@pytest.mark.parametrize("how", ["option", "variable"])
def test_no_browser_is_opened_when_none_is_wanted(
    backend: FakeBackend, machine: Machine, browser: Path, how: str
) -> None:
    words = ["--no-browser"] if how == "option" else []
    machine.variables |= {} if words else {"INSIGHTA_NO_BROWSER": "1"}
    process = machine.start("login", *words)
    assert process.stderr
    text = ""
    while not (match := re.search(URL, text)):
        text += process.stderr.readline()
    httpx.get(backend.authorize(urlsplit(match[1]).query), follow_redirects=True)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert not browser.exists()


def test_the_previous_sign_in_of_this_machine_is_ended(backend: FakeBackend, machine: Machine, browser: Path) -> None:
    previous = backend.sign_in()
    machine.store(backend.store_for(previous, seconds_left=100))
    with machine.terminal("login", "--port", "0") as terminal:
        httpx.get(backend.authorize(start_login(terminal)["query"]), follow_redirects=True)
        assert terminal.end() == 0
    assert [session.revoked for session in backend.sessions] == [True, False]


def test_a_backend_that_calls_itself_otherwise_is_refused(backend: FakeBackend, machine: Machine) -> None:
    backend.issuer = "https://api.example.com"
    done = machine.run("login", "--no-browser")
    assert done.code == 1
    assert "calls itself https://api.example.com" in done.err
    assert "export INSIGHTA_API=https://api.example.com" in done.err


@pytest.mark.parametrize(
    ("fault", "sentence"), [("cut before", "cannot be reached"), ("html", "not as an Insighta backend does")]
)
def test_trouble_is_told_before_anybody_goes_to_a_browser(
    backend: FakeBackend, machine: Machine, browser: Path, fault: str, sentence: str
) -> None:
    backend.faults["*"] = [f"always {fault}"]
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
        httpx.get(sign_in.redirect_uri)


def test_a_terminated_login_leaves_no_listener(machine: Machine, browser: Path) -> None:
    with machine.terminal("login", "--port", "0") as terminal:
        asked = start_login(terminal)
        terminal.signal(signal.SIGTERM)
        assert terminal.end() != 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(asked["redirect_uri"])
