"""What can follow on a command line: called by the completion scripts, one candidate a line, a tab, what it is."""

import argparse
from collections.abc import Callable
from importlib import import_module

from .. import parsing
from ..api import Api
from ..catalog import COMMANDS, GROUPS, list_members, list_names
from ..errors import CliError
from ..ids import Items, shorten
from ..schedule import list_active_bookings, list_open_slots, name_host
from ..settings import read_settings
from ..terminal import clean, show
from ..times import format_day, format_span, parse_instant
from .bookings_list import list_every_booking

SUMMARY = "Print what can follow on a command line."
EXAMPLES = "insighta __complete -- book ''"
TIMEOUT_SECONDS = 2.0

Candidates = list[tuple[str, str]]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("words", nargs="*")


def run(arguments: argparse.Namespace) -> int:
    """The last word is the one being typed. Trouble means no candidates, never a message in the middle of a line."""
    words = arguments.words or [""]
    try:
        candidates = find_candidates(words[:-1], words[-1])
    except CliError:
        candidates = []
    for value, meaning in candidates:
        if value.startswith(words[-1]):
            show(f"{value}\t{meaning}" if meaning else value)
    return 0


def find_candidates(before: list[str], current: str) -> Candidates:
    """All that could stand in the place of `current`. Raises CliError when ids cannot be listed."""
    name, given = _split_command(before)
    if name is None:
        return _complete_command(before)
    parser = parsing.make_parser(name, import_module(f".{COMMANDS[name].module}", __package__))
    option = next((a for a in parser._actions if before and before[-1] in a.option_strings and a.nargs != 0), None)
    if option:
        return _complete_value(option)
    if current.startswith("-"):
        return [
            (word, action.help or "") for action in parser._actions for word in action.option_strings if word[1] == "-"
        ]
    return _complete_argument(parser, name, [word for word in given if not word.startswith("-")])


def _split_command(before: list[str]) -> tuple[str | None, list[str]]:
    for length in (2, 1):
        name = " ".join(before[:length])
        if len(before) >= length and name in COMMANDS:
            return name, before[length:]
    return None, before


def _complete_command(before: list[str]) -> Candidates:
    if before:
        return [(entry.name.split()[1], entry.summary) for entry in list_members(before[0])]
    groups = {name.split()[0]: f"{name.split()[0]} commands" for name in list_names() if " " in name}
    singles = {entry.name: entry.summary for _, entries in GROUPS for entry in entries if " " not in entry.name}
    return sorted((singles | groups).items())


def _complete_value(option: argparse.Action) -> Candidates:
    if option.choices:
        return [(str(choice), "") for choice in option.choices]
    if option.dest == "host":
        hosts = _api().list("/hosts")
        return [(clean(host["login"]), clean(host["display_name"])) for host in hosts]
    return []


def _complete_argument(parser: argparse.ArgumentParser, name: str, given: list[str]) -> Candidates:
    positionals = [action for action in parser._actions if not action.option_strings]
    if len(given) >= len(positionals):
        return []
    choices = positionals[len(given)].choices
    if choices:
        return [(str(choice), "") for choice in choices]
    source = SOURCES.get((name, positionals[len(given)].dest))
    return source(_api()) if source else []


def _api() -> Api:
    return Api(read_settings(), timeout=TIMEOUT_SECONDS)


def _with_ids(items: Items, describe: Callable[[dict[str, object]], str]) -> Candidates:
    short = shorten(str(item["id"]) for item in items)
    return [(short[item["id"]], describe(item)) for item in items]


def _complete_slots(api: Api) -> Candidates:
    return _with_ids(list_open_slots(api), lambda slot: _describe(slot, "starts_at", "ends_at"))


def _complete_active_bookings(api: Api) -> Candidates:
    return _complete_bookings(list_active_bookings(api))


def _complete_all_bookings(api: Api) -> Candidates:
    return _complete_bookings(list_every_booking(api))


def _complete_bookings(bookings: Items) -> Candidates:
    return _with_ids(bookings, lambda one: _describe(one, "scheduled_start_time", "scheduled_end_time"))


def _complete_sessions(api: Api) -> Candidates:
    return _with_ids(api.list("/sessions"), lambda session: clean(session["label"]))


def _complete_tokens(api: Api) -> Candidates:
    return _with_ids(api.list("/personal-access-tokens"), lambda token: clean(token["name"]))


def _describe(item: dict[str, object], start_name: str, end_name: str) -> str:
    start, end = parse_instant(str(item[start_name])), parse_instant(str(item[end_name]))
    return f"{format_day(start)}, {format_span(start, end)}, {clean(item['title'])} with {name_host(item)}"


SOURCES: dict[tuple[str, str], Callable[[Api], Candidates]] = {
    ("book", "slot"): _complete_slots,
    ("cancel", "booking"): _complete_active_bookings,
    ("reschedule", "booking"): _complete_active_bookings,
    ("reschedule", "slot"): _complete_slots,
    ("bookings show", "booking"): _complete_all_bookings,
    ("sessions revoke", "session"): _complete_sessions,
    ("tokens revoke", "token"): _complete_tokens,
}
