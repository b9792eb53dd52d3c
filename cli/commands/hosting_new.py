import argparse
from datetime import datetime, timedelta
from typing import Any

from ..api import Api
from ..errors import UsageError
from ..offerings import add_terms_options, choose_offering, read_offering_options
from ..parsing import add_json_option, add_yes_option
from ..schedule import count_credits, describe_slot
from ..settings import read_settings
from ..terminal import can_ask, confirm, say, say_done, show, show_json
from ..times import format_day, format_instant, format_span, parse_wall_time, read_zone_name

SUMMARY = "Open a session: of an offering, or one of its own kind."
EXAMPLES = """
insighta hosting new 2026-12-01T10:00 --offering 019ab3f7
insighta hosting new 2026-12-01T10:00 --offering 019ab3f7 --place "Room 2"
insighta hosting new 2026-12-01T18:00 --title "Open day" --seats 20
"""
USUAL = {"minutes": 60, "capacity": 1, "price_credits": 1}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("start", help="when: 2026-12-01T10:00 on this machine's clocks, or with an offset")
    parser.add_argument("--offering", metavar="ID", help="what it is made from; what is not said is as there")
    parser.add_argument("--title", metavar="TEXT", help="what it is called")
    add_terms_options(parser)
    add_yes_option(parser)
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    start, said = _read_start(arguments.start), read_offering_options(arguments)
    if not (arguments.offering or arguments.title):
        raise UsageError("Say what it is: --offering ID, or --title TEXT.", "See: insighta offerings list")
    api = Api(read_settings(arguments))
    offering = choose_offering(api, arguments.offering) if arguments.offering else {}
    terms = {**USUAL, **offering, **said}
    end = start + timedelta(minutes=terms["minutes"])
    if not arguments.yes and can_ask():
        say(*_describe(terms, start, end))
        confirm("Open this session?", otherwise="Nothing was opened.")
    body: dict[str, Any] = {"offering_id": offering["id"]} if offering else {"capacity": USUAL["capacity"]}
    if not offering or "minutes" in said:
        body["ends_at"] = format_instant(end)
    body |= {name: value for name, value in said.items() if name != "minutes"}
    slot = api.post("/slots", {"starts_at": format_instant(start), **body})
    if arguments.json:
        show_json(slot)
        return
    say_done(f"Open: {describe_slot(slot)}.")
    show(slot["id"])


def _read_start(text: str) -> datetime:
    try:
        return parse_wall_time(text)
    except (ValueError, OverflowError) as error:
        sentence = str(error) if str(error).endswith(".") else f"'{text}' is no time."
        raise UsageError(sentence, "A time looks like this: 2026-12-01T10:00") from None


def _describe(terms: dict[str, Any], start: datetime, end: datetime) -> list[str]:
    seats = f"{terms['capacity']} seat{'' if terms['capacity'] == 1 else 's'}"
    when = f"{format_day(start)} {start.year}, {format_span(start, end)} ({read_zone_name(start)})"
    place = [str(terms["place"])] if terms.get("place") else []
    return [f"{terms['title']}, {when}", ", ".join([seats, count_credits(terms["price_credits"]), *place])]
