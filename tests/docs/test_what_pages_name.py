"""Links, files, make targets, commands and variables that a page names are there."""

import re
import shlex
from functools import cache
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class
from prometheus_client import Counter, Histogram

from config.observability.metrics import collector, counters
from tests.docs import configuration_page
from tests.docs.pages import Block, Page, list_pages
from tests.processes import ROOT

PAGES = pytest.mark.parametrize("page", list_pages(), ids=lambda page: page.name)
LANGUAGES = {"sh", "console", "json", "ini", "python", "html", "text", "yaml", "sql", "nginx", "toml", "http"}
OPERATIONS = (ROOT / "docs/operations.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))
# A word between backticks is a path of this tree where it begins with one of its rooms, or is a page.
ROOMS = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))}
_PATH = re.compile(r"(?:\./)?([A-Za-z_][\w.-]*(?:/[\w.-]+)*/?)")
_VARIABLE = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")


@PAGES
def test_links_lead_somewhere(page: Page) -> None:
    for link in page.links:
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.path.parent / name).resolve() if name else page.path
        assert target.exists(), link
        if anchor:
            assert anchor in Page(target).anchors, link


@PAGES
def test_files_that_are_named_exist(page: Page) -> None:
    words = [word for code in page.code for word in _words(code)]
    words += [word for block in _shell(page) for command in block.commands for word in _words(command)]
    missing = [word for word in words if _is_of_this_tree(word) and not _exists(word)]
    assert missing == []


def _is_of_this_tree(word: str) -> bool:
    found = _PATH.fullmatch(word)
    return bool(found) and "/" in word and word.removeprefix("./").partition("/")[0] in ROOMS


def _exists(word: str) -> bool:
    """As a file, a directory or a pattern; what a command makes, and git leaves out, need not be there."""
    name = word.removeprefix("./")
    made = [line for line in (ROOT / ".gitignore").read_text().splitlines() if line.endswith("/")]
    return (ROOT / name).exists() or bool(list(ROOT.glob(name))) or name.startswith(tuple(made))


@PAGES
def test_make_targets_that_are_named_exist(page: Page) -> None:
    named = re.findall(
        r"(?:^|`|\s)make ([a-z][a-z-]+)(?=[`\s]|$)", "\n".join([*map(_ticked, page.code), *_lines(page)])
    )
    assert set(named) - TARGETS == set()


def _ticked(code: str) -> str:
    return f"`{code}`"


@PAGES
def test_management_commands_that_are_named_exist_with_their_options(page: Page) -> None:
    known = get_commands()
    for line in [*page.code, *_lines(page)]:
        found = re.search(r"manage\.py ([a-z_]+)((?: +\S+)*)", line)
        if not found or f"management/commands/{found[1]}.py" in page.text:
            continue
        assert found[1] in known, line
        flags = set(re.findall(r"(?<=\s)--[a-z-]+", found[2]))
        if found[1] != "procrastinate":
            app = known[found[1]]
            command = load_command_class(app, found[1]) if isinstance(app, str) else app
            parser = command.create_parser("manage.py", found[1])
            assert flags - {flag for action in parser._actions for flag in action.option_strings} == set(), line


@PAGES
def test_variables_that_are_named_are_documented(page: Page) -> None:
    """In docs/configuration.md, which is made from the settings' own list; the terminal's are in docs/cli.md."""
    documented = set(_VARIABLE.findall((ROOT / "docs/configuration.md").read_text()))
    documented |= set(_VARIABLE.findall((ROOT / "docs/cli.md").read_text()))
    own = {
        name for block in page.blocks for name in re.findall(r"(?:^|\$|export )\{?([A-Z_]+)", block.text, re.MULTILINE)
    }
    named = {name for code in page.code for name in _VARIABLE.findall(code) if code.startswith(name)}
    assert named - documented - _names_in_code() - own == set()


@cache
def _names_in_code() -> set[str]:
    """Constants and settings, which pages may speak of, too."""
    files = [path for room in ("config", "accounts", "tokens", "bookings", "portal", "cli", "deploy", "tests", "bench")
             for path in (ROOT / room).rglob("*") if path.suffix in {".py", ".env", ".yaml", ".template"}]  # fmt: skip
    return {name for path in files for name in _VARIABLE.findall(path.read_text())}


@PAGES
def test_every_block_says_whether_it_is_run(page: Page) -> None:
    assert [(block.line, block.language) for block in page.blocks if block.language not in LANGUAGES] == []


@PAGES
def test_what_goes_on_or_needs_another_machine_is_no_block_to_be_typed(page: Page) -> None:
    """It would run for ever in a test, or change the machine: such commands stand in `console` blocks."""
    refused = ("make ", "docker ", "podman ", "kubectl ", "helm ", "systemctl ", "apt", "sudo ", "curl ", "granian ")
    typed = [command for block in page.scripts for command in block.commands]
    assert [command for command in typed if re.sub(r"^([A-Z_]+=\S+ +)*", "", command).startswith(refused)] == []


@PAGES
def test_what_a_test_cannot_run_names_files_that_exist(page: Page) -> None:
    for block in page.blocks:
        for command in block.commands if block.language == "console" else []:
            for file in re.findall(r"(?:-f|-k|--file|--env-file) +(deploy/\S+)", command):
                assert (ROOT / file).exists(), command
            for unit in re.findall(r"\b(insighta[\w@-]*\.(?:service|target|timer|slice))", command):
                assert list(ROOT.glob(f"deploy/*/{re.sub('@.*[.]', '@.', unit)}")), command


def test_the_page_of_settings_is_the_one_that_is_made_of_them() -> None:
    page = (ROOT / "docs/configuration.md").read_text()
    assert page == configuration_page.make_page(), "python -m tests.docs.configuration_page > docs/configuration.md"
    example = re.findall(r"^#?([A-Z_]+)=", configuration_page.EXAMPLE.read_text(), re.MULTILINE)
    assert re.findall(r"^\| `([A-Z_]+)`", page, re.MULTILINE) == example


def test_every_check_is_listed_once() -> None:
    ids = set(re.findall(r'id="(insighta\.[EW]\d+)"', (ROOT / "config/observability/checks.py").read_text()))
    assert sorted(re.findall(r"^\| `(insighta\.[EW]\d+)`", OPERATIONS, re.MULTILINE)) == sorted(ids)
    assert set(re.findall(r"`(insighta\.[EW]\d{3})`", OPERATIONS)) == ids


def test_every_metric_is_listed_and_no_other() -> None:
    own = [metric.describe() for metric in vars(counters).values() if isinstance(metric, (Counter, Histogram))]
    made = {f"{m.name}_total" if m.type == "counter" else m.name for (m,) in own} | {"insighta_database_up"}
    made |= {name for name, *_ in collector.GAUGES} | {f"{name}_total" for name, *_ in collector.COUNTERS}
    assert set(re.findall(r"`(insighta_[a-z_]+)`", OPERATIONS)) == made


def test_every_command_of_the_product_is_listed() -> None:
    own = {name for name, app in get_commands().items() if app in {"accounts", "tokens", "bookings"}}
    rows = re.findall(r"^\| (`.+?) \|", OPERATIONS.partition("## Commands")[2], re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == own


def test_every_page_is_reached_from_the_readme() -> None:
    pages = {page.path.resolve(): page for page in list_pages()}
    seen, ahead = set[Path](), [ROOT / "README.md"]
    while ahead:
        path = ahead.pop().resolve()
        if path in seen or path not in pages:
            continue
        seen.add(path)
        ahead += [path.parent / link.partition("#")[0] for link in pages[path].links if ".md" in link]
    assert {page.name for path, page in pages.items() if path not in seen} == set()


def _shell(page: Page) -> list[Block]:
    return [block for block in page.blocks if block.language in {"sh", "console"}]


def _lines(page: Page) -> list[str]:
    return [command for block in _shell(page) for command in block.commands]


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()
