"""The worked examples of docs/development.md, put into a copy of the tree and used; the walked request and its SQL."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.rotation_sql import rotation_statement
from tests.config.checkout import Checkout
from tests.config.conftest import LEFT_OUT
from tests.docs.pages import Page
from tests.people import HTTP, Browser
from tests.processes import ROOT, Live, Process, free_port

_TARGET = re.compile(r"(?:#|<!--) (?P<path>[\w/.]+)(?P<into>, into urlpatterns)?(?: -->)?\n")


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with the examples in it."""
    copy = Checkout(tmp_path_factory.mktemp("lesson") / "insighta")
    shutil.copytree(ROOT, copy.path, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for block in Page(ROOT / "docs/development.md").blocks:
        text = textwrap.dedent(block.text)
        target = _TARGET.match(text)
        if target:
            _put(copy.path / target["path"], text[target.end() :], is_addition=bool(target["into"]))
    return copy.path


def _put(file: Path, text: str, *, is_addition: bool) -> None:
    if not is_addition:
        assert not file.exists(), file
        file.write_text(text)
        return
    imports, _, entry = text.partition("\n\n")
    file.write_text(
        imports + "\n" + file.read_text().replace("urlpatterns = [", f"urlpatterns = [\n    {entry.strip()},")
    )


def test_the_examples_keep_the_rules(taught: Path) -> None:
    examples = [
        path for block in Page(ROOT / "docs/development.md").blocks
        if (found := _TARGET.match(textwrap.dedent(block.text))) and (path := found["path"]).endswith(".py")
    ]  # fmt: skip
    assert len(examples) == 8
    new = [path for path in examples if not path.endswith("urls.py")]
    ruff = [str(Path(sys.executable).parent / "ruff")]
    for command in ([*ruff, "check", *new], [*ruff, "format", "--check", *new]):
        done = subprocess.run(command, cwd=taught, capture_output=True, text=True, env=_clean())
        assert done.returncode == 0, done.stdout + done.stderr
    architecture = [sys.executable, "-m", "tests.architecture", "rules", "imports"]
    said = subprocess.run(architecture, cwd=taught, capture_output=True, text=True, env=_clean()).stdout
    # Whether the rest of the tree keeps the rules is another test's business.
    assert "rules: " in said
    assert [path for path in new if path in said or path.removesuffix(".py").replace("/", ".") in said] == [], said


def _clean() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "DEBUG": "true", "READ_DOT_ENV": "false"}


@contextlib.contextmanager
def _server(live: Live, tree: Path, room: str) -> Iterator[str]:
    """The address of one process of the product, run from this tree."""
    port = free_port()
    address = f"http://127.0.0.1:{port}" if room == "backend" else f"http://localhost:{port}"
    granian = [str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "--host", "127.0.0.1"]
    command = ["env", "-C", str(tree), *granian, "--port", str(port), "config.wsgi:application"]
    settings = {"DJANGO_SETTINGS_MODULE": f"config.settings.{room}"}
    process = Process(command, live.environment | settings, f"{address}/healthz")
    process.start(seconds=120)
    try:
        yield address
    finally:
        process.stop(signal.SIGKILL)


def test_the_endpoint_and_the_page_answer_whoever_may_see_them(live: Live, taught: Path) -> None:
    ada = Browser(live, "ada-of-the-lesson").sign_in()
    with _server(live, taught, "backend") as backend:
        answer = HTTP.get(f"{backend}/api/v1/balance", headers={"Authorization": f"Bearer {ada.access}"})
        assert (answer.status_code, answer.json()) == (200, {"credits": 5})
        assert HTTP.get(f"{backend}/api/v1/balance").status_code == 401
        assert "/api/v1/balance" in HTTP.get(f"{backend}/api/v1/schema").text
    with _server(live, taught, "portal") as portal:
        cookies = f"insighta_at={ada.access}; insighta_rt={ada.refresh}"
        page = HTTP.get(f"{portal}/balance", headers={"Cookie": cookies})
        assert '<p class="figure">5</p>' in page.text, page.text
        assert "<h1>Balance</h1>" not in HTTP.get(f"{portal}/balance").text


def test_the_command_reports(live: Live, taught: Path) -> None:
    Browser(live, "ada-of-the-lesson").sign_in()
    assert json.loads(_balance("ada-of-the-lesson --json", live, taught).stdout) == {"credits": 5}
    refused = _balance("nobody", live, taught)
    assert (refused.returncode, refused.stdout) == (1, b"")


def _balance(arguments: str, live: Live, taught: Path) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "manage.py", "balance", *arguments.split()]
    return subprocess.run(command, cwd=taught, env=live.environment, capture_output=True)


def test_the_walked_request_shows_the_statement_that_is_run() -> None:
    page = Page(ROOT / "docs/architecture.md")
    (shown,) = [block.text for block in page.blocks if block.language == "sql"]
    assert shown.split() == rotation_statement().split()


def test_the_walked_request_names_functions_that_are_there() -> None:
    walk = Page(ROOT / "docs/architecture.md").text.partition("## One request")[2]
    pairs = re.findall(r"`(\w+)`(?:,[^,`]*,)? (?:there|in `([\w/]+\.py)`)", walk)
    named = [(function, file) for function, file in pairs if file]
    assert len(named) >= 5
    assert [pair for pair in named if f"def {pair[0]}(" not in (ROOT / pair[1]).read_text()] == []
