import argparse
import secrets
import sys
from typing import Any

from ..api import Api
from ..parsing import add_json_option, add_yes_option
from ..schedule import (
    describe_booking,
    describe_deadline,
    describe_place,
    describe_price,
    describe_refund,
    describe_slot,
    get_slot,
    read_price,
    resolve_slot,
)
from ..settings import read_settings
from ..terminal import can_ask, confirm, say, say_done, show, show_json

SUMMARY = "Book a seat. Shows price and refund deadline first and asks."
EXAMPLES = """
insighta slots list                     shows the ids
insighta book 019ab3f2-5440-7a1c        the start of the slot's id is enough
insighta book 019ab3f2-5440-7a1c --yes  do not ask
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("slot", help="the slot's id, or its start")
    add_yes_option(parser)
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    api = Api(read_settings(arguments))
    # Where the id goes into a variable or a file, a script is at work, although it may run at a terminal.
    may_ask = not arguments.yes and sys.stdout.isatty() and can_ask()
    wish = _ask(api, arguments.slot) if may_ask else {"slot_id": resolve_slot(api, arguments.slot)}
    # With the key, a lost answer is asked for again and nobody books twice.
    booking = api.post("/bookings", wish, idempotency_key=secrets.token_urlsafe(24))
    if arguments.json:
        show_json(booking)
        return
    say_done(f"Booked: {describe_booking(booking)}.")
    say(*(f"  {line}" for line in [*describe_place(booking), describe_deadline(booking)]))
    show(booking["id"])


def _ask(api: Api, text: str) -> dict[str, Any]:
    """The slot, and the price that the person has agreed to: another one is refused."""
    slot = get_slot(api, text)
    price = read_price(slot)
    say(describe_slot(slot), *describe_place(slot), "", f"Price: {describe_price(price)}.", describe_refund(slot))
    confirm(f"Book this session for {describe_price(price)}?", otherwise="Nothing was booked.")
    return {"slot_id": slot["id"], "expected_credits_charged": price}
