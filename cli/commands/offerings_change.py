import argparse

from ..api import Api
from ..errors import UsageError
from ..offerings import add_offering_options, read_offering_options, resolve_offering
from ..parsing import add_json_option
from ..settings import read_settings
from ..terminal import say, say_done, show_json

SUMMARY = "Change an offering; sessions ahead that say what it said follow."
EXAMPLES = """
insighta offerings change 019ab3f7-0c11 --place "Room 5"
insighta offerings change 019ab3f7-0c11 --price 3 --seats 8
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("offering", help="the offering's id, or its start")
    parser.add_argument("--title", metavar="TEXT", help="what it is called")
    add_offering_options(parser)
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    values = read_offering_options(arguments)
    if not values:
        raise UsageError("Nothing to change was given.", "See: insighta offerings change --help")
    api = Api(read_settings(arguments))
    changed = api.call("PATCH", f"/offerings/{resolve_offering(api, arguments.offering)}", values)
    if arguments.json:
        show_json(changed)
        return
    say_done(f"Changed: {changed['title']}.")
    say(f"  {changed['coming_slots']} sessions ahead follow; {changed['booked_slots']} of them are booked.")
    if changed["opened"] or changed["closed"]:
        say(f"  {changed['opened']} sessions are new, {changed['closed']} are gone.")
