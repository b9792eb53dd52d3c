import argparse
from typing import Any

from ..api import Api
from ..ids import resolve_id
from ..parsing import add_json_option
from ..schedule import count_credits, describe_booking, describe_deadline, name_host
from ..settings import read_settings
from ..terminal import clean, paint, show, show_json
from ..times import format_day, format_moment, format_span, parse_instant, read_zone_name
from .bookings_list import list_every_booking

SUMMARY = "Show one booking in full."
EXAMPLES = """
insighta bookings show 019ab3f7-0c11
insighta bookings show 019ab3f7-0c11 --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("booking", help="the booking's id, or its start")
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """The API's booking."""
    api = Api(read_settings())
    booking_id = resolve_id(arguments.booking, "booking", lambda: list_every_booking(api), describe_booking)
    booking = api.get(f"/bookings/{booking_id}")
    if arguments.json:
        show_json(booking)
        return 0
    for label, value in _lines(booking):
        show(paint(f"{label:<11}", "dim") + value)
    return 0


def _lines(booking: dict[str, Any]) -> list[tuple[str, str]]:
    start, end = parse_instant(booking["scheduled_start_time"]), parse_instant(booking["scheduled_end_time"])
    lines = [
        ("Session", paint(clean(booking["title"]), "bold")),
        ("Host", name_host(booking)),
        ("When", f"{format_day(start)} {start.year}, {format_span(start, end)} ({read_zone_name(start)})"),
        ("Status", _status(booking)),
        ("Paid", count_credits(booking["credits_charged"])),
        ("Booked", format_moment(parse_instant(booking["created_at"]))),
        ("Id", clean(booking["id"])),
    ]
    if booking["status"] == "active":
        lines.insert(4, ("Cancelling", describe_deadline(booking)))
    return lines


def _status(booking: dict[str, Any]) -> str:
    status = clean(booking["status"]).replace("_", " ")
    if not booking.get("cancelled_at"):
        return status
    when = format_moment(parse_instant(booking["cancelled_at"]))
    return f"{status} by {clean(booking['cancelled_by'])} on {when}, {count_credits(booking['credits_refunded'])} back"
