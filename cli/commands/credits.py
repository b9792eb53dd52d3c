import argparse
from typing import Any

from ..api import Api
from ..parsing import add_json_option
from ..schedule import count_credits
from ..settings import read_settings
from ..tables import show_table
from ..terminal import paint, show, show_json
from ..times import format_day, format_day_time, format_time, parse_instant, read_now, read_zone_name

SUMMARY = "Show your credits, how long they last and where they went."
EXAMPLES = """
insighta credits
insighta credits --json
"""
MOST_ENTRIES = 10


def configure(parser: argparse.ArgumentParser) -> None:
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    api = Api(read_settings(arguments))
    subscriptions = api.list("/subscriptions")
    entries = api.list("/credit-entries", most=MOST_ENTRIES)
    usable = sum(subscription["credits_remaining"] for subscription in subscriptions if subscription["active"])
    if arguments.json:
        show_json({"credits": usable, "subscriptions": subscriptions, "entries": entries})
        return
    show(f"You have {paint(count_credits(usable), 'bold')} to book with.")
    zone = read_zone_name(read_now())
    plans = [[one["plan"], str(one["credits_remaining"]), _describe_period(one)] for one in subscriptions]
    changes = [_describe_entry(entry) for entry in entries[:MOST_ENTRIES]]
    if plans:
        show()
        show_table(["PLAN", "LEFT", f"USABLE ({zone})"], plans, right=[1], flexible={0: 10})
    if changes:
        show()
        show_table([f"LATEST CHANGES ({zone})", "", "WHY", "LEFT"], changes, right=[1, 3])


def _describe_period(subscription: dict[str, Any]) -> str:
    start, end = parse_instant(subscription["starts_at"]), parse_instant(subscription["ends_at"])
    until = f"until {format_day(end)} {end.year}, {format_time(end)}"
    if subscription["active"]:
        return until
    return f"from {format_day(start)} {start.year} {until}" if subscription["credits_remaining"] else "ended"


def _describe_entry(entry: dict[str, Any]) -> list[str]:
    created_at = parse_instant(entry["created_at"])
    return [format_day_time(created_at), f"{entry['amount']:+d}", entry["reason"], str(entry["balance_after"])]
