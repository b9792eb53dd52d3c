import argparse
import sys

from ..api import Api
from ..errors import Cancelled
from ..parsing import add_json_option, add_yes_option
from ..schedule import (
    describe_booking,
    describe_deadline,
    describe_refund,
    describe_slot,
    get_slot,
    is_refundable,
    resolve_active_booking,
    resolve_slot,
)
from ..settings import read_settings
from ..terminal import ask_yes_no, can_ask, paint, say, show_json, symbol

SUMMARY = "Move a booking before its refund deadline. Asks where that gives it up."
EXAMPLES = """
insighta reschedule 019ab3f7-0c11 019ab3f2-5440-7a1c   booking, new slot
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("booking", help="the booking's id, or its start")
    parser.add_argument("slot", help="the new slot's id, or its start")
    add_yes_option(parser)
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Seat and credit move together or not at all."""
    api = Api(read_settings())
    booking_id = resolve_active_booking(api, arguments.booking)
    slot_id = _choose(api, arguments.slot, may_ask=not arguments.yes and can_ask())
    booking = api.post(f"/bookings/{booking_id}/reschedule", {"slot_id": slot_id})
    if arguments.json:
        show_json(booking)
    say(f"{paint(symbol('ok', sys.stderr), 'green', sys.stderr)} Moved to: {describe_booking(booking)}.")
    say(f"  {describe_deadline(booking)}")
    return 0


def _choose(api: Api, text: str, *, may_ask: bool) -> str:
    """The new slot's id. A person is asked before a refund is given up."""
    if not may_ask:
        return resolve_slot(api, text)
    slot = get_slot(api, text)
    if not is_refundable(slot):
        say(f"{describe_slot(slot)}\n")
        say(describe_refund(slot))
        if not ask_yes_no("Move your booking there and give up its refund?"):
            raise Cancelled("Nothing was moved.")
    return str(slot["id"])
