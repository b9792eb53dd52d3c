import argparse
from textwrap import fill
from typing import Any

from ..api import Api
from ..offerings import choose_offering
from ..parsing import add_json_option, add_yes_option
from ..schedule import describe_slot
from ..settings import read_settings
from ..terminal import can_ask, confirm, say, say_done, show_json
from ..weekly_hours import describe_week, read_week

SUMMARY = "Set the weekly hours of an offering, after showing what opens and closes."
EXAMPLES = """
insighta hours set 019ab3f7 mon-fri 9-12,14-17 sat 10-13
insighta hours set 019ab3f7 tue 18:00-19:30 --buffer 15 --yes
insighta hours set 019ab3f7 none
"""
MOST_NAMED = 10
WIDTH = 78


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("offering", help="the offering's id, or its start")
    parser.add_argument("week", nargs="+", help="days and their hours in your account's zone, or none")
    parser.add_argument("--buffer", type=int, metavar="MINUTES", help="kept free between sessions; else it stays")
    add_yes_option(parser)
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    wish: dict[str, Any] = {"hours": read_week(arguments.week)}
    if arguments.buffer is not None:
        wish["buffer_minutes"] = arguments.buffer
    api = Api(read_settings(arguments))
    offering = choose_offering(api, arguments.offering)
    path, asks = f"/offerings/{offering['id']}/weekly-hours", not arguments.yes and can_ask()
    if asks:
        preview = api.call("PUT", path, wish | {"preview": True})
        say(f"{offering['title']} ({offering['host']['time_zone']})", *_describe_week(preview))
        if preview["changed"]:
            say(*_describe_change(preview, is_done=False))
            confirm("Set these hours?", otherwise="Nothing was changed.")
            wish["seen"] = preview["seen"]
    done = api.call("PUT", path, wish)
    if arguments.json:
        show_json(done)
        return
    if not done["changed"]:
        say("These are the hours already. Nothing was changed.")
        return
    say_done(f"Set the hours of {offering['title']}.")
    if not asks:
        say(*_describe_week(done), *_describe_change(done, is_done=True))


def _describe_week(change: dict[str, Any]) -> list[str]:
    week = describe_week(change["rules"])
    lines = [
        fill(f"{days}  {', '.join(hours)}", WIDTH, initial_indent="  ", subsequent_indent=" " * 6)
        for days, hours in week
    ]
    return [line for text in lines for line in text.split("\n")] or ["  no hours"]


def _describe_change(change: dict[str, Any], *, is_done: bool) -> list[str]:
    """What that opens and closes, and the booked sessions that stay outside of the hours."""
    opened, closed = (_count(change[name]) for name in ("opened", "closed"))
    lines = [f"Opened {opened}, closed {closed}." if is_done else f"That opens {opened} and closes {closed}."]
    if change["left_count"]:
        lines.append(f"Booked, so left as they are: {_count(change['left_count'])}.")
        lines += [f"  {describe_slot(slot)}" for slot in change["left"][:MOST_NAMED]]
    return lines


def _count(number: int) -> str:
    return f"{number} session{'' if number == 1 else 's'}"
