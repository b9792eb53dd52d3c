import argparse
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
    is_refundable,
    read_price,
    resolve_active_booking,
    resolve_slot,
)
from ..settings import read_settings
from ..terminal import can_ask, confirm, say, say_done, show_json

SUMMARY = "Move a booking before its refund deadline. Asks where it costs something."
EXAMPLES = """
insighta reschedule 019ab3f7-0c11 019ab3f2-5440-7a1c   booking, new slot
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("booking", help="the booking's id, or its start")
    parser.add_argument("slot", help="the new slot's id, or its start")
    add_yes_option(parser)
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    api = Api(read_settings(arguments))
    booking_id = resolve_active_booking(api, arguments.booking)
    may_ask = not arguments.yes and can_ask()
    wish = _ask(api, booking_id, arguments.slot) if may_ask else {"slot_id": resolve_slot(api, arguments.slot)}
    booking = api.post(f"/bookings/{booking_id}/reschedule", wish)
    if arguments.json:
        show_json(booking)
    say_done(f"Moved to: {describe_booking(booking)}.")
    say(*(f"  {line}" for line in [*describe_place(booking), describe_deadline(booking)]))


def _ask(api: Api, booking_id: str, text: str) -> dict[str, Any]:
    """The new slot and its price. A person is asked before a refund is given up, and where the price is another."""
    slot, paid = get_slot(api, text), int(api.get(f"/bookings/{booking_id}").get("credits_charged", 1))
    price, gives_up = read_price(slot), not is_refundable(slot)
    if gives_up or price != paid:
        change = [f"It costs {describe_price(price)}; you have paid {describe_price(paid)}."] if price != paid else []
        say(describe_slot(slot), "", *change, describe_refund(slot))
        question = "Move your booking there and give up its refund?" if gives_up else "Move your booking there?"
        confirm(question, otherwise="Nothing was moved.")
    return {"slot_id": slot["id"], "expected_credits_charged": price}
