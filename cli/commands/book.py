import argparse
import sys
from typing import Any

from ..api import Api
from ..errors import CliError
from ..parsing import add_expect_option, add_json_option, add_yes_option, read_expected
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

SUMMARY = "Book a seat, or one every week. Shows price and refund deadline first and asks."
EXAMPLES = """
insighta slots list                     shows the ids
insighta book 019ab3f2-5440-7a1c        the start of the slot's id is enough
insighta book 019ab3f2-5440-7a1c --yes  do not ask
insighta book 019ab3f2-5440-7a1c --until 2026-12-24
"""
REFUSALS = {
    "already_booked": "you are booked",
    "insufficient_credits": "too few credits",
    "overlapping_booking": "you are booked elsewhere then",
    "own_slot": "your own session",
    "slot_cancelled": "cancelled by its host",
    "slot_full": "full",
    "slot_started": "too late to book",
}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("slot", help="the slot's id, or its start")
    parser.add_argument("--until", metavar="DAY", help="its session of every week, up to that day")
    add_expect_option(parser)
    add_yes_option(parser)
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    api = Api(read_settings(arguments))
    # Where the id goes into a variable or a file, a script is at work, although it may run at a terminal.
    may_ask = not arguments.yes and sys.stdout.isatty() and can_ask()
    if arguments.until:
        _book_series(api, arguments, may_ask=may_ask)
        return
    wish = _ask(api, arguments.slot) if may_ask else {"slot_id": resolve_slot(api, arguments.slot)}
    booking = api.post("/bookings", wish | read_expected(arguments), is_keyed=True)
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


def _book_series(api: Api, arguments: argparse.Namespace, *, may_ask: bool) -> None:
    """What cannot be booked is named before, and the rest is booked as it was shown, or nothing."""
    path = f"/slots/{resolve_slot(api, arguments.slot)}/series"
    series = api.get(path, until=arguments.until)
    bookable = [one["slot"] for one in series["sessions"] if one["refusal"] is None]
    price = describe_price(series["credits_charged"])
    say(*_describe(series), "")
    if not bookable:
        raise CliError("None of these sessions can be booked.", "Choose others: insighta slots list")
    if may_ask:
        confirm(f"Book {_count(bookable)} for {price}?", otherwise="Nothing was booked.")
    wish = {
        "slot_ids": [one["id"] for one in bookable],
        "expected_credits_charged": series["credits_charged"],
        "seen": series["seen"],
    }
    made = api.post(path, wish | read_expected(arguments), is_keyed=True)
    if arguments.json:
        show_json(made)
        return
    say_done(f"Booked: {_count(made['bookings'])} for {describe_price(made['credits_charged'])}.")
    show(*(booking["id"] for booking in made["bookings"]))


def _describe(series: dict[str, Any]) -> list[str]:
    lines = []
    for one in series["sessions"]:
        slot, refusal = one["slot"], one["refusal"]
        lines.append(describe_slot(slot))
        why = f"Not booked: {REFUSALS.get(refusal, refusal)}." if refusal else ""
        lines.append(f"  {why or f'Price: {describe_price(read_price(slot))}. {describe_refund(slot)}'}")
    if series["opened_until"]:
        lines.append(f"Later sessions than that of {series['opened_until']} are not open yet.")
    return lines


def _count(found: list[dict[str, Any]]) -> str:
    return f"{len(found)} session{'' if len(found) == 1 else 's'}"
