"""Every `sh` block of every page is typed here, from the top of the page to its end, as an operator would.

The place is a copy of the tree beside a running product with the demo's people, the environment a sound deployment's.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import CommandServer
from tests.config.checkout import Checkout
from tests.config.conftest import LEFT_OUT
from tests.config.test_checks import SOUND
from tests.docs.pages import Block, Page, list_pages
from tests.processes import ROOT, Live

# What a page leaves to its reader, in capitals.
PLACEHOLDERS = {"LOGIN": "ada", "SOMEBODY": "linus", "LEAVER": "margaret", "HOST": "grace"}
SECONDS = 150


@pytest.fixture(scope="module")
def installation() -> Iterator[Live]:
    """A product in which everybody of the demo is, with the secrets of the sound deployment."""
    secrets = {name: SOUND[name] for name in ("SECRET_KEY", "TOKEN_KEY", "PORTAL_CLIENT_SECRET")}
    with Live(workers=1, **secrets) as product:
        product.manage("seed_demo")
        yield product


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = Checkout(tmp_path_factory.mktemp("operator") / "insighta")
    shutil.copytree(ROOT, copy.path, ignore=shutil.ignore_patterns(*LEFT_OUT))
    copy.borrow_packages()
    return copy.path


@pytest.fixture(scope="module")
def environment(installation: Live, place: Path) -> dict[str, str]:
    """An operator's shell: the deployment's variables, the programs of the virtual environment, a token of ada's."""
    scopes = [word for scope in ("account:read", "bookings:read", "bookings:write") for word in ("--scope", scope)]
    token = installation.manage("create_token", "ada", "--name", "pages", *scopes).strip()
    return {
        **SOUND,
        "DATABASE_URL": installation.database_url,
        "READ_DOT_ENV": "false",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(place.parent),
        "TMPDIR": str(place.parent),
        "INSIGHTA_API": installation.backend_url,
        "INSIGHTA_TOKEN": token,
        "INSIGHTA_HOME": str(place.parent / "home"),
        "NO_COLOR": "1",
    }


@pytest.fixture(scope="module")
def shell(environment: dict[str, str], place: Path) -> Iterator[dict[str, str]]:
    """The same, where `python manage.py` in this environment is answered by a process that has started already."""
    server, programs = CommandServer(environment, directory=place), place.parent / "programs"
    values = {"python": sys.executable, "commands": place / "tests/commands.py", "address": server.start()}
    programs.mkdir()
    stand_in = programs / "python"
    stand_in.write_text(_STAND_IN.format(**values))
    stand_in.chmod(0o755)
    yield {**environment, "PATH": f"{programs}:{environment['PATH']}"}
    server.stop()


# Another settings module, or DEBUG, is not what the process has started with.
_STAND_IN = """#!/bin/sh
if [ "$1" = manage.py ] && [ -z "$DJANGO_SETTINGS_MODULE" ] && [ -z "$DEBUG" ]; then
    exec '{python}' -E -S '{commands}' run '{address}' "$@"
fi
exec '{python}' "$@"
"""


@pytest.mark.parametrize("page", [page for page in list_pages() if page.scripts], ids=lambda page: page.name)
def test_the_commands_of_a_page_work_in_their_order(page: Page, place: Path, shell: dict[str, str]) -> None:
    for block in page.scripts:
        done = _type(block, place, shell)
        where = f"{page.name}:{block.line} ended with {done.returncode}\n{done.stdout}{done.stderr}"
        assert done.returncode == block.exit_code, where
        assert "Traceback" not in done.stderr, where


def _type(block: Block, place: Path, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    script = re.sub(rf"\b({'|'.join(PLACEHOLDERS)})\b", lambda found: PLACEHOLDERS[found[1]], block.text)
    process = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", script],
        env=environment,
        cwd=place,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        printed, said = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        # What the block has started goes with it.
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return subprocess.CompletedProcess(script, process.returncode, printed, said)


def test_every_page_with_commands_is_typed() -> None:
    assert {page.name for page in list_pages() if page.scripts} >= {"docs/operations.md", "docs/incidents.md"}


# The sections whose blocks need more than a running product, and the test that runs them as printed. No mail is sent.
ELSEWHERE = {
    "The primary is gone": "tests/failover/test_failover.py",
    "A certificate has ended": "tests/deploy/test_proxy.py",
}
NOT_RUN = {"Mail does not go out"}


def test_each_incident_is_commands_and_a_test_runs_every_one() -> None:
    page = Page(ROOT / "docs" / "incidents.md")
    sections = re.split(r"^## ", page.text, flags=re.MULTILINE)[1:]
    blocks = {text.partition("\n")[0]: re.findall(r"^ *```(sh|console)\n", text, re.MULTILINE) for text in sections}
    assert [heading for heading, found in blocks.items() if not found] == []
    assert {heading for heading, found in blocks.items() if "console" in found} == ELSEWHERE.keys() | NOT_RUN
    for heading, file in ELSEWHERE.items():
        assert f'command_of("incidents.md", "{heading}"' in (ROOT / file).read_text()


def test_a_command_that_fails_and_a_block_that_nobody_runs_are_noticed(place: Path) -> None:
    page = Page(place / "page.md")
    page.path.write_text("# x\n\n```sh\ntrue\nfalse\n```\n\n```\nls\n```\n\n```sh exit=3\nexit 3\n```\n")
    shell = {"PATH": os.environ["PATH"]}
    assert [_type(block, place, shell).returncode for block in page.scripts] == [1, 3]
    assert [block.exit_code for block in page.scripts] == [0, 3]
    assert [block.language for block in page.blocks] == ["sh", "", "sh"]
