import argparse
import sys
from typing import Any

from ..api import Api
from ..errors import Cancelled, Problem, UsageError
from ..parsing import add_json_option, add_yes_option
from ..schedule import count_credits, describe_booking, resolve_active_booking
from ..settings import read_settings
from ..terminal import ask_yes_no, can_ask, paint, say, show_json, symbol
from ..times import format_day, format_distance, format_moment, parse_instant

SUMMARY = "Cancel a booking. Shows first what comes back and until when, and asks."
EXAMPLES = """
insighta cancel 019ab3f7-0c11
insighta cancel 019ab3f7-0c11 --yes   the previewed refund or nothing
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("booking", help="the booking's id, or its start")
    add_yes_option(parser)
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Nobody loses a credit to a deadline that passes between the preview and the answer."""
    if not arguments.yes and not can_ask():
        raise UsageError("Nobody can be asked here, because this is not a terminal.", "To cancel without asking: --yes")
    api = Api(read_settings())
    booking_id = resolve_active_booking(api, arguments.booking)
    booking = api.get(f"/bookings/{booking_id}")
    cancelled = _cancel_as_agreed(api, booking, is_agreed=arguments.yes)
    if arguments.json:
        show_json(cancelled)
    refunded = cancelled["credits_refunded"]
    back = f"{count_credits(refunded)} came back" if refunded else "no credit came back"
    say(f"{paint(symbol('ok', sys.stderr), 'green', sys.stderr)} Cancelled; {back}.")
    return 0


def _cancel_as_agreed(api: Api, booking: dict[str, Any], *, is_agreed: bool) -> dict[str, Any]:
    say(f"{describe_booking(booking)}\n")
    while True:
        preview = api.get(f"/bookings/{booking['id']}/refund-preview")
        say(_describe(preview))
        if not is_agreed and not ask_yes_no(_question(preview)):
            raise Cancelled("Nothing was cancelled.")
        try:
            return api.post(f"/bookings/{booking['id']}/cancel", {"expected_credits_refunded": preview["credits"]})
        except Problem as problem:
            if problem.code != "refund_changed" or is_agreed:
                raise
            say(f"\n{problem.sentence}\n")


def _describe(preview: dict[str, Any]) -> str:
    deadline, now = parse_instant(preview["refund_deadline"]), parse_instant(preview["now"])
    when = f"{format_moment(deadline)}, {format_distance(deadline - now)}"
    if not preview["refundable"]:
        return f"The deadline for a refund was {when}: no credit comes back."
    sentence = f"{count_credits(preview['credits'])} come{'s' * (preview['credits'] == 1)} back until {when}."
    if preview.get("usable_until"):
        usable_until = parse_instant(preview["usable_until"])
        return f"{sentence}\nIt can be used until {format_day(usable_until)} {usable_until.year}."
    return f"{sentence}\nIt cannot be used until your plan is renewed."


def _question(preview: dict[str, Any]) -> str:
    if preview["refundable"]:
        return f"Cancel this booking and get {count_credits(preview['credits'])} back?"
    return "Cancel this booking without getting a credit back?"
