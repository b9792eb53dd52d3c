import argparse
from datetime import date
from typing import Any

from ..api import Api
from ..errors import CliError, UsageError
from ..hosting import list_hosted
from ..parsing import add_json_option, add_yes_option
from ..schedule import count_credits, describe_slot
from ..settings import read_settings
from ..short_ids import Items
from ..terminal import can_ask, confirm, say, say_done, show_json
from ..times import parse_instant_in

SUMMARY = "Take a day off. Free sessions close; booked ones stay, or are cancelled."
EXAMPLES = """
insighta hours day-off 2026-12-24
insighta hours day-off 2026-12-24 --cancel-booked --message "Ill, sorry"
insighta hours day-off 2026-12-24 --undo
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("day", help="the date in your account's zone, such as 2026-12-24")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--cancel-booked", action="store_true", help="cancel what is booked; all that it cost goes back")
    what.add_argument("--undo", action="store_true", help="it is no day off any more; your hours open again")
    parser.add_argument("--message", metavar="TEXT", help="with --cancel-booked: your own words to those booked")
    add_yes_option(parser)
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    day = _read_day(arguments.day)
    if arguments.message is not None and not arguments.cancel_booked:
        raise UsageError("--message goes with --cancel-booked: else nobody is told.", "")
    api = Api(read_settings(arguments))
    if not arguments.yes and can_ask():
        if not arguments.undo:
            say(*_describe_day(api, day, cancels=arguments.cancel_booked))
        question = f"Make {day} a working day again?" if arguments.undo else f"Take {day} off?"
        confirm(question, otherwise="Nothing was changed.")
    done, sentence = _undo(api, day) if arguments.undo else _take_off(api, day, arguments)
    if arguments.json:
        show_json(done)
    say_done(sentence)


def _read_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"'{text}' is no date.", "A date looks like this: 2026-12-24") from None


def _describe_day(api: Api, day: date, *, cancels: bool) -> list[str]:
    """What is on that day, and what becomes of it."""
    found = _list_of_day(api, day)
    booked = [slot for slot in found if slot["seats_taken"]]
    lines = [f"Free sessions that close: {len(found) - len(booked)}."]
    if not booked:
        return [*lines, "Nothing is booked."]
    lines.append("Booked, and cancelled; everybody gets back all it cost:" if cancels else "Booked, and staying:")
    return lines + [f"  {describe_slot(slot)}, {slot['seats_taken']} booked" for slot in booked]


def _list_of_day(api: Api, day: date) -> Items:
    zone = str(api.find_person().get("time_zone") or "")
    return [slot for slot in list_hosted(api) if parse_instant_in(slot["starts_at"], zone).date() == day]


def _take_off(api: Api, day: date, arguments: argparse.Namespace) -> tuple[dict[str, Any], str]:
    if arguments.cancel_booked:
        done = api.post("/hosts/me/cancel-day", {"date": f"{day}", "message": arguments.message or ""})
        back = count_credits(done["credits_refunded"])
        return done, f"{day} is off. Cancelled: {done['bookings_cancelled']} bookings, {back} back."
    done = api.post("/availability-rules", {"kind": "day_off", "date": f"{day}"})
    left = f" Booked, so left: {done['left_count']}." if done["left_count"] else ""
    return done, f"{day} is off. Closed: {done['closed']}.{left}"


def _undo(api: Api, day: date) -> tuple[dict[str, Any], str]:
    rules = api.list("/availability-rules")
    found = next((rule for rule in rules if rule["kind"] == "day_off" and rule["date"] == f"{day}"), None)
    if found is None:
        raise CliError(f"{day} is no day off.", "See: insighta hours list")
    done: dict[str, Any] = api.call("DELETE", f"/availability-rules/{found['id']}")
    return done, f"{day} is no day off any more. Opened: {done['opened']}."
