import argparse
import re
from datetime import datetime
from typing import Any

from ..api import Api
from ..errors import UsageError
from ..parsing import add_json_option
from ..schedule import name_host, name_status, say_zone_difference
from ..settings import read_settings
from ..short_ids import Items, shorten
from ..tables import find_room, shorten_text
from ..terminal import clean, paint, say, show, show_json
from ..times import (
    MONTHS,
    at_midnight,
    format_day,
    format_instant,
    format_span,
    parse_instant,
    read_now,
    read_zone_name,
)

SUMMARY = "Show a week: what you have booked and, for hosts, what you offer."
EXAMPLES = """
insighta calendar
insighta calendar --week +1          next week; or -1, 2026-W49, 2026-12-01
insighta calendar --feed             the address for your calendar program
insighta calendar --json
"""

# Columns of a day, and of a title however narrow the terminal is.
LABEL, SHORTEST_TEXT = 12, 8


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--week", default="+0", help="+1, -1, 2026-W49 or a day in it (default: this week)")
    parser.add_argument("--feed", action="store_true", help="print the address of your calendar feed and stop")
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    """A week starts on Monday at midnight of this machine's zone."""
    api = Api(read_settings(arguments))
    if arguments.feed:
        return _show_feed(api, as_json=arguments.json)
    start = read_week(arguments.week, read_now().astimezone())
    end = at_midnight(start, days=7)
    person = api.find_person()
    entries = _list_bookings(api, start, end) + _list_hosted(api, person, start, end)
    if arguments.json:
        return show_json(_to_json(start, end, entries))
    _show(start, sorted(entries, key=lambda entry: entry["start"]))
    return say_zone_difference(person.get("time_zone"))


def read_week(text: str, today: datetime) -> datetime:
    """The Monday midnight of a week. Raises UsageError."""
    if re.fullmatch(r"[+-]?\d{1,3}", text):
        return _monday_of(at_midnight(today, days=7 * int(text)))
    try:
        return _monday_of(datetime.fromisoformat(text))
    except ValueError:
        raise UsageError(f"'{text}' is not a week.", "Write +1, -1, 2026-W49 or a day such as 2026-12-01.") from None


def _monday_of(day: datetime) -> datetime:
    return at_midnight(day, days=-day.weekday())


def _show_feed(api: Api, *, as_json: bool) -> None:
    feed = api.get("/calendar-feed")
    if as_json:
        return show_json(feed)
    say("Give this address to your calendar program.", "Whoever has it can read your calendar.")
    return show(feed["url"])


def _list_bookings(api: Api, start: datetime, end: datetime) -> Items:
    found = [booking for booking in api.list("/bookings") if booking["status"] != "cancelled"]
    entries = [_to_entry("booking", b, b["scheduled_start_time"], b["scheduled_end_time"]) for b in found]
    return [entry for entry in entries if start <= entry["start"] < end]


def _list_hosted(api: Api, person: dict[str, Any], start: datetime, end: datetime) -> Items:
    if not person.get("is_host"):
        return []
    query = {"from": format_instant(start), "to": format_instant(end), "host": person["id"]}
    found = [slot for slot in api.list("/slots", **query) if slot["status"] == "open"]
    return [_to_entry("hosting", slot, slot["starts_at"], slot["ends_at"]) for slot in found]


def _to_entry(kind: str, item: dict[str, Any], start: str, end: str) -> dict[str, Any]:
    return {"kind": kind, "item": item, "start": parse_instant(start), "end": parse_instant(end)}


def _to_json(start: datetime, end: datetime, entries: Items) -> dict[str, Any]:
    return {
        "week": f"{start:%G-W%V}",
        "starts_at": start.isoformat(),
        "ends_at": end.isoformat(),
        "time_zone": read_zone_name(start),
        "bookings": [entry["item"] for entry in entries if entry["kind"] == "booking"],
        "hosting": [entry["item"] for entry in entries if entry["kind"] == "hosting"],
    }


def _show(start: datetime, entries: Items) -> None:
    last = at_midnight(start, days=6)
    span = f"{start.day} {MONTHS[start.month - 1]} to {last.day} {MONTHS[last.month - 1]} {last.year}"
    show(f"{paint(f'Week {start:%V}', 'bold')}, {span}, times in {read_zone_name(start)}", "")
    short = shorten(entry["item"]["id"] for entry in entries)
    today = read_now().astimezone().date()
    for offset in range(7):
        day = at_midnight(start, days=offset)
        lines = [_describe(entry, short) for entry in entries if entry["start"].date() == day.date()]
        label = paint(f"{format_day(day, width=2):<{LABEL}}", "bold" if day.date() == today else "dim")
        for index, line in enumerate(lines or [paint("-", "dim")]):
            show(f"{label if index == 0 else ' ' * LABEL}{line}")


def _describe(entry: dict[str, Any], short: dict[str, str]) -> str:
    item = entry["item"]
    time = format_span(entry["start"], entry["end"])
    if entry["kind"] == "hosting":
        return _fit(time, item["title"], f", hosting {item['seats_taken']} of {item['capacity']}")
    mark = "" if item["status"] == "active" else f" ({name_status(item)})"
    return _fit(time, f"{item['title']} with {name_host(item)}", f"{mark}  ", short[item["id"]])


def _fit(time: str, text: str, rest: str, id_: str = "") -> str:
    """A line that the terminal has room for, its text cut where it has to be."""
    room = find_room()
    if room:
        taken = LABEL + len(f"{time}  {rest}{id_}")
        text = shorten_text(clean(text), max(room - taken, SHORTEST_TEXT))
    return f"{time}  {text}{rest}{paint(id_, 'dim') if id_ else ''}"
