import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import ACCESS_TOKEN_SECONDS
from tests.people import HTTP
from tests.portal.browsers import Contexts, fill_in_github
from tests.processes import ROOT, Live, free_port, wait_until

pytestmark = pytest.mark.browser


class Terminal:
    """One terminal of one person: a home of its own, and a browser command that only writes the address down."""

    def __init__(self, live: Live, home: Path) -> None:
        self.home = home
        self.page = home / "address"
        opener = home / "opener"
        opener.write_text(f'#!/bin/sh\nprintf %s "$1" > {self.page}\n')
        opener.chmod(0o700)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "INSIGHTA_HOME": str(home / ".insighta"),
            "INSIGHTA_API": live.backend_url,
            "BROWSER": str(opener),
        }

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "cli", *arguments]
        return subprocess.Popen(
            command,
            env=self.environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def opened_address(self) -> str:
        """The address that the command handed to the browser."""
        wait_until(lambda: self.page.exists() and bool(self.page.read_text()), tell=lambda: "no browser was opened")
        return self.page.read_text()


def test_a_person_signs_in_a_terminal_works_and_signs_out(quick_live: Live, contexts: Contexts, tmp_path: Path) -> None:
    terminal = Terminal(quick_live, tmp_path)
    login = terminal.start("login", "--port", str(free_port()))
    page = contexts().new_page()
    page.goto(terminal.opened_address())
    fill_in_github(page, "ada-terminal")
    expect(page.get_by_role("heading")).to_contain_text("Insighta CLI")
    expect(page.get_by_role("main")).to_contain_text("ada-terminal")
    page.get_by_role("button", name="Sign in as ada-terminal").click()
    page.wait_for_url("http://127.0.0.1:*/**")
    expect(page.locator("body")).to_contain_text("terminal")
    assert "code=" not in page.url
    out, err = login.communicate(timeout=120)
    assert login.returncode == 0, err
    assert "insr_" not in out + err

    credentials = tmp_path / ".insighta" / "credentials.json"
    assert credentials.stat().st_mode & 0o777 == 0o600
    stored = json.loads(credentials.read_text())["accounts"][quick_live.backend_url]
    assert stored["login"] == "ada-terminal"

    assert terminal.run("whoami") == (0, "ada-terminal\n", "")
    time.sleep(ACCESS_TOKEN_SECONDS + 1)
    code, token, _ = terminal.run("token")
    assert code == 0
    assert call_me(quick_live, token.strip()) == 200
    assert terminal.run("status")[0] == 0

    assert terminal.run("logout")[0] == 0
    assert call_me(quick_live, token.strip()) == 401
    code, out, err = terminal.run("whoami")
    assert (code, out) == (4, "")
    assert "insighta login" in err


def test_the_confirmation_page_may_not_be_framed(quick_live: Live, contexts: Contexts, tmp_path: Path) -> None:
    terminal = Terminal(quick_live, tmp_path)
    login = terminal.start("login", "--port", str(free_port()))
    page = contexts().new_page()
    page.goto(terminal.opened_address())
    fill_in_github(page, "ada-framed")
    expect(page.get_by_role("button", name="Sign in as ada-framed")).to_be_visible()
    confirmation = page.url
    page.goto(f"{quick_live.github_url}/login/oauth/authorize")
    page.evaluate("address => { document.body.innerHTML = `<iframe src='${address}'></iframe>` }", confirmation)
    page.wait_for_timeout(500)
    framed = next(frame for frame in page.frames if frame != page.main_frame)
    assert urlsplit(framed.url).path != urlsplit(confirmation).path or not framed.query_selector("form")
    login.terminate()
    login.wait(timeout=120)


def call_me(live: Live, token: str) -> int:
    """The status of `GET /api/v1/me` with this token."""
    headers = {"Authorization": f"Bearer {token}"}
    return HTTP.get(f"{live.backend_url}/api/v1/me", headers=headers).status_code
