"""Renewing a sign-in: whatever is lost on the way, the person stays signed in and sees no secret."""

import os
import time

import pytest

from tests.cli.terminals import Done, Pointed
from tests.processes import wait_until


def shows_no_secret(done: Done) -> bool:
    """Neither stream holds a token, except the access token that `token` is for."""
    return "insr_" not in done.out + done.err and "insc_" not in done.out + done.err and "eyJ" not in done.err


def is_signed_in(machine: Pointed) -> bool:
    """Asked in the plainest way."""
    return machine.run("whoami").out == "ada\n"


def test_a_fresh_token_is_printed_without_asking_the_backend(machine: Pointed) -> None:
    machine.sign_in(seconds_left=150)
    done = machine.run("token")
    assert (done.code, done.out.strip()) == (0, machine.account()["access_token"])
    assert machine.backend.requests == []


def test_an_expired_token_is_replaced_by_its_successor(stale: Pointed) -> None:
    done = stale.run("token")
    assert (done.code, done.out.strip(), done.err) == (0, stale.account()["access_token"], "")
    assert stale.account()["refresh_token"] == stale.session.refresh_token
    assert stale.account()["retry_key"] is None
    key = stale.backend.requests[0][2]["idempotency-key"]
    assert 16 <= len(key) <= 255


def test_a_token_that_is_about_to_expire_is_replaced_before(machine: Pointed) -> None:
    session = machine.sign_in(seconds_left=40)
    machine.run("token")
    assert session.rotations == 1


def test_the_retry_key_is_on_disk_while_the_request_is_on_its_way(stale: Pointed) -> None:
    stale.backend.faults["/oauth/token"] = ["slow 0.8"]
    process = stale.start("token")
    wait_until(lambda: bool(stale.backend.requests))
    stored = stale.account()
    assert stored["retry_key"] == stale.backend.requests[0][2]["idempotency-key"]
    assert stored["refresh_token"] == stale.session.refresh_token
    process.communicate()
    assert stale.account()["retry_key"] is None


def test_an_answer_lost_after_the_rotation_is_asked_for_again(stale: Pointed) -> None:
    stale.backend.faults["/oauth/token"] = ["cut after"]
    done = stale.run("token")
    assert (done.code, stale.session.rotations, stale.session.revoked) == (0, 1, False)
    assert stale.account()["refresh_token"] == stale.session.refresh_token
    assert shows_no_secret(done)


def test_a_backend_that_stays_away_after_the_rotation_costs_nothing(stale: Pointed) -> None:
    stale.backend.faults["/oauth/token"] = ["cut after", "cut before"]
    lost = stale.run("token")
    assert lost.code == 1
    assert "cannot be reached" in lost.err
    assert "You are still signed in" in lost.err
    assert shows_no_secret(lost)
    assert stale.account()["retry_key"] is not None
    assert is_signed_in(stale)
    assert stale.session.rotations == 1


def test_a_backend_with_too_much_to_do_is_asked_again_when_it_says(stale: Pointed) -> None:
    stale.backend.faults["/oauth/token"] = ["overloaded"]
    began = time.monotonic()
    done = stale.run("token")
    assert (done.code, stale.session.rotations, stale.session.revoked) == (0, 1, False)
    assert time.monotonic() - began >= 1
    keys = {headers["idempotency-key"] for _, path, headers, _ in stale.backend.requests if path == "/oauth/token"}
    assert len(keys) == 1


@pytest.mark.parametrize("fault", ["cut before", "html", "500", "503", "429", "overloaded"])
def test_trouble_on_the_way_keeps_the_sign_in(stale: Pointed, fault: str) -> None:
    stale.backend.faults["/oauth/token"] = [fault, fault]
    done = stale.run("whoami")
    assert done.code == 1
    assert shows_no_secret(done)
    assert "insighta:" in done.err
    stale.backend.faults.clear()
    assert is_signed_in(stale)


@pytest.mark.parametrize("fault", ["cut before", "html", "503", "overloaded"])
def test_a_token_that_is_still_good_is_used_while_there_is_trouble(machine: Pointed, fault: str) -> None:
    machine.sign_in(seconds_left=30)
    before = machine.account()["access_token"]
    machine.backend.faults["/oauth/token"] = [fault, fault]
    done = machine.run("token")
    assert (done.code, done.out.strip()) == (0, before)


def test_a_session_ended_elsewhere_asks_to_sign_in_again(stale: Pointed) -> None:
    stale.session.revoked = True
    done = stale.run("whoami")
    assert done.code == 4
    assert done.out == ""
    assert "has ended (session revoked)" in done.err
    assert "Sign in again: insighta login" in done.err
    assert stale.run("token").code == 4
    assert stale.run("status", "--offline").code == 4


def test_a_sign_in_that_was_copied_is_said_to_be(stale: Pointed) -> None:
    stale.backend.rotate(stale.session.refresh_token, "the copy's")
    done = stale.run("whoami")
    assert done.code == 4
    assert "has ended (refresh token reused)" in done.err
    assert "somebody may have a copy" in done.err
    assert "insighta sessions list" in done.err


def test_a_session_ended_elsewhere_is_noticed_while_the_token_looks_fresh(machine: Pointed) -> None:
    session = machine.sign_in(seconds_left=170)
    session.revoked = True
    done = machine.run("whoami")
    assert done.code == 4
    assert "Sign in again: insighta login" in done.err


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_set_by_an_hour_changes_nothing(machine: Pointed, hours: int) -> None:
    """The expiry was written by a clock that has since been put back or forward by an hour."""
    session = machine.sign_in(seconds_left=hours * 3600 - 5)
    session.access_tokens.clear()
    done = machine.run("token")
    assert done.code == 0
    assert machine.backend.find_session(done.out.strip()) is session


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_steadily_an_hour_off_refreshes_no_more_than_any_other(stale: Pointed, hours: int) -> None:
    """The claims in a token are an hour away from what this stale believes; only durations are used."""
    stale.backend.skew_seconds = hours * 3600
    assert is_signed_in(stale)
    assert is_signed_in(stale)
    assert stale.session.rotations == 1


def test_twenty_terminals_at_once_refresh_once(stale: Pointed) -> None:
    stale.backend.faults["/oauth/token"] = ["slow 0.5"]
    processes = [stale.start("token") for _ in range(20)]
    answers = [process.communicate(timeout=120) for process in processes]
    assert {process.returncode for process in processes} == {0}
    assert len({out for out, _ in answers}) == 1
    assert (stale.session.rotations, stale.session.revoked) == (1, False)


def test_fields_of_later_versions_are_kept(stale: Pointed) -> None:
    content = stale.backend.store_for(stale.session, seconds_left=-5)
    content["colour"] = "blue"
    content["accounts"][stale.api]["nickname"] = "laptop"
    content["accounts"]["https://other.example"] = {"login": "ada", "access_token": "insp_other"}
    stale.store(content)
    stale.run("token")
    text = stale.credentials.read_text()
    assert '"colour": "blue"' in text
    assert stale.account()["nickname"] == "laptop"
    assert '"https://other.example"' in text


def test_a_slow_backend_is_named_while_it_is_waited_for(stale: Pointed) -> None:
    stale.backend.faults["/oauth/token"] = ["slow 1.5"]
    done = stale.run("token")
    assert done.code == 0
    assert f"Waiting for {stale.api.removeprefix('http://')}" in done.err
    assert done.out.count("\n") == 1


def test_a_link_to_the_file_stays_a_link(stale: Pointed) -> None:
    elsewhere = stale.home / "synchronised.json"
    stale.credentials.rename(elsewhere)
    stale.credentials.symlink_to(elsewhere)
    stale.home.chmod(0o700)
    assert stale.run("token").code == 0
    assert stale.credentials.is_symlink()
    assert stale.session.refresh_token in elsewhere.read_text()
    assert os.stat(elsewhere).st_mode & 0o777 == 0o600
