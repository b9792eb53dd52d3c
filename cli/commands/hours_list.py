import argparse
from datetime import date
from functools import partial
from typing import Any

from ..api import Api
from ..parsing import add_json_option
from ..settings import read_settings
from ..short_ids import Items, shorten
from ..tables import show_items, show_table
from ..times import DAYS, MONTHS
from ..weekly_hours import describe_hours, describe_week

SUMMARY = "List your weekly hours, and the dates that differ from them."
EXAMPLES = """
insighta hours list
insighta hours list --json | jq -r '.[] | select(.kind == "day_off") | .date'
"""
IN_A_ROW = 3


def configure(parser: argparse.ArgumentParser) -> None:
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    api = Api(read_settings(arguments))
    rules = api.list("/availability-rules")
    otherwise = "You have no hours yet. Set them with: insighta hours set OFFERING mon-fri 9-12"
    show_items(rules, partial(_show, api), as_json=arguments.json, otherwise=otherwise)


def _show(api: Api, rules: Items) -> None:
    zone = api.find_person().get("time_zone") or "your zone"
    short = shorten(rule["offering_id"] for rule in rules if rule["offering_id"])
    weeks: dict[tuple[str, str], Items] = {}
    for rule in rules:
        if rule["kind"] == "weekly":
            weeks.setdefault((short.get(rule["offering_id"], ""), rule["title"]), []).append(rule)
    rows = [row for offering, week in weeks.items() for days in describe_week(week) for row in _split(*offering, *days)]
    dates = sorted((rule for rule in rules if rule["kind"] != "weekly"), key=lambda rule: str(rule["date"]))
    rows += [_describe_date(rule, short.get(rule["offering_id"], "")) for rule in dates]
    show_table(["OFFERING", "TITLE", "WHEN", f"HOURS ({zone})"], rows, flexible={1: 6})


def _split(offering: str, title: str, days: str, hours: list[str]) -> list[list[str]]:
    """Rows with a few hours each, so that none is cut."""
    first, *more = (", ".join(hours[place : place + IN_A_ROW]) for place in range(0, len(hours), IN_A_ROW))
    return [[offering, title, days, first], *(["", "", "", some] for some in more)]


def _describe_date(rule: dict[str, Any], offering: str) -> list[str]:
    day = date.fromisoformat(rule["date"])
    when = f"{DAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]} {day.year}"
    if rule["kind"] == "day_off":
        return ["", "", when, "day off"]
    return [offering, rule["title"], when, describe_hours(rule)]
