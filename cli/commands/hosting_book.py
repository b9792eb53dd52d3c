import argparse

from ..api import Api
from ..hosting import resolve_hosted
from ..parsing import add_expect_option, add_json_option, add_yes_option, read_expected
from ..schedule import describe_booking, describe_price, describe_slot, read_price
from ..settings import read_settings
from ..short_ids import find_whole
from ..terminal import can_ask, confirm, say, say_done, show, show_json

SUMMARY = "Book somebody into a session you host; they are told."
EXAMPLES = """
insighta hosting book 019ab3f7-0c11 ada             costs them nothing
insighta hosting book 019ab3f7-0c11 ada --charge    they pay the price
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("session", help="the session's id, or its start")
    parser.add_argument("person", help="the login or the whole id of whom to book in")
    parser.add_argument(
        "--charge", action="store_true", help="take the price; only from those who have booked you before"
    )
    add_expect_option(parser)
    add_yes_option(parser)
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    api = Api(read_settings(arguments))
    session_id = resolve_hosted(api, arguments.session)
    seen = {}
    if not arguments.yes and can_ask():
        slot = api.get(f"/slots/{session_id}")
        price = read_price(slot) if arguments.charge else 0
        cost = f"It costs them {describe_price(price)}."
        say(describe_slot(slot), "", f"{cost} They are told, and may leave free until it starts.")
        confirm(f"Book {arguments.person} in?", otherwise="Nobody was booked.")
        seen = {"expected_credits_charged": price}
    person_id = find_whole(arguments.person)
    who = {"person_id": person_id} if person_id else {"login": arguments.person}
    wish = who | {"charge": arguments.charge} | seen | read_expected(arguments)
    booking = api.post(f"/slots/{session_id}/bookings", wish, is_keyed=True)
    if arguments.json:
        show_json(booking)
        return
    paid = describe_price(booking["credits_charged"])
    say_done(f"Booked in: {booking['client']['login']}, for {paid}. {describe_booking(booking)}.")
    show(booking["id"])
