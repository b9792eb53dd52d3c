"""What can follow on a command line: one candidate a line, a tab, what it is.

The completion scripts call `insighta __complete -- WORDS`, of which the last is being typed.
"""

from __future__ import annotations

from ..catalog import COMMANDS, find_command, list_members
from ..errors import CliError
from ..terminal import show_columns
from ..words import Word, read_words

# A shell runs the line that it has completed, so nothing else is offered, whatever a backend says.
HARMLESS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.:@/")
Candidates = dict[str, str]


def run(words: list[str]) -> None:
    """Trouble means no candidates, never a message in the middle of the line that somebody types."""
    *before, current = words[1:] or [""]
    try:
        candidates = find_candidates(before, current)
    except (CliError, LookupError, TypeError, ValueError, AttributeError):
        return
    for value, meaning in candidates.items():
        if value.startswith(current) and set(value) <= HARMLESS:
            show_columns(value, meaning)


def find_candidates(before: list[str], current: str) -> Candidates:
    """All that could stand in the place of `current`. Raises CliError when ids cannot be listed."""
    name = find_command(before)
    if name is None:
        return _complete_command(before)
    words = read_words(name)
    options = {option: word for word in words for option in word.options}
    given, wanting = 0, None
    for word in before[len(name.split()) :]:
        given += wanting is None and not word.startswith("-")
        wanting = options.get(word) if wanting is None else None
        wanting = wanting if wanting and wanting.takes_value else None
    if wanting:
        return _complete_value(name, wanting)
    if current.startswith("-"):
        return {option: word.meaning for option, word in options.items() if option.startswith("--")}
    positionals = [word for word in words if not word.options]
    return _complete_value(name, positionals[given]) if given < len(positionals) else {}


def _complete_command(before: list[str]) -> Candidates:
    if before:
        return {name.split()[1]: COMMANDS[name] for name in list_members(before[0])}
    singles = {name: summary for name, summary in COMMANDS.items() if " " not in name}
    groups = {name.split()[0]: f"{name.split()[0]} commands" for name in COMMANDS if " " in name}
    return dict(sorted((singles | groups).items()))


def _complete_value(name: str, word: Word) -> Candidates:
    if word.choices:
        return dict.fromkeys(word.choices, "")
    values = _list_accounts() if word.name == "account" else _find_values(name, word.name)
    # Nor may a value pass for an option.
    return {value: meaning for value, meaning in values.items() if not value.startswith("-")}


def _list_accounts() -> Candidates:
    from ..credentials import CredentialStore
    from ..settings import read_settings

    settings = read_settings()
    return {account.name: "" for account in CredentialStore(settings.home).list_accounts(settings.api)}


def _find_values(name: str, argument: str) -> Candidates:
    from ..completion_values import find_values

    return find_values(name, argument)
