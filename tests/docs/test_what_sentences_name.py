"""Commands that a sentence of the product names are there with verbs and options: the terminal's, and `manage.py`'s."""

import re
from collections.abc import Iterator

import pytest
from django.core.management import get_commands

from cli.catalog import COMMANDS, HIDDEN
from cli.words import read_words
from tests.processes import ROOT

# A sentence names a command between backquotes or quotation marks, on a line of its own, or after a colon.
QUOTED = re.compile(
    r"`[^`]+`|<code>.*?</code>|(?<!b)\"[^\"\n]*\"|^[ #$]*(?:\w+=\S+ )*insighta .*$|: insighta .*$|\$\(insighta [^)]*\)",
    re.MULTILINE,
)
NAMED = re.compile(
    r"(?<![\w/.-])insighta (?!is |to |and |or |can |has |uses |does )([a-z_]+)(?: ([a-z]+(?:-[a-z]+)*))?([^|;&\n]*)"
)
MANAGED = re.compile(r"manage\.py`? ([a-z_]{4,})\b")
# What follows the namespace, user, database or server of that name: kubectl --namespace insighta apply …
OTHERS = frozenset({"create", "apply", "wait", "delete", "backend", "get", "rollout", "exec", "scale", "logs", "auto"})
READ = (".py", ".html", ".txt", ".md", ".js", ".yaml", ".yml", ".service", ".timer", ".env", ".template", ".sh")
ROOMS = ("accounts", "bookings", "cli", "config", "deploy", "docs", "portal", "tokens")


def sentences() -> Iterator[tuple[str, str]]:
    """Everything that people read: screens, mails, errors, help, schema, comments, documentation."""
    own = [ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md", ".env.example", "Makefile")]
    for path in [*own, *(path for room in ROOMS for path in (ROOT / room).rglob("*") if path.suffix in READ)]:
        yield str(path.relative_to(ROOT)), path.read_text()


def find_missing(text: str) -> Iterator[str]:
    """The commands, verbs and options that a text names and that are not there."""
    groups = {command.split()[0] for command in COMMANDS if " " in command}
    for first, second, rest in (words for part in QUOTED.findall(text) for words in NAMED.findall(part)):
        name = f"{first} {second}" if first in groups else first
        if first in OTHERS or first == "help" or (first in groups and not second):
            continue
        if name not in COMMANDS and name not in HIDDEN:
            yield f"insighta {name}"
            continue
        known = {option for word in read_words(name) for option in word.options}
        yield from (
            f"insighta {name} {option}" for option in re.findall(r"(?<=\s)--[a-z-]+", rest) if option not in known
        )
    # A page that teaches how to write a command names its file.
    for name in MANAGED.findall(text):
        if name not in get_commands() and f"management/commands/{name}.py" not in text:
            yield f"manage.py {name}"


def test_every_command_that_a_sentence_names_is_there() -> None:
    texts = dict(sentences())
    assert {name.split("/")[0] for name in texts} >= set(ROOMS)
    assert [(name, missing) for name, text in texts.items() for missing in find_missing(text)] == []
    assert sum(len(NAMED.findall(part)) for text in texts.values() for part in QUOTED.findall(text)) > 150


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("See `insighta slots list`, or `insighta slots`.", []),
        ("Wait: insighta waitlist enter", ["insighta waitlist enter"]),
        ('say "insighta book --force"', ["insighta book --force"]),
        ("$ INSIGHTA_API=x insighta signin", ["insighta signin"]),
        ("run `manage.py make_hosts ada`", ["manage.py make_hosts"]),
        ("kubectl --namespace insighta apply", []),
    ],
)
def test_a_command_that_is_not_there_is_noticed(text: str, missing: list[str]) -> None:
    assert list(find_missing(text)) == missing
