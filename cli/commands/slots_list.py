import argparse
from datetime import datetime, timedelta
from typing import Any

from ..api import Api
from ..errors import UsageError
from ..parsing import add_json_option
from ..schedule import is_refundable, name_host, read_price, resolve_host
from ..settings import read_settings
from ..short_ids import TIME_AND_ORDER_LENGTH, Items, shorten
from ..tables import show_items, show_table
from ..terminal import say
from ..times import (
    at_midnight,
    format_date_time,
    format_instant,
    format_period,
    parse_instant,
    read_now,
    read_zone_name,
)

SUMMARY = "List open slots, soonest first, in this machine's time zone."
EXAMPLES = """
insighta slots list
insighta slots list --host grace --from tomorrow
insighta slots list --from 2026-12-01 --to 2026-12-08
insighta slots list --json | jq -r '.[0].id'
"""
MOST_SHOWN = 100


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="only this host's: a login name or the start of an id")
    parser.add_argument("--from", dest="start", metavar="DAY", help="from this day: 2026-12-01, today, tomorrow")
    parser.add_argument("--to", dest="end", metavar="DAY", help="up to the end of this day")
    parser.add_argument("--all", action="store_true", help="full and cancelled ones too")
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    now = read_now()
    start = max(now, read_day(arguments.start, now)) if arguments.start else now
    end = read_day(arguments.end, now) + timedelta(days=1) if arguments.end else None
    api = Api(read_settings(arguments))
    query = {
        "from": format_instant(start),
        "to": format_instant(end) if end else None,
        "host": resolve_host(api, arguments.host) if arguments.host else None,
        "open": None if arguments.all else "true",
    }
    slots = api.list("/slots", most=None if arguments.json else MOST_SHOWN, **query)
    otherwise = "There is no slot that fits. Try another day or host, or --all to see full ones too."
    show_items(slots, _show, as_json=arguments.json, otherwise=otherwise)


def read_day(text: str, now: datetime) -> datetime:
    """The start of a day in this machine's zone. Raises UsageError."""
    names = {"today": 0, "tomorrow": 1}
    if text.lower() in names:
        return at_midnight(now.astimezone(), days=names[text.lower()])
    try:
        return at_midnight(datetime.fromisoformat(text))
    except ValueError:
        raise UsageError(f"'{text}' is not a day.", "Write it as 2026-12-01, or today, or tomorrow.") from None


def _show(slots: Items) -> None:
    short = shorten((slot["id"] for slot in slots), at_least=TIME_AND_ORDER_LENGTH)
    zone = read_zone_name(parse_instant(slots[0]["starts_at"]))
    rows = [[short[slot["id"]], *_describe(slot)] for slot in slots[:MOST_SHOWN]]
    headings = ["ID", f"WHEN ({zone})", "HOST", "SESSION", "LEFT", "REFUND UNTIL"]
    if any(read_price(slot) != 1 for slot in slots):
        headings.append("COST")
        rows = [[*row, str(read_price(slot))] for row, slot in zip(rows, slots, strict=False)]
    show_table(headings, rows, right=[4, 6], flexible={3: 8, 2: 6})
    if len(slots) > MOST_SHOWN:
        say(f"There are more than these {MOST_SHOWN}: narrow it with --host, --from or --to, or use --json.")


def _describe(slot: dict[str, Any]) -> list[str]:
    when = format_period(slot["starts_at"], slot["ends_at"])
    return [when, name_host(slot), slot["title"], _seats(slot), _refund_until(slot)]


def _refund_until(slot: dict[str, Any]) -> str:
    deadline = parse_instant(slot["refund_deadline"])
    return format_date_time(deadline) if is_refundable(slot) else "none"


def _seats(slot: dict[str, Any]) -> str:
    if slot["status"] != "open":
        return str(slot["status"])
    if slot.get("booking_id"):
        return "booked"
    return str(slot["seats_left"]) if slot["seats_left"] else "full"
