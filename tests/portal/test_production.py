"""The portal as it is deployed: DEBUG off, static files collected, secrets of its own."""

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.people import HTTP
from tests.portal.conftest import Portal, running
from tests.portal.fake_backend import FakeBackend
from tests.portal.sample import fill
from tests.processes import ROOT

SECRETS = {
    name: name.ljust(40, "x") for name in ("SECRET_KEY", "TOKEN_KEY", "PORTAL_CLIENT_SECRET", "PORTAL_RETRY_KEY")
}


@pytest.fixture(scope="module")
def deployed() -> Iterator[Portal]:
    backend = FakeBackend()
    fill(backend, datetime.now(UTC))
    portal = Portal(backend, DEBUG="false", ALLOWED_HOSTS="localhost", **SECRETS)
    collect = [sys.executable, "manage.py", "collectstatic", "--noinput", "-v0"]
    subprocess.run(collect, cwd=ROOT, env=portal.process.environment, check=True)
    with running(portal):
        yield portal
    backend.close()


@pytest.mark.parametrize("path", ["/", "/slots"])
def test_the_files_of_a_first_visit_stay_in_the_browser(deployed: Portal, path: str) -> None:
    browser = deployed.signed_in()
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', browser.get(path).text)
    assert len(files) >= 4
    assert {browser.get(one).headers["Cache-Control"] for one in files} == {"max-age=315360000, public, immutable"}


def test_django_s_own_refusals_are_our_pages(deployed: Portal) -> None:
    wrong_host = HTTP.get(deployed.url, headers={"Host": "evil.example"})
    assert wrong_host.status_code == 400
    assert "We could not read that request" in wrong_host.text
    too_large = deployed.browser().post("/settings", content=b"x" * 70_000, headers={"Content-Type": "text/plain"})
    assert too_large.status_code in {400, 403, 413}
    assert "Traceback" not in too_large.text
