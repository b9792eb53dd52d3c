"""What people and scripts expect of any command: help, hints, exit codes, streams and a clean installation."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from cli.catalog import COMMANDS, HIDDEN, name_module
from tests.cli.terminals import Pointed


def test_installed_alone_it_brings_no_module_called_cli_and_no_django(machine: Pointed) -> None:
    (packages,) = machine.command.parent.parent.glob("lib/python*/site-packages")
    names = {path.name for path in packages.iterdir() if not path.name.endswith(".dist-info")}
    assert names - {"__pycache__"} == {"insighta_cli", "segno"}
    imports = "import sys; from insighta_cli import main, api, oauth; from insighta_cli.signin import loopback, device"
    listed = subprocess.run(
        [machine.command.with_name("python"), "-c", f"{imports}; print(*sys.modules)"], capture_output=True, text=True
    )
    assert not re.search(r"\b(django|httpx|typer|rich)\b", listed.stdout)


def test_the_version(machine: Pointed) -> None:
    assert re.fullmatch(r"insighta \d+\.\d+\.\d+\n", machine.run("--version").out)


def test_the_overview_starts_with_examples_and_names_every_command(machine: Pointed) -> None:
    done = machine.run("--help")
    assert done.code == 0
    assert done.out.index("Examples") < done.out.index("Sign in")
    assert all(re.search(rf"^  {name} ", done.out, re.MULTILINE) for name in COMMANDS)
    assert "INSIGHTA_API" in done.out
    assert "http://127.0.0.1:8000" in done.out
    assert machine.run().code == 2


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_examples_first(machine: Pointed, name: str) -> None:
    done = machine.run(*name.split(), "--help")
    assert done.code == 0
    assert done.out.index("Examples") < done.out.index("Usage") < done.out.index("Options")
    assert f"insighta {name}" in done.out
    assert [line for line in done.out.split("\n") if len(line) > 80] == []


READING = ["status", "token", "whoami", "slots list", "bookings list", "bookings show", "sessions list", "tokens list"]


@pytest.mark.parametrize("name", [*READING, "credits", "calendar", "doctor"])
def test_every_reading_command_takes_json(machine: Pointed, name: str) -> None:
    assert "--json" in machine.run(*name.split(), "--help").out


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["logn"], "insighta login"),
        (["sesions", "list"], "insighta sessions list"),
        (["sessions", "lst"], "insighta sessions list"),
        (["booking", "list"], "insighta bookings list"),
        (["slot"], "Did you mean: insighta slots\n"),
        (["sessions", "19ab"], "insighta sessions list or insighta sessions revoke"),
        (["login", "--divice"], "--device"),
        (["token", "--jsn"], "--json"),
        (["xyzzy"], "insighta --help"),
    ],
)
def test_a_misspelt_word_gets_a_suggestion_and_exit_code_2(machine: Pointed, words: list[str], hint: str) -> None:
    done = machine.run(*words)
    assert (done.code, done.out) == (2, "")
    assert hint in done.err


@pytest.mark.parametrize(
    "words",
    [
        ["book"],
        ["cancel", "not-an-id", "--yes"],
        ["login", "--device", "--paste"],
        ["login", "--port", "x"],
        ["sessions", "--lst"],
    ],
)
def test_wrong_usage_is_exit_code_2(ada: Pointed, words: list[str]) -> None:
    assert ada.run(*words).code == 2


@pytest.mark.parametrize(
    ("group", "path"),
    [
        ("slots", "slots"),
        ("bookings", "bookings"),
        ("sessions", "sessions"),
        ("tokens", "personal-access-tokens"),
        ("applications", "applications"),
        ("publishers", "trusted-publishers"),
    ],
)
def test_a_group_alone_means_its_list(ada: Pointed, group: str, path: str) -> None:
    ada.backend.answer(f"/{path}", {"results": [], "next": None})
    done = ada.run(group, "--json")
    assert (done.code, done.json) == (0, [])
    assert ada.run(group).code == 0
    assert f"insighta {group} list" in ada.run(group, "--help").out


@pytest.mark.parametrize(
    "address", ["localhost:8000", "ftp://x", "http://", "http://a b", "http://u:p@host", "http://h:99999"]
)
def test_an_address_that_cannot_be_one_names_the_variable(machine: Pointed, address: str) -> None:
    done = machine.run("status", INSIGHTA_API=address)
    assert done.code == 2
    assert "INSIGHTA_API" in done.err


def test_colour_only_on_a_terminal_that_wants_it(ada: Pointed) -> None:
    assert "\x1b" not in ada.run("status", "--offline").out
    with ada.terminal("status", "--offline") as terminal:
        terminal.end()
    assert "\x1b[1m" in terminal.text
    for variable in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        ada.variables = variable
        with ada.terminal("status", "--offline") as terminal:
            terminal.end()
        assert "\x1b" not in terminal.text


def test_a_secret_in_the_wrong_place_is_not_repeated(ada: Pointed) -> None:
    secret = "insp_" + "a" * 36
    for words in (["tokens", "revoke", secret], ["whoami", secret], [secret], ["login", "--with-token", secret]):
        done = ada.run(*words)
        assert done.code == 2, words
        assert secret not in done.out + done.err


def test_a_reader_that_stops_reading_is_no_error(ada: Pointed) -> None:
    process = subprocess.run(
        ["bash", "-c", f"{ada.command} --help | true; echo ${{PIPESTATUS[0]}}"],
        env=ada.environment,
        capture_output=True,
        text=True,
    )
    assert (process.stdout, process.stderr) == ("0\n", "")


def test_output_that_cannot_be_written_is_a_failure(ada: Pointed) -> None:
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(
            [ada.command, "token"], env=ada.environment, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert process.returncode == 1
    assert "No space left on device" in process.stderr
    assert "Traceback" not in process.stderr


def test_a_terminal_without_unicode_gets_plain_signs(ada: Pointed) -> None:
    done = ada.run("doctor", LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.out.isascii()
    assert "ok program" in done.out


def test_a_problem_of_the_backend_says_what_to_do(ada: Pointed) -> None:
    problem = {
        "code": "account_pending",
        "title": "Pending",
        "detail": "Your account waits for approval.",
        "status": 403,
    }
    ada.backend.answer("/me", problem, status=403)
    done = ada.run("whoami")
    assert done.code == 1
    assert "Your account waits for approval." in done.err
    assert "approves new accounts" in done.err


@pytest.mark.parametrize("fault", ["cut after", "overloaded"])
def test_a_lost_answer_does_not_book_twice(ada: Pointed, fault: str) -> None:
    slot_id = "019a0000-0000-7000-8000-00000000000a"
    booking: dict[str, object] = {
        "id": "019a0000-0000-7000-8000-00000000000b",
        "title": "Practice\x1b[2J",
        "host": {"login": "grace", "display_name": "Grace"},
        "scheduled_start_time": "2099-11-24T13:00:00Z",
        "scheduled_end_time": "2099-11-24T14:00:00Z",
        "refund_deadline": "2099-11-24T01:00:00Z",
    }
    ada.backend.answer("/bookings", booking, method="POST", status=201)
    ada.backend.faults["/api/v1/bookings"] = [fault]
    done = ada.run("book", slot_id)
    assert (done.code, done.out) == (0, f"{booking['id']}\n")
    assert "\x1b" not in done.err
    keys = [headers["idempotency-key"] for _, path, headers, _ in ada.backend.requests if path == "/api/v1/bookings"]
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_the_next_page_is_asked_of_the_same_backend(ada: Pointed) -> None:
    session = {
        "label": "a",
        "client_id": "x",
        "created_at": "2026-11-23T10:00:00Z",
        "last_used_at": None,
        "current": False,
    }

    def answer(query: dict[str, str], body: object) -> tuple[int, object]:
        following = None if query.get("cursor") else "https://evil.example/api/v1/sessions?cursor=2"
        number = "2" if query.get("cursor") else "1"
        return 200, {"results": [session | {"id": number * 36}], "next": following, "previous": None}

    ada.backend.answers["GET", "/api/v1/sessions"] = answer
    assert [one["id"][0] for one in ada.run("sessions", "list", "--json").json] == ["1", "2"]


@pytest.mark.parametrize(
    ("client", "shown"),
    [
        ({"client_id": "insighta-portal", "client_name": "Insighta portal"}, "Firefox on Linux"),
        ({"client_id": "wiki-1f2e", "client_name": "Team wiki"}, "Team wiki, Firefox on Linux"),
        ({"client_id": "wiki-1f2e"}, "wiki-1f2e, Firefox on Linux"),
    ],
)
def test_a_sign_in_in_an_application_is_listed_by_its_name(ada: Pointed, client: dict[str, str], shown: str) -> None:
    session = {"id": "1" * 36, "label": "Firefox on Linux", "current": False, "last_used_at": None}
    body = {"results": [session | {"created_at": "2026-11-23T10:00:00Z"} | client], "next": None, "previous": None}
    ada.backend.answers["GET", "/api/v1/sessions"] = lambda query, body_: (200, body)
    (row,) = [line for line in ada.run("sessions", "list").out.splitlines() if "Firefox" in line]
    assert f" {shown} " in row


def test_every_module_of_the_commands_is_in_the_catalogue() -> None:
    modules = {path.stem for path in (Path(__file__).parent.parent.parent / "cli/commands").glob("*.py")}
    assert modules - {"__init__"} == {name_module(name) for name in (*COMMANDS, *HIDDEN)}


def test_the_documentation_names_every_command() -> None:
    text = (Path(__file__).parent.parent.parent / "docs/cli.md").read_text()
    assert [name for name in COMMANDS if f"insighta {name}" not in text] == []


def test_the_home_can_be_elsewhere(machine: Pointed, tmp_path: Path) -> None:
    machine.variables["INSIGHTA_HOME"] = str(tmp_path / "deep" / "elsewhere")
    machine.backend.personal_tokens["insp_good"] = "ada"
    assert machine.run("login", "--with-token", typed="insp_good\n").code == 0
    assert machine.credentials == tmp_path / "deep/elsewhere/credentials.json"
    assert os.listdir(tmp_path) == ["deep"]
