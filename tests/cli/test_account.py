"""`status`, `whoami`, `token` and `logout`."""

import pytest

from tests.cli.fake_backend import FakeBackend, Session
from tests.cli.terminals import Machine


@pytest.fixture
def session(backend: FakeBackend, machine: Machine) -> Session:
    """Ada is signed in."""
    session = backend.sign_in()
    machine.store(backend.store_for(session, seconds_left=150))
    return session


def test_signed_out_everywhere(machine: Machine) -> None:
    for words in (["status"], ["status", "--offline"], ["token"], ["whoami"]):
        done = machine.run(*words)
        assert done.code == 4, words
        assert "insighta login" in done.err
    assert machine.run("status", "--json").json["signed_in"] is False
    assert machine.run("logout").code == 0


def test_status_tells_who_where_until_when_and_how(backend: FakeBackend, machine: Machine, session: Session) -> None:
    done = machine.run("status")
    assert done.code == 0
    assert "ada (confirmed by the backend)" in done.out
    assert backend.url in done.out
    assert "30 days without use and 90 days in all" in done.out
    assert "minutes" not in done.out
    assert "(Africa/Lagos), in 2 minutes" in machine.run("status", "--verbose").out
    assert f"{machine.credentials} (readable by you only)" in done.out
    assert "insr_" not in done.out
    assert "eyJ" not in done.out


def test_status_offline_asks_nobody(backend: FakeBackend, machine: Machine, session: Session) -> None:
    done = machine.run("status", "--offline")
    assert done.code == 0
    assert "ada (as stored, not confirmed)" in done.out
    assert backend.requests == []


def test_status_as_json(backend: FakeBackend, machine: Machine, session: Session) -> None:
    status = machine.run("status", "--json").json
    assert status == {
        "signed_in": True,
        "login": "ada",
        "api": backend.url,
        "source": str(machine.credentials),
        "kind": "session",
        "confirmed": True,
        "access_token_expires_at": machine.account()["access_token_expires_at"],
        "time_zone": None,
        "problem": None,
    }


@pytest.mark.parametrize(
    ("zone", "is_said"),
    [("America/New_York", True), ("Africa/Lagos", False), ("Africa/Algiers", False), ("No/Where", False)],
)
@pytest.mark.parametrize("command", ["whoami", "status", "calendar"])
def test_another_zone_of_the_account_is_said_once_without_a_request(
    backend: FakeBackend, machine: Machine, session: Session, command: str, zone: str, is_said: bool
) -> None:
    backend.answers["GET", "/api/v1/me"] = lambda query, body: (200, {"id": "1", "login": "ada", "time_zone": zone})
    backend.answers["GET", "/api/v1/bookings"] = lambda query, body: (200, {"results": []})
    done = machine.run(command)
    assert done.code == 0
    sentence = (
        f"Times are in Africa/Lagos as on this machine; your account uses {zone}. Set TZ={zone} to see them so.\n"
    )
    assert done.err == (sentence if is_said else "")
    assert backend.paths().count("/api/v1/me") == 1


def test_status_of_a_session_ended_elsewhere(machine: Machine, session: Session) -> None:
    session.revoked = True
    done = machine.run("status")
    assert done.code == 4
    assert "has ended" in done.err
    assert "insighta login" in done.err


def test_status_without_the_backend_says_what_is_stored(
    backend: FakeBackend, machine: Machine, session: Session
) -> None:
    backend.faults["*"] = ["always cut before"]
    done = machine.run("status")
    assert done.code == 1
    assert "ada (as stored, not confirmed)" in done.out
    assert "cannot be reached" in done.err


def test_token_as_json(backend: FakeBackend, machine: Machine, session: Session) -> None:
    stored = machine.account()
    assert machine.run("token", "--json").json == {
        "access_token": stored["access_token"],
        "expires_at": stored["access_token_expires_at"],
        "api": backend.url,
    }


def test_logout_ends_the_session_and_forgets_it(backend: FakeBackend, machine: Machine, session: Session) -> None:
    done = machine.run("logout")
    assert done.code == 0
    assert f"Signed out of {backend.url}, ada." in done.err
    assert session.revoked
    assert machine.account() == {}
    assert machine.run("status").code == 4


def test_logout_says_when_the_backend_could_not_be_told(
    backend: FakeBackend, machine: Machine, session: Session
) -> None:
    backend.faults["/oauth/revoke"] = ["always cut before"]
    done = machine.run("logout")
    assert done.code == 1
    assert "The backend could not be told" in done.err
    assert "insighta sessions revoke" in done.err
    assert not session.revoked
    assert machine.account() == {}


def test_logout_after_an_answer_was_lost_ends_the_session(
    backend: FakeBackend, machine: Machine, session: Session
) -> None:
    machine.store(backend.store_for(session, seconds_left=-5))
    backend.faults["/oauth/token"] = ["cut after", "cut before"]
    machine.run("token")
    assert machine.run("logout").code == 0
    assert session.revoked


def test_a_name_from_the_backend_cannot_act_on_the_terminal(backend: FakeBackend, machine: Machine) -> None:
    session = backend.sign_in("ada\x1b]0;owned\x07\u202e")
    machine.store(backend.store_for(session, seconds_left=150))
    for words in (["whoami"], ["status"], ["status", "--json"], ["whoami", "--json"]):
        done = machine.run(*words)
        assert "\x1b" not in done.out
        assert "\u202e" not in done.out


def test_a_redirect_does_not_take_the_token_along(backend: FakeBackend, machine: Machine, session: Session) -> None:
    with FakeBackend() as stranger:
        backend.faults["/api/v1/me"] = [f"redirect {stranger.url}/api/v1/me"]
        assert machine.run("whoami").code == 1
        assert stranger.requests == []
