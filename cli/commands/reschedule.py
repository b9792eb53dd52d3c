import argparse
import sys

from ..api import Api
from ..parsing import add_json_option
from ..schedule import describe_booking, describe_deadline, resolve_active_booking, resolve_slot
from ..settings import read_settings
from ..terminal import paint, say, show_json, symbol

SUMMARY = "Move a booking to another slot, before its refund deadline."
EXAMPLES = """
insighta reschedule 019ab3f7-0c11 019ab3f2-5440-7a1c   booking, new slot
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("booking", help="the booking's id, or its start")
    parser.add_argument("slot", help="the new slot's id, or its start")
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Seat and credit move together or not at all."""
    api = Api(read_settings())
    booking_id = resolve_active_booking(api, arguments.booking)
    slot_id = resolve_slot(api, arguments.slot)
    booking = api.post(f"/bookings/{booking_id}/reschedule", {"slot_id": slot_id})
    if arguments.json:
        show_json(booking)
    say(f"{paint(symbol('ok', sys.stderr), 'green', sys.stderr)} Moved to: {describe_booking(booking)}.")
    say(f"  {describe_deadline(booking)}")
    return 0
