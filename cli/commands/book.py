import argparse
import secrets
import sys
from typing import Any

from ..api import Api
from ..errors import Cancelled
from ..parsing import add_json_option, add_yes_option
from ..schedule import describe_booking, describe_deadline, describe_refund, describe_slot, get_slot, resolve_slot
from ..settings import read_settings
from ..terminal import ask_yes_no, can_ask, paint, say, show, show_json, symbol

SUMMARY = "Book a seat for one credit. Shows the refund deadline first and asks."
EXAMPLES = """
insighta slots list                     shows the ids
insighta book 019ab3f2-5440-7a1c        the start of the slot's id is enough
insighta book 019ab3f2-5440-7a1c --yes  do not ask
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("slot", help="the slot's id, or its start")
    add_yes_option(parser)
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """A lost answer is asked for again with the same key, so that nobody books twice."""
    api = Api(read_settings())
    # Where the id goes into a variable or a file, a script is at work, although it may run at a terminal.
    may_ask = not arguments.yes and sys.stdout.isatty() and can_ask()
    slot_id = _choose(api, arguments.slot, may_ask=may_ask)
    booking = api.post("/bookings", {"slot_id": slot_id}, idempotency_key=secrets.token_urlsafe(24))
    if arguments.json:
        show_json(booking)
        return 0
    say(f"{paint(symbol('ok', sys.stderr), 'green', sys.stderr)} Booked: {describe_booking(booking)}.")
    say(f"  {describe_deadline(booking)}")
    show(booking["id"])
    return 0


def _choose(api: Api, text: str, *, may_ask: bool) -> str:
    if not may_ask:
        return resolve_slot(api, text)
    slot = get_slot(api, text)
    _agree(slot)
    return str(slot["id"])


def _agree(slot: dict[str, Any]) -> None:
    say(f"{describe_slot(slot)}\n")
    say("Price: 1 credit.")
    say(describe_refund(slot))
    if not ask_yes_no("Book this session for 1 credit?"):
        raise Cancelled("Nothing was booked.")
