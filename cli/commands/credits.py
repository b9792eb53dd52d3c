import argparse
from typing import Any

from ..api import Api
from ..ids import Items
from ..parsing import add_json_option
from ..schedule import count_credits
from ..settings import read_settings
from ..tables import format_table
from ..terminal import clean, paint, show, show_json
from ..times import format_day, format_time, parse_instant

SUMMARY = "Show your credits, how long they last and where they went."
EXAMPLES = """
insighta credits
insighta credits --json
"""
MOST_ENTRIES = 10


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Usable credits are those of active subscriptions."""
    api = Api(read_settings())
    subscriptions = api.list("/subscriptions")
    entries = api.list("/credit-entries", most=MOST_ENTRIES)
    usable = sum(subscription["credits_remaining"] for subscription in subscriptions if subscription["active"])
    if arguments.json:
        show_json({"credits": usable, "subscriptions": subscriptions, "entries": entries})
        return 0
    show(f"You have {paint(count_credits(usable), 'bold')} to book with.")
    _show_subscriptions(subscriptions)
    _show_entries(entries[:MOST_ENTRIES])
    return 0


def _show_subscriptions(subscriptions: Items) -> None:
    if not subscriptions:
        return
    show()
    rows = [[clean(one["plan"]), str(one["credits_remaining"]), _period(one)] for one in subscriptions]
    for line in format_table(["PLAN", "LEFT", "USABLE"], rows, right=[1], flexible=[0]):
        show(line)


def _period(subscription: dict[str, Any]) -> str:
    start, end = parse_instant(subscription["starts_at"]), parse_instant(subscription["ends_at"])
    until = f"until {format_day(end)} {end.year}, {format_time(end)}"
    if subscription["active"]:
        return until
    return f"from {format_day(start)} {start.year} {until}" if subscription["credits_remaining"] else "ended"


def _show_entries(entries: Items) -> None:
    if not entries:
        return
    show()
    rows = [_describe(entry) for entry in entries]
    for line in format_table(["LATEST CHANGES", "", "WHY", "LEFT"], rows, right=[1, 3]):
        show(line)


def _describe(entry: dict[str, Any]) -> list[str]:
    created_at = parse_instant(entry["created_at"])
    when = f"{format_day(created_at)}, {format_time(created_at)}"
    return [when, f"{entry['amount']:+d}", clean(entry["reason"]), str(entry["balance_after"])]
