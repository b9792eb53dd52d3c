import argparse

from ..api import Api
from ..parsing import add_expect_option, add_json_option, add_yes_option, read_expected
from ..schedule import describe_price, describe_slot, get_slot, read_price
from ..settings import read_settings
from ..terminal import can_ask, confirm, say, say_done, show_json

SUMMARY = "Wait for a seat in a full slot; when one is free, you are booked."
EXAMPLES = """
insighta slots list --all                  full slots too
insighta waitlist join 019ab3f2-5440-7a1c  asks first
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("slot", help="the slot's id, or its start")
    add_expect_option(parser)
    add_yes_option(parser)
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    api = Api(read_settings(arguments))
    slot, wish = get_slot(api, arguments.slot, only_open=False), read_expected(arguments)
    if not arguments.yes and can_ask():
        price = read_price(slot)
        say(describe_slot(slot), f"Price: {describe_price(price)}.", "")
        say("When a seat is free you are booked and pay for it, without being asked again.")
        confirm("Wait for a seat?", otherwise="You are not waiting.")
        # Another price than that is refused, as with a booking.
        wish = {"expected_credits_charged": price} | wish
    place = api.post(f"/slots/{slot['id']}/waitlist", wish)
    if arguments.json:
        show_json(place)
    say_done(f"You are waiting for {describe_slot(slot)}. Your place: {place['position']}.")
    say("  To stop waiting: insighta waitlist leave")
