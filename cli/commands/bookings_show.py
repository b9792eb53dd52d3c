import argparse
from typing import Any

from ..api import Api
from ..parsing import add_json_option
from ..schedule import (
    count_credits,
    describe_booking,
    describe_deadline,
    describe_place,
    describe_price,
    list_every_booking,
    name_host,
    name_status,
)
from ..settings import read_settings
from ..short_ids import resolve_id
from ..tables import show_fields
from ..terminal import paint, show_json
from ..times import format_day, format_moment, format_span, parse_instant, read_zone_name

SUMMARY = "Show one booking in full."
EXAMPLES = """
insighta bookings show 019ab3f7-0c11
insighta bookings show 019ab3f7-0c11 --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("booking", help="the booking's id, or its start")
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    api = Api(read_settings(arguments))
    booking_id = resolve_id(arguments.booking, "booking", lambda: list_every_booking(api), describe_booking)
    booking = api.get(f"/bookings/{booking_id}")
    if arguments.json:
        show_json(booking)
    else:
        show_fields(_fields(booking))


def _fields(booking: dict[str, Any]) -> list[tuple[str, str]]:
    start, end = parse_instant(booking["scheduled_start_time"]), parse_instant(booking["scheduled_end_time"])
    cancelling = [("Cancelling", describe_deadline(booking))] if booking["status"] == "active" else []
    return [
        ("Session", paint(booking["title"], "bold")),
        ("Host", name_host(booking)),
        ("When", f"{format_day(start)} {start.year}, {format_span(start, end)} ({read_zone_name(start)})"),
        *(("Where", line) for line in describe_place(booking)),
        ("Status", _describe_status(booking)),
        *cancelling,
        ("Paid", describe_price(booking["credits_charged"])),
        ("Booked", format_moment(parse_instant(booking["created_at"]))),
        ("Id", booking["id"]),
    ]


def _describe_status(booking: dict[str, Any]) -> str:
    if not booking.get("cancelled_at"):
        return name_status(booking)
    when = format_moment(parse_instant(booking["cancelled_at"]))
    back = count_credits(booking["credits_refunded"])
    return f"{name_status(booking)} by {booking['cancelled_by']} on {when}, {back} back"
