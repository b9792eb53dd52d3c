import argparse
import secrets
import sys

from ..api import Api
from ..parsing import add_json_option
from ..schedule import describe_booking, describe_deadline, resolve_slot
from ..settings import read_settings
from ..terminal import paint, say, show, show_json, symbol

SUMMARY = "Book a seat in a slot for one credit. Prints the booking's id."
EXAMPLES = """
insighta book 019ab3f2                the start of the slot's id is enough
insighta slots list                   shows the ids
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("slot", help="the slot's id, or its start")
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """A lost answer is asked for again with the same key, so that nobody books twice."""
    api = Api(read_settings())
    slot_id = resolve_slot(api, arguments.slot)
    booking = api.post("/bookings", {"slot_id": slot_id}, idempotency_key=secrets.token_urlsafe(24))
    if arguments.json:
        show_json(booking)
        return 0
    say(f"{paint(symbol('ok', sys.stderr), 'green', sys.stderr)} Booked: {describe_booking(booking)}.")
    say(f"  {describe_deadline(booking)}")
    show(booking["id"])
    return 0
