"""Other people's OAuth clients as child processes: they ask for a browser or an approval, a `Browser` answers."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.people import PORTAL_SECRET, Browser, call

FOLDER = Path(__file__).parent / "clients"
STAMP = FOLDER / "node_modules" / ".installed-from"


def install_node_clients() -> None:
    """`npm ci`, once for each lock file. Without Node.js the test that asked is skipped."""
    if shutil.which("npm") is None:
        pytest.skip("Node.js with npm is not installed; on Debian: apt-get install nodejs npm")
    wanted = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    STAMP.write_text(wanted)


def run_node_client(script: str, browser: Browser, approver: str = "", *arguments: str) -> dict[str, Any]:
    """What the script reports. `browser` opens its pages; the holder of access token `approver` approves its device."""
    portal_callback = f"{browser.live.portal_url}/auth/callback"
    command = ["node", script, browser.live.backend_url, portal_callback, PORTAL_SECRET, *arguments]
    with subprocess.Popen(
        command, cwd=FOLDER, env=_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in process.stdout:
            question = json.loads(line)
            if "result" in question:
                return dict(question["result"])
            process.stdin.write(json.dumps(_answer(question, browser, approver)) + "\n")
            process.stdin.flush()
    raise AssertionError(f"{script} ended with {process.returncode} and no report")


def open_in_browser(browser: Browser, url: str) -> str:
    """Sign in at this authorize address as the person would; the redirect that the client is given."""
    (redirect_uri,) = parse_qs(urlsplit(url).query)["redirect_uri"]
    response = browser.follow(browser.get(url), until=redirect_uri)
    if not response.is_redirect:
        response = browser.submit(response, decision="approve")
    return str(response.headers["location"])


def approve_device(browser: Browser, approver: str, user_code: str) -> None:
    """Approve a device sign-in, and let its next poll be on time."""
    approved = call(browser.live, f"/device-requests/{user_code}/approve", approver, "POST")
    assert approved.status_code == 200, approved.text
    with browser.live.connect() as connection:
        connection.execute("UPDATE tokens_devicegrant SET last_polled_at = NULL WHERE status = 'approved'")


def _answer(question: dict[str, str], browser: Browser, approver: str) -> dict[str, str]:
    if "approve" in question:
        approve_device(browser, approver, question["approve"])
        return {}
    return {"redirect": open_in_browser(browser, question["open"])}


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
