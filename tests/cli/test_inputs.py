"""No file, variable, answer, stream or signal ends in a traceback."""

import json
import os
import signal
import subprocess
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.cli.terminals import Done, Machine, Pointed

# Each example is a process, so there are few; what is found is kept as an example.
FEW = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=6,
)
ENDS = {0, 1, 2, 4}


def check(done: Done) -> None:
    """It ended as commands end, and what it says is for people."""
    assert done.code in ENDS, done.err
    assert "Traceback" not in done.err
    assert "cannot be understood" not in done.err


@pytest.mark.parametrize(
    "content", [b"\xef\xbb\xbfinsp_good\r\n", b"\n\n  insp_good\n", "insp_good\r\n".encode("utf-16")]
)
def test_a_token_file_as_editors_write_it(machine: Pointed, content: bytes) -> None:
    machine.backend.personal_tokens["insp_good"] = "ada"
    words = [str(machine.command), "login", "--with-token"]
    done = subprocess.run(words, input=content, env=machine.environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert machine.is_signed_in()


@pytest.mark.parametrize("typed", ["\x04", "\n", "\x03"])
def test_no_token_at_the_prompt(machine: Pointed, typed: str) -> None:
    with machine.terminal("login", "--with-token") as terminal:
        terminal.see("not shown")
        terminal.type(typed)
        assert terminal.end() == 2
    assert "Traceback" not in terminal.text


@pytest.mark.parametrize("typed", ["\x04", "\x03", "ÿ\n"])
def test_no_answer_to_a_question(ada: Pointed, typed: str) -> None:
    slot = {"id": "019ab3f2-5440-7a1c-8000-00000000000a", "title": "x", "host": {}}
    times = dict.fromkeys(("starts_at", "ends_at", "refund_deadline"), "2099-11-24T13:00:00Z")
    ada.backend.answer(f"/slots/{slot['id']}", slot | times)
    with ada.terminal("book", str(slot["id"])) as terminal:
        terminal.see(r"\[y/N\]")
        terminal.type(typed)
        assert terminal.end() == 2
    assert "Traceback" not in terminal.text


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "</", "< /dev/null"])
@pytest.mark.parametrize("words", ["token", "whoami", "login --with-token", "login --paste", "book 019a", "nonsense"])
def test_a_stream_that_is_closed(ada: Pointed, words: str, closed: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{ada.command} {words} {closed}"], env=ada.environment, capture_output=True, text=True
    )
    check(Done(done.returncode, done.stdout, done.stderr))
    assert json.loads(ada.credentials.read_text())["version"] == 1


@pytest.mark.parametrize("browser", ["'", '"unclosed', ":", " ", "%s", "/", "true &", "no such 'thing' %s"])
def test_an_odd_browser(machine: Pointed, browser: str) -> None:
    with machine.terminal("login", "--port", "0", BROWSER=browser) as terminal:
        terminal.see("Waiting for the browser")
        terminal.signal(signal.SIGINT)
        assert terminal.end() == 2
    check(machine.run("doctor", BROWSER=browser))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LC_ALL", "xx_XX.nonsense"),
        ("PYTHONIOENCODING", "ascii"),
        ("TERM", ""),
        ("COLUMNS", "abc"),
        ("COLUMNS", "1"),
        ("HOME", ""),
        ("HOME", "/dev/null"),
        ("INSIGHTA_HOME", "/dev/null/x"),
        ("INSIGHTA_HOME", "~nobody/x"),
        ("INSIGHTA_API", "https://[::1"),
        ("INSIGHTA_API", "http://x:99999999999"),
        ("INSIGHTA_ACCOUNT", "\u202e\x1b[31m"),
        ("INSIGHTA_TOKEN", "\ufeffinsp_good"),
        ("INSIGHTA_TOKEN", "ü"),
        ("https_proxy", "::::"),
        ("NO_PROXY", "*,,"),
        ("TZ", "\x01"),
        ("TZ", "/etc/passwd"),
    ],
)
def test_an_odd_variable(ada: Pointed, name: str, value: str) -> None:
    ada.backend.answer("/slots", {"results": []})
    ada.variables[name] = value
    for command in ("status", "slots", "doctor", "calendar", "token"):
        done = ada.run(command)
        check(done)
        assert "\u202e" not in done.out + done.err


def test_a_word_that_is_no_text(ada: Pointed) -> None:
    for word in (b"\xff", b"/\xff"):
        done = subprocess.run([ada.command, "api", "get", word], env=ada.environment, capture_output=True, text=True)
        check(Done(done.returncode, done.stdout, done.stderr))
        assert done.returncode == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_the_backend_is_silent(stale: Pointed, number: signal.Signals) -> None:
    stale.backend.faults["/oauth/token"] = ["always slow 60"]
    with stale.terminal("whoami") as terminal:
        terminal.see("Waiting for")
        terminal.signal(number)
        assert terminal.end() in {2, -number}
    assert "Traceback" not in terminal.text
    assert os.listdir(stale.folder)


@FEW
@given(st.binary(max_size=200) | JSON.map(json.dumps).map(str.encode))
def test_any_credentials_file(machine: Pointed, content: bytes) -> None:
    machine.store(content)
    for words in (["token"], ["status", "--offline"]):
        check(machine.run(*words))


ACCOUNT_VALUES = st.sampled_from(
    ["", "x", "insr_x\n", "\ud800", "a.eyJzdWIiOnt9fQ.b", "0001-01-01", "9999-12-31T23:59:59-23:59"]
)
FIELDS = ("login", "person_id", "access_token", "access_token_expires_at", "refresh_token", "retry_key")


@FEW
@given(st.fixed_dictionaries(dict.fromkeys(FIELDS, ACCOUNT_VALUES | st.none() | st.integers())))
def test_any_account_in_the_file(machine: Pointed, fields: dict[str, Any]) -> None:
    others = {machine.api: {"x": fields}}
    machine.store({"version": 1, "accounts": {machine.api: fields | {"access_token": "insp_x"}}, "others": others})
    check(machine.run("status", "--offline"))
    machine.store({"version": 1, "accounts": {machine.api: fields}})
    check(machine.run("token"))


READING = ["status", "whoami", "slots", "bookings", "sessions", "tokens", "credits", "calendar", "api get /me"]


@FEW
@given(st.sampled_from(READING), JSON, st.booleans())
def test_any_answer_of_the_api(machine: Pointed, command: str, answer: Any, in_a_list: bool) -> None:
    machine.sign_in()
    value = {"results": [answer]} if in_a_list else answer
    paths = ("me", "slots", "bookings", "sessions", "personal-access-tokens", "subscriptions", "credit-entries")
    for path in paths:
        machine.backend.answer(f"/{path}", value)
    check(machine.run(*command.split()))


@FEW
@given(st.sampled_from(["expires_in", "access_token", "refresh_token", "interval", "user_code"]), JSON)
def test_any_answer_of_the_sign_in(machine: Pointed, field: str, value: Any) -> None:
    grant = machine.backend.grant
    machine.backend.device = {"decision": "approve", "expires_in": "2"}
    with patch.object(machine.backend, "grant", lambda session: grant(session) | {field: value}):
        check(machine.run("login", "--device"))


def test_bytes_that_only_claim_to_be_json(ada: Pointed) -> None:
    for content in (b"", b"{", b"\xff\xfe", b"[" * 100_000, b"9" * 5000, b"NaN"):
        ada.backend.answer("/me", content)
        for words in (["whoami"], ["status"], ["api", "get", "/me"]):
            check(ada.run(*words))


def test_nobody_is_asked_by_a_machine(machine: Machine) -> None:
    assert machine.run("cancel", "019a").code == 2
