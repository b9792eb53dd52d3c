import argparse

from ..api import Api
from ..hosting import resolve_hosted
from ..parsing import add_json_option, add_yes_option
from ..schedule import count_credits, describe_slot
from ..settings import read_settings
from ..terminal import can_ask, confirm, say, say_done, show_json

SUMMARY = "Cancel a session you host; everybody gets their credits back."
EXAMPLES = """
insighta hosting cancel 019ab3f7-0c11                        asks first
insighta hosting cancel 019ab3f7-0c11 --yes --message "Ill"
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("session", help="the session's id, or its start")
    parser.add_argument("--message", metavar="TEXT", default="", help="your own words to those who had booked")
    add_yes_option(parser)
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    api = Api(read_settings(arguments))
    session_id = resolve_hosted(api, arguments.session)
    if not arguments.yes and can_ask():
        slot = api.get(f"/slots/{session_id}")
        say(describe_slot(slot), "", f"{slot['seats_taken']} have booked. They get back all it cost, and are told.")
        confirm("Cancel this session?", otherwise="Nothing was cancelled.")
    done = api.post(f"/slots/{session_id}/cancel", {"message": arguments.message})
    if arguments.json:
        show_json(done)
    say_done(f"Cancelled; {done['bookings_cancelled']} got {count_credits(done['credits_refunded'])} back.")
