"""What can follow on a command line: one candidate a line, a tab, what it is.

The completion scripts call `insighta __complete -- WORDS`, of which the last is being typed.
"""

from __future__ import annotations

from importlib import import_module

from .. import TYPE_CHECKING
from ..catalog import COMMANDS, find_command, list_members, name_module
from ..errors import CliError
from ..terminal import show_columns

if TYPE_CHECKING:
    import argparse

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
    from ..parsing import make_parser

    parser = make_parser(name, import_module(f".{name_module(name)}", __package__))
    given = [word for word in before[len(name.split()) :] if not word.startswith("-")]
    option = next((a for a in parser._actions if before[-1] in a.option_strings and a.nargs != 0), None)
    if option:
        return _complete_value(name, option)
    if current.startswith("-"):
        words = [(word, action) for action in parser._actions for word in action.option_strings]
        return {word: action.help or "" for word, action in words if word.startswith("--")}
    positionals = [action for action in parser._actions if not action.option_strings]
    return _complete_value(name, positionals[len(given)]) if len(given) < len(positionals) else {}


def _complete_command(before: list[str]) -> Candidates:
    if before:
        return {name.split()[1]: COMMANDS[name] for name in list_members(before[0])}
    singles = {name: summary for name, summary in COMMANDS.items() if " " not in name}
    groups = {name.split()[0]: f"{name.split()[0]} commands" for name in COMMANDS if " " in name}
    return dict(sorted((singles | groups).items()))


def _complete_value(name: str, action: argparse.Action) -> Candidates:
    if action.choices:
        return {str(choice): "" for choice in action.choices}
    from ..completion_values import find_values

    # Nor may a value pass for an option.
    return {value: meaning for value, meaning in find_values(name, action.dest).items() if not value.startswith("-")}
