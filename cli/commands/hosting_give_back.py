import argparse

from ..api import Api
from ..hosting import read_booking_id
from ..parsing import add_json_option, add_yes_option
from ..schedule import count_credits
from ..settings import read_settings
from ..terminal import can_ask, confirm, say_done, show_json

SUMMARY = "Give back credits of a booking of a session you host, with a note."
EXAMPLES = """
insighta hosting give-back 019ab3f8-2a10-7c00-8000-00000000000a 1 --note Ill
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("booking", help="the booking's whole id")
    parser.add_argument("credits", type=int, help="how many, at most what has not come back yet")
    parser.add_argument("--note", metavar="TEXT", required=True, help="why; they read it")
    add_yes_option(parser)
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    booking_id = read_booking_id(arguments.booking)
    api = Api(read_settings(arguments))
    if not arguments.yes and can_ask():
        confirm(f"Give back {count_credits(arguments.credits)} of this booking?", otherwise="Nothing was given back.")
    wish = {"credits": arguments.credits, "note": arguments.note}
    booking = api.post(f"/bookings/{booking_id}/give-back", wish, is_keyed=True)
    if arguments.json:
        show_json(booking)
    say_done(f"Gave back {count_credits(arguments.credits)}.")
