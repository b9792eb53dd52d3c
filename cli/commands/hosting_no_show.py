import argparse

from ..api import Api
from ..hosting import read_booking_id
from ..parsing import add_json_option
from ..settings import read_settings
from ..terminal import say_done, show_json

SUMMARY = "Note that somebody did not come to a session you host, or undo that."
EXAMPLES = """
insighta hosting no-show 019ab3f8-2a10-7c00-8000-00000000000a
insighta hosting no-show 019ab3f8-2a10-7c00-8000-00000000000a --undo
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("booking", help="the booking's whole id")
    parser.add_argument("--undo", action="store_true", help="they came after all")
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    path = f"/bookings/{read_booking_id(arguments.booking)}/no-show"
    booking = Api(read_settings(arguments)).call("DELETE" if arguments.undo else "POST", path)
    if arguments.json:
        show_json(booking)
    say_done("Undone: they came." if arguments.undo else "Noted: they did not come.")
