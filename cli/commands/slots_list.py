import argparse
from datetime import datetime, timedelta
from typing import Any

from .. import clock
from ..api import Api
from ..credentials import format_instant
from ..errors import UsageError
from ..ids import TIME_AND_ORDER_LENGTH, Items, shorten
from ..parsing import add_json_option
from ..schedule import is_refundable, name_host, resolve_host
from ..settings import read_settings
from ..tables import format_table
from ..terminal import clean, say, show, show_json
from ..times import format_day, format_span, format_time, parse_instant, read_zone_name

SUMMARY = "List open slots, soonest first, in this machine's time zone."
EXAMPLES = """
insighta slots list
insighta slots list --host grace --from tomorrow
insighta slots list --from 2026-12-01 --to 2026-12-08
insighta slots list --json | jq -r '.[0].id'
"""
MOST_SHOWN = 100
WIDEST = 100


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--host", help="only this host's: a login name or the start of an id")
    parser.add_argument("--from", dest="start", metavar="DAY", help="from this day: 2026-12-01, today, tomorrow")
    parser.add_argument("--to", dest="end", metavar="DAY", help="up to the end of this day")
    parser.add_argument("--all", action="store_true", help="full and cancelled ones too")
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """The API's slots."""
    now = clock.read_now()
    start = max(now, read_day(arguments.start, now)) if arguments.start else now
    end = read_day(arguments.end, now) + timedelta(days=1) if arguments.end else None
    api = Api(read_settings())
    query = {
        "from": format_instant(start),
        "to": format_instant(end) if end else None,
        "host": resolve_host(api, arguments.host) if arguments.host else None,
        "open": None if arguments.all else "true",
    }
    slots = api.list("/slots", most=None if arguments.json else MOST_SHOWN, **query)
    if arguments.json:
        show_json(slots)
    else:
        _show(slots)
    return 0


def read_day(text: str, now: datetime) -> datetime:
    """The start of a day in this machine's zone. Raises UsageError."""
    today = now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    names = {"today": 0, "tomorrow": 1}
    if text.lower() in names:
        return _at_midnight(today + timedelta(days=names[text.lower()]))
    try:
        return _at_midnight(datetime.fromisoformat(text))
    except ValueError:
        raise UsageError(f"'{text}' is not a day.", "Write it as 2026-12-01, or today, or tomorrow.") from None


def _at_midnight(day: datetime) -> datetime:
    # Without its offset, because that day's may be another than today's.
    return day.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None).astimezone()


def _show(slots: Items) -> None:
    if not slots:
        say("There is no slot that fits. Try another day or host, or --all to see full ones too.")
        return
    short = shorten((slot["id"] for slot in slots), at_least=TIME_AND_ORDER_LENGTH)
    zone = read_zone_name(parse_instant(slots[0]["starts_at"]))
    rows = [[short[slot["id"]], *_describe(slot)] for slot in slots[:MOST_SHOWN]]
    headings = ["ID", f"WHEN ({zone})", "HOST", "SESSION", "LEFT", "REFUND UNTIL"]
    for line in format_table(headings, rows, flexible=[3, 2], widest=WIDEST):
        show(line)
    if len(slots) > MOST_SHOWN:
        say(f"There are more than these {MOST_SHOWN}: narrow it with --host, --from or --to, or use --json.")


def _describe(slot: dict[str, Any]) -> list[str]:
    start, end = parse_instant(slot["starts_at"]), parse_instant(slot["ends_at"])
    when = f"{format_day(start)} {format_span(start, end)}"
    return [when, name_host(slot), clean(slot["title"]), _seats(slot), _refund_until(slot)]


def _refund_until(slot: dict[str, Any]) -> str:
    deadline = parse_instant(slot["refund_deadline"])
    return f"{format_day(deadline)} {format_time(deadline)}" if is_refundable(slot) else "none"


def _seats(slot: dict[str, Any]) -> str:
    if slot["status"] != "open":
        return clean(slot["status"])
    if slot.get("booking_id"):
        return "booked"
    return f"{slot['seats_left']} of {slot['capacity']}" if slot["seats_left"] else "full"
