import argparse

from ..api import Api
from ..offerings import add_offering_options, read_offering_options
from ..parsing import add_json_option
from ..settings import read_settings
from ..terminal import say, say_done, show, show_json

SUMMARY = "Offer something, for hosts. Slots and hours are made from it."
EXAMPLES = """
insighta offerings create "Office hour" --minutes 30
insighta offerings create Yoga --minutes 60 --seats 12 --place "Room 4"
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("title", help="what it is called")
    add_offering_options(parser)
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    body = {"minutes": 60, **read_offering_options(arguments)}
    made = Api(read_settings(arguments)).post("/offerings", body, is_keyed=True)
    if arguments.json:
        show_json(made)
        return
    say_done(f"Offered: {made['title']}, {made['minutes']} minutes.")
    say("  Set its weekly hours with insighta hours set, or open a session with insighta hosting new.")
    show(made["id"])
