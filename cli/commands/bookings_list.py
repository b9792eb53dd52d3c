import argparse
from typing import Any

from ..api import Api
from ..parsing import add_json_option
from ..schedule import list_active_bookings, list_every_booking, name_host, name_status, refunded_until
from ..settings import read_settings
from ..short_ids import Items, shorten
from ..tables import show_items, show_table
from ..times import format_date_time, format_period, parse_instant, read_zone_name

SUMMARY = "List your bookings, in this machine's time zone."
EXAMPLES = """
insighta bookings list                what is ahead
insighta bookings list --all          past and cancelled ones too
insighta bookings list --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="past and cancelled ones too, newest first")
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    api = Api(read_settings(arguments))
    bookings = list_every_booking(api) if arguments.all else list_active_bookings(api)
    otherwise = "You have no bookings ahead. See what can be booked: insighta slots list"
    show_items(bookings, _show, as_json=arguments.json, otherwise=otherwise)


def _show(bookings: Items) -> None:
    short = shorten(booking["id"] for booking in bookings)
    zone = read_zone_name(parse_instant(bookings[0]["scheduled_start_time"]))
    rows = [[short[booking["id"]], *_describe(booking)] for booking in bookings]
    headings = ["ID", f"WHEN ({zone})", "HOST", "SESSION", "STATUS", "REFUND UNTIL"]
    show_table(headings, rows, flexible={3: 8, 2: 6})


def _describe(booking: dict[str, Any]) -> list[str]:
    until = format_date_time(refunded_until(booking)) if booking["status"] == "active" else ""
    when = format_period(booking["scheduled_start_time"], booking["scheduled_end_time"])
    return [when, name_host(booking), booking["title"], name_status(booking), until]
