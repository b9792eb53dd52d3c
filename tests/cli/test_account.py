"""`status`, `whoami`, `token`, `logout`, and several people on one machine."""

import json
from typing import Any

import pytest

from tests.cli.fake_backend import FakeBackend, Session, person_id
from tests.cli.terminals import Pointed


def test_signed_out_everywhere(machine: Pointed) -> None:
    for words in (["status"], ["status", "--offline"], ["token"], ["whoami"]):
        done = machine.run(*words)
        assert done.code == 4, words
        assert "insighta login" in done.err
    assert machine.run("status", "--json").json["signed_in"] is False
    assert machine.run("logout").code == 0
    assert machine.run("switch").code == 4


def test_status_tells_who_where_until_when_and_how(ada: Pointed) -> None:
    done = ada.run("status")
    assert done.code == 0
    assert "ada (confirmed by the backend)" in done.out
    assert ada.api in done.out
    assert "30 days without use and 90 days in all" in done.out
    assert f"{ada.credentials} (readable by you only)" in done.out
    for absent in ("minutes", "insr_", "eyJ", "Also"):
        assert absent not in done.out
    assert "(Africa/Lagos), in 2 minutes" in ada.run("status", "--verbose").out


def test_status_offline_asks_nobody(ada: Pointed) -> None:
    done = ada.run("status", "--offline")
    assert done.code == 0
    assert "ada (as stored, not confirmed)" in done.out
    assert ada.backend.requests == []


def test_status_as_json(ada: Pointed) -> None:
    assert ada.run("status", "--json").json == {
        "signed_in": True,
        "login": "ada",
        "api": ada.api,
        "source": str(ada.credentials),
        "kind": "session",
        "confirmed": True,
        "access_token_expires_at": ada.account()["access_token_expires_at"],
        "time_zone": None,
        "problem": None,
        "accounts": [{"api": ada.api, "login": "ada", "id": person_id("ada"), "current": True}],
    }


@pytest.mark.parametrize(
    ("zone", "is_said"),
    [("America/New_York", True), ("Africa/Lagos", False), ("Africa/Algiers", False), ("No/Where", False)],
)
@pytest.mark.parametrize("command", ["whoami", "status", "calendar"])
def test_another_zone_of_the_account_is_said_once_without_a_request(
    ada: Pointed, command: str, zone: str, is_said: bool
) -> None:
    ada.backend.answer("/me", {"id": "1", "login": "ada", "time_zone": zone})
    ada.backend.answer("/bookings", {"results": []})
    done = ada.run(command)
    assert done.code == 0
    sentence = f"Times are in Africa/Lagos as on this machine; your account uses {zone}. Set TZ={zone} to see them so."
    assert done.err == (f"{sentence}\n" if is_said else "")
    assert ada.backend.paths().count("/api/v1/me") == 1


def test_status_of_a_session_ended_elsewhere(ada: Pointed) -> None:
    ada.session.revoked = True
    done = ada.run("status")
    assert done.code == 4
    assert "has ended" in done.err
    assert "insighta login" in done.err


def test_status_without_the_backend_says_what_is_stored(ada: Pointed) -> None:
    ada.backend.faults["*"] = ["always cut before"]
    done = ada.run("status")
    assert done.code == 1
    assert "ada (as stored, not confirmed)" in done.out
    assert "cannot be reached" in done.err


def test_token_as_json(ada: Pointed) -> None:
    stored = ada.account()
    expected = {"access_token": stored["access_token"], "expires_at": stored["access_token_expires_at"], "api": ada.api}
    assert ada.run("token", "--json").json == expected


def test_logout_ends_the_session_and_forgets_it(ada: Pointed) -> None:
    done = ada.run("logout")
    assert done.code == 0
    assert f"Signed out of {ada.api}, ada." in done.err
    assert ada.session.revoked
    assert ada.account() == {}
    assert ada.run("status").code == 4


def test_logout_says_when_the_backend_could_not_be_told(ada: Pointed) -> None:
    ada.backend.faults["/oauth/revoke"] = ["always cut before"]
    done = ada.run("logout")
    assert done.code == 1
    assert "The backend could not be told" in done.err
    assert "insighta sessions revoke" in done.err
    assert not ada.session.revoked
    assert ada.account() == {}


def test_a_page_of_the_network_ends_no_session(ada: Pointed) -> None:
    ada.backend.faults["*"] = ["always html"]
    assert ada.run("sessions", "revoke", "--others").code == 1
    assert ada.run("logout").code == 1
    assert not ada.session.revoked


def test_logout_after_an_answer_was_lost_ends_the_session(stale: Pointed) -> None:
    stale.backend.faults["/oauth/token"] = ["cut after", "cut before"]
    stale.run("token")
    assert stale.run("logout").code == 0
    assert stale.session.revoked


def test_a_redirect_does_not_take_the_token_along(ada: Pointed) -> None:
    with FakeBackend() as stranger:
        ada.backend.faults["/api/v1/me"] = [f"redirect {stranger.url}/api/v1/me"]
        done = ada.run("whoami")
        assert done.code == 1
        assert "leads to 127.0.0.1 (status 307)" in done.err
        assert stranger.requests == []


def test_a_token_that_may_not_read_its_account_is_confirmed_has_no_login_and_works(machine: Pointed) -> None:
    backend = machine.backend
    backend.personal_tokens["insp_narrow"] = "ada"
    backend.answer("/me", {"code": "permission_denied", "detail": "Not with this token."}, status=403)
    backend.answer("/bookings", {"results": []})
    assert machine.run("login", CI="1", INSIGHTA_TOKEN="insp_narrow").code == 0
    status = machine.run("status", "--json", INSIGHTA_TOKEN="insp_narrow")
    assert (status.code, status.json["confirmed"], status.json["login"]) == (0, True, None)
    assert machine.run("login", "--with-token", typed="insp_narrow\n").code == 0
    assert "a token that may not read whose it is (confirmed" in machine.run("status").out
    assert machine.run("calendar").code == 0
    assert machine.run("bookings", "--json").json == []


# Several people on one machine


def login(machine: Pointed, person: str, *words: str) -> Session:
    machine.backend.device |= {"decision": "approve", "login": person}
    done = machine.run("login", *words, "--device")
    assert done.code == 0, done.err
    return machine.backend.sessions[-1]


def content(machine: Pointed) -> dict[str, Any]:
    return dict(json.loads(machine.credentials.read_text()))


def test_a_second_person_ends_nobody_and_each_can_be_chosen(machine: Pointed) -> None:
    ada = login(machine, "ada")
    grace = login(machine, "grace")
    assert not ada.revoked
    assert machine.run("whoami").out == "grace\n"
    assert machine.run("whoami", "--account", "ada").out == "ada\n"
    assert machine.run("whoami", INSIGHTA_ACCOUNT=person_id("ada")).out == "ada\n"
    assert machine.run("whoami", "--account", "grace", INSIGHTA_ACCOUNT="ada").out == "grace\n"
    assert "Also here  ada (to act as them: insighta switch ada)" in machine.run("status").out
    assert "Commands act as ada" in machine.run("switch").err
    assert machine.run("whoami").out == "ada\n"
    done = machine.run("switch", "mallory")
    assert done.code == 4
    assert "ada, grace" in done.err
    assert set(content(machine)["others"][machine.api]) == {person_id("grace")}
    assert machine.run("logout").code == 0
    assert (ada.revoked, grace.revoked) == (True, False)
    assert machine.run("whoami").out == "grace\n"


def test_signing_in_again_replaces_the_same_person_only(machine: Pointed) -> None:
    first, grace, second = login(machine, "ada"), login(machine, "grace"), login(machine, "ada")
    assert (first.revoked, grace.revoked, second.revoked) == (True, False, False)
    assert machine.run("whoami", "--account", "grace").out == "grace\n"


def test_a_flag_goes_before_the_token_and_the_token_before_the_variable(ada: Pointed) -> None:
    ada.backend.personal_tokens["insp_robot"] = "robot"
    assert ada.run("whoami", INSIGHTA_ACCOUNT="grace").code == 4
    ada.variables |= {"INSIGHTA_TOKEN": "insp_robot", "INSIGHTA_ACCOUNT": "ada"}
    assert ada.run("whoami").out == "robot\n"
    assert ada.run("whoami", "--account", "ada").out == "ada\n"


def test_the_token_of_another_account_is_renewed_in_its_place(machine: Pointed) -> None:
    ada, grace = login(machine, "ada"), login(machine, "grace")
    stored = content(machine)
    stored["others"][machine.api][person_id("ada")] |= {"access_token_expires_at": "2020-01-01T00:00:00Z", "kept": "x"}
    machine.store(stored)
    assert machine.run("whoami", "--account", "ada").out == "ada\n"
    now = content(machine)
    assert now["others"][machine.api][person_id("ada")]["refresh_token"] == ada.refresh_token
    assert now["others"][machine.api][person_id("ada")]["kept"] == "x"
    assert (ada.rotations, grace.rotations) == (1, 0)
    assert now["accounts"] == stored["accounts"]


def test_with_three_people_the_next_one_has_to_be_named(machine: Pointed) -> None:
    for person in ("ada", "grace", "linus"):
        login(machine, person)
    done = machine.run("switch")
    assert done.code == 2
    assert "Signed in: linus, ada, grace" in done.err
    assert machine.run("switch", "ADA").code == 0
    assert machine.run("whoami").out == "ada\n"


def test_a_name_that_a_shell_could_act_on_is_not_suggested(machine: Pointed) -> None:
    login(machine, "$(touch made)")
    done = machine.run("whoami", "--account", "nobody")
    assert done.code == 4
    assert f"insighta switch {person_id('$(touch made)')}" in done.err
    assert "$(" not in done.err


def test_two_people_with_one_name_are_told_apart_by_id(machine: Pointed) -> None:
    login(machine, "ada")
    login(machine, "grace")
    stored = content(machine)
    stored["accounts"][machine.api]["login"] = "ada"
    machine.store(stored)
    done = machine.run("token", "--account", "ada")
    assert done.code == 2
    assert person_id("ada") in done.err
    assert machine.run("whoami", "--account", person_id("grace")).out == "grace\n"


def test_an_older_command_beside_loses_nothing(machine: Pointed) -> None:
    """It reads and writes `accounts` alone and keeps what it does not know."""
    login(machine, "ada", machine.api)
    login(machine, "grace")
    older = machine.backend.store_for(machine.backend.sign_in("grace"))
    machine.store(content(machine) | {"accounts": older["accounts"]})
    assert machine.run("whoami").out == "grace\n"
    assert machine.run("whoami", "--account", "ada").out == "ada\n"
    assert content(machine)["default"] == machine.api
    machine.store(content(machine) | {"accounts": {}})
    done = machine.run("whoami")
    assert done.code == 4
    assert "insighta switch ada" in done.err
    assert machine.run("switch").code == 0
    assert machine.run("whoami").out == "ada\n"


def test_login_with_an_address_is_remembered_and_the_variable_goes_before_it(machine: Pointed) -> None:
    own, machine.api = machine.api, ""
    login(machine, "ada", own)
    assert machine.run("whoami").out == "ada\n"
    assert machine.run("status", "--json").json["api"] == own
    done = machine.run("status", "--offline", INSIGHTA_API="https://api.example.com")
    assert f"Also at    {own} (ada)" in done.out
    assert done.code == 4


def test_a_default_that_is_no_address_is_left_out(machine: Pointed) -> None:
    machine.api = ""
    for default in ("https://$(touch x)", 5, "", "http://"):
        machine.store({"version": 1, "accounts": {}, "default": default})
        assert machine.run("status", "--json", "--offline").json["api"] == "http://127.0.0.1:8000"
