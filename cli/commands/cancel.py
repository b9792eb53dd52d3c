import argparse
from typing import Any

from ..api import Api
from ..errors import Problem, UsageError
from ..parsing import add_json_option, add_yes_option
from ..schedule import count_credits, describe_booking, refunded_until, resolve_active_booking
from ..settings import read_settings
from ..terminal import can_ask, confirm, say, say_done, show_json
from ..times import format_day, format_distance, format_moment, parse_instant

SUMMARY = "Cancel a booking. Shows first what comes back and until when, and asks."
EXAMPLES = """
insighta cancel 019ab3f7-0c11
insighta cancel 019ab3f7-0c11 --yes   the previewed refund or nothing
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("booking", help="the booking's id, or its start")
    add_yes_option(parser)
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    if not arguments.yes and not can_ask():
        raise UsageError("Nobody can be asked here, because this is not a terminal.", "To cancel without asking: --yes")
    api = Api(read_settings(arguments))
    booking = api.get(f"/bookings/{resolve_active_booking(api, arguments.booking)}")
    cancelled = _cancel_as_agreed(api, booking, is_agreed=arguments.yes)
    if arguments.json:
        show_json(cancelled)
    refunded = cancelled["credits_refunded"]
    say_done(f"Cancelled; {count_credits(refunded) if refunded else 'no credit'} came back.")


def _cancel_as_agreed(api: Api, booking: dict[str, Any], *, is_agreed: bool) -> dict[str, Any]:
    """Nobody loses a credit to a deadline that passes between the preview and the answer: it is asked about again."""
    say(describe_booking(booking), "")
    while True:
        preview = api.get(f"/bookings/{booking['id']}/refund-preview")
        say(*_describe(preview))
        if not is_agreed:
            confirm(_question(preview), otherwise="Nothing was cancelled.")
        try:
            return api.post(f"/bookings/{booking['id']}/cancel", {"expected_credits_refunded": preview["credits"]})
        except Problem as problem:
            if problem.code != "refund_changed" or is_agreed:
                raise
            say("", problem.sentence, "")


def _describe(preview: dict[str, Any]) -> list[str]:
    deadline, now = refunded_until(preview), parse_instant(preview["now"])
    when = f"{format_moment(deadline)}, {format_distance(deadline - now)}"
    if not preview["refundable"] and now < deadline:
        return ["It has cost nothing that could come back."]
    if not preview["refundable"]:
        return [f"The deadline for a refund was {when}: no credit comes back."]
    back = f"{count_credits(preview['credits'])} come{'s' * (preview['credits'] == 1)} back"
    lines = [f"{back} until {when}."]
    if not preview.get("usable_until"):
        return [*lines, "It cannot be used until your plan is renewed."]
    usable_until = parse_instant(preview["usable_until"])
    return [*lines, f"It can be used until {format_day(usable_until)} {usable_until.year}."]


def _question(preview: dict[str, Any]) -> str:
    if preview["refundable"]:
        return f"Cancel this booking and get {count_credits(preview['credits'])} back?"
    return "Cancel this booking without getting a credit back?"
