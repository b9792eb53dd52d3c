import argparse
from typing import Any

from ..api import Api
from ..ids import Items, shorten
from ..parsing import add_json_option
from ..schedule import list_active_bookings, name_host
from ..settings import read_settings
from ..tables import format_table
from ..terminal import clean, say, show, show_json
from ..times import format_day, format_span, format_time, parse_instant, read_zone_name

SUMMARY = "List your bookings, in this machine's time zone."
EXAMPLES = """
insighta bookings list                what is ahead
insighta bookings list --all          past and cancelled ones too
insighta bookings list --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--all", action="store_true", help="past and cancelled ones too, newest first")
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """The API's bookings."""
    api = Api(read_settings())
    bookings = list_every_booking(api) if arguments.all else list_active_bookings(api)
    if arguments.json:
        show_json(bookings)
    elif bookings:
        _show(bookings)
    else:
        say("You have no bookings ahead. See what can be booked: insighta slots list")
    return 0


def list_every_booking(api: Api) -> Items:
    """All of the person's bookings, the latest start first."""
    return sorted(api.list("/bookings"), key=lambda booking: str(booking["scheduled_start_time"]), reverse=True)


def _show(bookings: Items) -> None:
    short = shorten(booking["id"] for booking in bookings)
    zone = read_zone_name(parse_instant(bookings[0]["scheduled_start_time"]))
    rows = [[short[booking["id"]], *_describe(booking)] for booking in bookings]
    headings = ["ID", "DAY", zone, "HOST", "SESSION", "STATUS", "FREE TO CANCEL UNTIL"]
    for line in format_table(headings, rows, flexible=[4]):
        show(line)


def _describe(booking: dict[str, Any]) -> list[str]:
    start, end = parse_instant(booking["scheduled_start_time"]), parse_instant(booking["scheduled_end_time"])
    deadline = parse_instant(booking["refund_deadline"])
    until = f"{format_day(deadline)}, {format_time(deadline)}" if booking["status"] == "active" else ""
    status = clean(booking["status"]).replace("_", " ")
    return [format_day(start), format_span(start, end), name_host(booking), clean(booking["title"]), status, until]
