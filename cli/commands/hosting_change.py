import argparse
from typing import Any

from ..api import Api
from ..errors import UsageError
from ..hosting import resolve_hosted
from ..parsing import add_json_option, add_yes_option
from ..schedule import count_credits, describe_slot
from ..settings import read_settings
from ..terminal import can_ask, confirm, say, say_done, show_json

SUMMARY = "Change a session you host, after showing whom it concerns."
EXAMPLES = """
insighta hosting change 019ab3f7-0c11 --place "Room 5" --message "More light"
insighta hosting change 019ab3f7-0c11 --seats 8 --yes
"""
_OPTIONS = {"title": "TEXT", "description": "TEXT", "place": "TEXT", "link": "ADDRESS", "message": "TEXT"}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("session", help="the session's id, or its start")
    for name, metavar in _OPTIONS.items():
        parser.add_argument(f"--{name}", metavar=metavar, help="your own words to them" if name == "message" else None)
    parser.add_argument("--seats", dest="capacity", type=int, metavar="N", help="how many there are")
    parser.add_argument("--starts-at", metavar="INSTANT", help="such as 2026-12-01T10:00+01:00")
    parser.add_argument("--ends-at", metavar="INSTANT", help="the end, as exactly")
    add_yes_option(parser)
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    names = [*_OPTIONS, "capacity", "starts_at", "ends_at"]
    values = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    if not values.keys() - {"message"}:
        raise UsageError("Nothing to change was given.", "See: insighta hosting change --help")
    api = Api(read_settings(arguments))
    path = f"/slots/{resolve_hosted(api, arguments.session)}"
    if not arguments.yes and can_ask():
        preview = api.call("PATCH", path, values | {"preview": True})
        say(*_describe(preview))
        confirm("Change it?", otherwise="Nothing was changed.")
        values["seen"] = preview.get("seen")
    changed = api.call("PATCH", path, values)
    if arguments.json:
        show_json(changed)
        return
    say_done(f"Changed: {describe_slot(changed)}.")
    if arguments.yes or not can_ask():
        say(*_describe(changed)[1:])


def _describe(change: dict[str, Any]) -> list[str]:
    """The session as it is then, and whom that concerns."""
    lines = [describe_slot(change), f"{change['people_told']} booked and {change['waiting_told']} waiting are told."]
    if change["promoted"]:
        lines.append(f"{change['promoted']} who wait get a seat.")
    for one in change["cancelled"]:
        back = count_credits(one["credits_refunded"])
        lines.append(f"{one['client']['login']} is booked elsewhere then: cancelled, {back} back.")
    return lines
