"""The installed command and the real product: sign-in in Chromium, refresh, the device flow, sessions and tokens."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from cli.accounts import read_claims
from tests.cli.people import approve, find_url, sign_in
from tests.cli.terminals import Machine
from tests.people import HTTP
from tests.portal import browsers
from tests.processes import Live

NOBODYS = "019a0000-0000-7000-8000-00000000000a"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browsers.chromium() as browser:
        yield browser


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = browsers.context_for(chromium)
    yield context.new_page()
    context.close()


@pytest.fixture
def machine(installation: Path, live: Live, tmp_path: Path) -> Machine:
    """A new machine, pointed at the real backend."""
    return Machine(installation / "insighta", tmp_path, live.backend_url)


@pytest.fixture
def ada(installation: Path, live: Live, tmp_path: Path) -> Machine:
    """Ada's machine, signed in."""
    return sign_in(installation, tmp_path, live.backend_url, "ada")


def expire(machine: Machine) -> None:
    """As if three minutes had passed here."""
    text = machine.credentials.read_text()
    expires_at = machine.account()["access_token_expires_at"]
    machine.credentials.write_text(text.replace(expires_at, "2020-01-01T00:00:00Z"))


def walk_to_confirmation(page: Page, url: str, login: str) -> None:
    page.goto(url)
    page.locator("[name=login]").fill(login)
    page.locator("[name=login]").press("Enter")
    page.locator("button[name=decision]").first.wait_for()


@pytest.mark.browser
def test_a_person_signs_the_terminal_in_with_chromium(machine: Machine, page: Page) -> None:
    with machine.terminal("login", "--no-browser", "--port", "0") as terminal:
        walk_to_confirmation(page, find_url(terminal), "ada-lovelace")
        assert "Insighta CLI on" in page.content()
        page.locator("button[name=decision][value=approve]").click()
        page.get_by_text("You can use the terminal again").wait_for()
        assert urlsplit(page.url).path == "/done"
        assert urlsplit(page.url).query == ""
        assert page.get_by_role("heading").inner_text() == "You are signed in as ada-lovelace"
        assert terminal.end() == 0
    assert "insr_" not in terminal.text
    assert machine.run("whoami").out == "ada-lovelace\n"
    assert machine.run("status").code == 0


@pytest.mark.browser
def test_a_person_says_no_in_chromium(machine: Machine, page: Page) -> None:
    with machine.terminal("login", "--no-browser", "--port", "0") as terminal:
        walk_to_confirmation(page, find_url(terminal), "ada-lovelace")
        page.locator("button[name=decision][value=deny]").click()
        page.get_by_text("You are not signed in").wait_for()
        assert terminal.end() == 2
    assert machine.run("whoami").code == 4


def test_the_printed_token_works_with_curl_and_is_renewed(ada: Machine, live: Live) -> None:
    before = ada.account()
    expire(ada)
    token = ada.run("token").out.strip()
    answer = HTTP.get(f"{live.backend_url}/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["login"] == "ada"
    assert ada.account()["refresh_token"] != before["refresh_token"]


def test_an_interrupted_refresh_is_finished_by_the_next_command(ada: Machine, live: Live) -> None:
    """The backend has rotated with the key that is on disk, and its answer never arrived."""
    stored = ada.account()
    text = ada.credentials.read_text().replace('"retry_key": null', f'"retry_key": "{"k" * 43}"')
    ada.credentials.write_text(text)
    form = {"grant_type": "refresh_token", "client_id": "insighta-cli", "refresh_token": stored["refresh_token"]}
    lost = HTTP.post(f"{live.backend_url}/oauth/token", data=form, headers={"Idempotency-Key": "k" * 43}).json()
    expire(ada)
    assert ada.run("whoami").out == "ada\n"
    assert ada.account()["refresh_token"] == lost["refresh_token"]


def test_twenty_terminals_at_once_stay_signed_in(ada: Machine) -> None:
    expire(ada)
    processes = [ada.start("whoami") for _ in range(20)]
    answers = [process.communicate(timeout=120) for process in processes]
    assert {out for out, _ in answers} == {"ada\n"}


def test_a_copied_refresh_token_ends_the_session_and_the_terminal_says_so(ada: Machine, live: Live) -> None:
    form = {"grant_type": "refresh_token", "client_id": "insighta-cli", "refresh_token": ada.account()["refresh_token"]}
    expire(ada)
    assert ada.run("token").code == 0
    HTTP.post(f"{live.backend_url}/oauth/token", data=form, headers={"Idempotency-Key": "m" * 43})
    done = ada.run("whoami")
    assert done.code == 4
    assert "Sign in again: insighta login" in done.err
    assert "insr_" not in done.err


def test_logout_ends_the_session_at_the_backend(ada: Machine, live: Live) -> None:
    token = ada.run("token").out.strip()
    assert ada.run("logout").code == 0
    answer = HTTP.get(f"{live.backend_url}/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


def test_a_second_terminal_signs_in_with_a_code(ada: Machine, live: Live, installation: Path, tmp_path: Path) -> None:
    other = Machine(installation / "insighta", tmp_path / "other", live.backend_url)
    other.home.mkdir()
    with other.terminal("login", "--device") as terminal:
        code = terminal.see(r"Code +([B-Z]{4}-[B-Z]{4})")[1]
        assert terminal.see(r"Open +(\S+)")[1] == f"{live.portal_url}/device"
        headers = {"Authorization": f"Bearer {ada.run('token').out.strip()}"}
        answer = HTTP.post(f"{live.backend_url}/api/v1/device-requests/{code}/approve", headers=headers)
        assert answer.is_success, answer.text
        assert terminal.end() == 0
    assert other.run("whoami").out == "ada\n"


def test_sessions_are_listed_and_ended(ada: Machine, live: Live, installation: Path, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    second = sign_in(installation, tmp_path / "second", live.backend_url, "ada")
    sessions = second.run("sessions", "list", "--json").json
    current = next(session for session in sessions if session["current"])
    listed = second.run("sessions", "list").out
    assert f"Insighta CLI on {current['label'].removeprefix('Insighta CLI on ')}" in listed
    assert listed.count("this one") == 1
    assert second.run("sessions", "revoke", "--others").code == 0
    assert ada.run("whoami").code == 4
    assert second.run("whoami").code == 0
    done = second.run("sessions", "revoke", current["id"][:23])
    assert done.code == 0
    assert "you are signed out here" in done.err
    assert second.run("whoami").code == 4


def test_tokens_are_made_used_and_revoked(ada: Machine) -> None:
    made = ada.run("tokens", "create", "nightly report", "--days", "7")
    assert made.code == 0
    assert made.out.startswith("insp_")
    assert "insp_" not in made.err
    secret = made.out.strip()
    assert ada.run("whoami", INSIGHTA_TOKEN=secret).out == "ada\n"
    refused = ada.run("tokens", "create", "more", INSIGHTA_TOKEN=secret)
    assert refused.code == 1
    assert "A personal access token cannot do this" in refused.err
    assert "--scope bookings:write" in ada.run("book", NOBODYS, INSIGHTA_TOKEN=secret).err
    assert ada.run("applications", "--json").code == 0
    assert "sign in without it: insighta login" in ada.run("applications", INSIGHTA_TOKEN=secret).err
    listed = ada.run("tokens", "list").out
    assert "nightly report" in listed
    assert secret not in listed
    token_id = ada.run("tokens", "list", "--json").json[0]["id"]
    assert ada.run("tokens", "revoke", token_id[:12]).code == 0
    done = ada.run("whoami", INSIGHTA_TOKEN=secret)
    assert done.code == 4
    assert secret not in done.err


def test_an_old_sign_in_is_replaced_before_it_makes_a_token(ada: Machine, live: Live) -> None:
    before = ada.account()
    with live.connect() as connection:
        session = read_claims(before["access_token"])["sid"]
        connection.execute("UPDATE tokens_session SET auth_time = now() - interval '1 hour' WHERE id = %s", [session])
    refused = ada.run("tokens", "create", "late")
    assert refused.code == 4
    assert "insighta login" in refused.err
    with ada.terminal("tokens", "create", "late", BROWSER="true") as terminal:
        approve(find_url(terminal), "ada")
        assert terminal.end() == 0, terminal.plain
    secret = re.search(r"^insp_\w+$", terminal.plain, re.MULTILINE)
    assert secret
    assert ada.run("whoami", INSIGHTA_TOKEN=secret[0]).out == "ada\n"
    form = {"grant_type": "refresh_token", "client_id": "insighta-cli", "refresh_token": before["refresh_token"]}
    assert HTTP.post(f"{live.backend_url}/oauth/token", data=form).status_code == 400
    assert ada.run("whoami").out == "ada\n"


def test_another_persons_things_are_not_there(ada: Machine, live: Live, installation: Path, tmp_path: Path) -> None:
    (tmp_path / "mallory").mkdir()
    mallory = sign_in(installation, tmp_path / "mallory", live.backend_url, "mallory")
    session_id = next(s["id"] for s in ada.run("sessions", "list", "--json").json if s["current"])
    assert mallory.run("sessions", "revoke", session_id).code == 1
    assert ada.run("whoami").out == "ada\n"


def test_the_doctor_finds_nothing_wrong(ada: Machine) -> None:
    done = ada.run("doctor", "--json")
    assert done.code == 0
    assert {finding["level"] for finding in done.json} <= {"ok", "warning"}
