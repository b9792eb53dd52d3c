import argparse

from ..api import Api
from ..hosting import resolve_hosted
from ..parsing import add_json_option
from ..schedule import describe_slot
from ..settings import read_settings
from ..terminal import say_done, show_json

SUMMARY = "Open a cancelled session again; who had booked may book again."
EXAMPLES = """
insighta hosting list --when cancelled
insighta hosting reopen 019ab3f7-0c11
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("session", help="the session's id, or its start")
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    api = Api(read_settings(arguments))
    slot = api.post(f"/slots/{resolve_hosted(api, arguments.session, 'cancelled')}/reopen")
    if arguments.json:
        show_json(slot)
    say_done(f"Open again: {describe_slot(slot)}.")
