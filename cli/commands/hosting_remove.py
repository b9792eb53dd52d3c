import argparse

from ..api import Api
from ..hosting import read_booking_id
from ..parsing import add_json_option, add_yes_option
from ..schedule import count_credits
from ..settings import read_settings
from ..terminal import can_ask, confirm, say_done, show_json

SUMMARY = "Take somebody out of a session you host; they get their credits back."
EXAMPLES = """
insighta hosting roster 019ab3f7-0c11    shows the bookings' ids
insighta hosting remove 019ab3f8-2a10-7c00-8000-00000000000a --message "Full"
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("booking", help="the booking's whole id")
    parser.add_argument("--message", metavar="TEXT", default="", help="your own words to them")
    add_yes_option(parser)
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    booking_id = read_booking_id(arguments.booking)
    api = Api(read_settings(arguments))
    if not arguments.yes and can_ask():
        confirm("Cancel this booking, give back all it cost, and tell them?", otherwise="Nobody was taken out.")
    done = api.post(f"/bookings/{booking_id}/remove", {"message": arguments.message})
    if arguments.json:
        show_json(done)
    say_done(f"Taken out: {done['client']['login']} got {count_credits(done['credits_refunded'])} back.")
