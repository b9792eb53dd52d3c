"""`insighta login` where no browser can come back: a code for any device, a token from a file, a CI job."""

import socket

import pytest

from tests.cli.fake_backend import person_id
from tests.cli.terminals import Pointed

BLOCKS = "▀▄█"


def test_the_code_and_the_address_are_shown_and_the_approval_signs_in(machine: Pointed) -> None:
    with machine.terminal("login", "--device") as terminal:
        terminal.see(r"Open +http://localhost:8001/device\n")
        terminal.see(r"Code +BCDF-GHJK\n")
        terminal.see("The code works for 15 minutes")
        machine.backend.device["decision"] = "approve"
        assert terminal.end() == 0
    assert "insd_secret" not in terminal.text
    assert f"Signed in at {machine.api} as ada." in terminal.plain
    request = next(body for _, path, _, body in machine.backend.requests if path == "/oauth/device_authorization")
    assert request["device_label"] == f"Insighta CLI on {socket.gethostname()}"[:100]
    assert machine.run("whoami").out == "ada\n"


@pytest.mark.parametrize(
    ("size", "is_shown"), [((40, 120), True), ((24, 80), True), ((15, 80), False), ((40, 30), False)]
)
def test_a_qr_code_is_shown_where_it_fits(machine: Pointed, size: tuple[int, int], is_shown: bool) -> None:
    with machine.terminal("login", "--device", size=size) as terminal:
        terminal.see("Waiting for you")
        assert any(block in terminal.text for block in BLOCKS) is is_shown


def test_no_qr_code_without_a_terminal(machine: Pointed) -> None:
    machine.backend.device["decision"] = "approve"
    done = machine.run("login", "--device")
    assert done.code == 0
    assert done.out == ""
    assert "BCDF-GHJK" in done.err
    assert not any(block in done.err for block in BLOCKS)


@pytest.mark.parametrize(
    ("answers", "code", "sentence"),
    [
        ("access_denied", 2, "You did not allow this terminal to sign in."),
        ("expired_token", 1, "The code has expired"),
        ("invalid_grant", 1, "Run it again"),
    ],
)
def test_how_it_can_end_otherwise(machine: Pointed, answers: str, code: int, sentence: str) -> None:
    machine.backend.device["decision"] = answers
    done = machine.run("login", "--device")
    assert done.code == code
    assert sentence in done.err
    assert not machine.credentials.exists()


def test_the_code_runs_out_here_too(machine: Pointed) -> None:
    machine.backend.device["expires_in"] = "1"
    done = machine.run("login", "--device")
    assert done.code == 1
    assert "The code has expired" in done.err


def test_a_dropped_connection_does_not_end_the_wait(machine: Pointed) -> None:
    machine.backend.faults["/oauth/token"] = ["cut before"]
    machine.backend.device["decision"] = "approve"
    assert machine.run("login", "--device").code == 0


def test_ctrl_c_ends_the_wait(machine: Pointed) -> None:
    with machine.terminal("login", "--device") as terminal:
        terminal.see("Waiting for you")
        terminal.type("\x03")
        assert terminal.end() == 2


@pytest.mark.parametrize("variable", ["SSH_CONNECTION", "SSH_TTY"])
def test_over_ssh_the_code_is_chosen_and_explained(machine: Pointed, variable: str) -> None:
    machine.backend.device["decision"] = "approve"
    machine.variables |= {"DISPLAY": ":0", variable: "10.0.0.1 50000 10.0.0.2 22"}
    done = machine.run("login")
    assert done.code == 0
    assert "Signing in with a code, because this is an SSH session." in done.err


def test_a_token_from_standard_input_is_checked_and_stored(machine: Pointed) -> None:
    machine.backend.personal_tokens["insp_good"] = "ada"
    done = machine.run("login", "--with-token", typed="insp_good\n")
    assert (done.code, done.out) == (0, "")
    assert "insp_good" not in done.err
    assert machine.account() == {
        "login": "ada",
        "person_id": person_id("ada"),
        "access_token": "insp_good",
        "access_token_expires_at": None,
        "refresh_token": None,
        "retry_key": None,
    }
    assert machine.run("token").out == "insp_good\n"
    assert "personal access token" in machine.run("status").out


def test_a_token_pasted_at_a_terminal_is_not_shown(machine: Pointed) -> None:
    machine.backend.personal_tokens["insp_good"] = "ada"
    with machine.terminal("login", "--with-token") as terminal:
        terminal.see("not shown")
        terminal.type("insp_good\n")
        assert terminal.end() == 0
    assert "insp_good" not in terminal.text
    assert machine.run("whoami").out == "ada\n"


@pytest.mark.parametrize(("typed", "code"), [("", 2), ("\n", 2), ("insr_refresh\n", 2), ("insp_unknown\n", 4)])
def test_another_token_is_refused_and_not_repeated(machine: Pointed, typed: str, code: int) -> None:
    done = machine.run("login", "--with-token", typed=typed)
    assert done.code == code
    assert "insp_unknown" not in done.err
    assert "insr_refresh" not in done.err
    assert not machine.credentials.exists()


def test_a_stored_token_that_was_revoked_asks_to_sign_in_again(machine: Pointed) -> None:
    machine.backend.personal_tokens["insp_good"] = "ada"
    machine.run("login", "--with-token", typed="insp_good\n")
    machine.backend.personal_tokens.clear()
    done = machine.run("whoami")
    assert done.code == 4
    assert "no longer accepted" in done.err


def test_the_environment_token_wins_and_is_explained(machine: Pointed) -> None:
    machine.backend.personal_tokens["insp_ci"] = "robot"
    machine.sign_in(seconds_left=150)
    assert machine.run("whoami", INSIGHTA_TOKEN="insp_ci\n").out == "robot\n"
    assert machine.run("token", INSIGHTA_TOKEN="insp_ci").out == "insp_ci\n"
    assert "INSIGHTA_TOKEN" in machine.run("status", INSIGHTA_TOKEN="insp_ci").out
    done = machine.run("login", INSIGHTA_TOKEN="insp_ci")
    assert done.code == 0
    assert "commands run as robot" in done.err
    assert machine.run("whoami").out == "ada\n"


def test_a_refused_environment_token_is_sign_in_needed(machine: Pointed) -> None:
    done = machine.run("whoami", INSIGHTA_TOKEN="insp_old")
    assert done.code == 4
    assert "INSIGHTA_TOKEN" in done.err
    assert "insp_old" not in done.err


def test_an_environment_token_with_a_line_break_is_not_sent(machine: Pointed) -> None:
    done = machine.run("whoami", INSIGHTA_TOKEN="insp_a\ninsp_b")
    assert done.code == 2
    assert "insp_" not in done.err
    assert machine.backend.requests == []


def test_a_ci_job_without_a_token_is_told_what_it_needs(machine: Pointed) -> None:
    done = machine.run("login", CI="true")
    assert done.code == 4
    assert "INSIGHTA_TOKEN" in done.err
    assert machine.backend.requests == []
