import argparse
from typing import Any

from ..api import Api
from ..parsing import add_json_option
from ..schedule import name_host
from ..settings import read_settings
from ..short_ids import Items, shorten
from ..tables import show_items, show_table
from ..times import format_period, parse_instant, read_zone_name

SUMMARY = "List what you wait for, your place, and why a free seat passed you by."
EXAMPLES = """
insighta waitlist list
insighta waitlist list --json
"""
REASONS = {"no_credit": "no credit", "overlap": "another booking", "changed": "session changed"}


def configure(parser: argparse.ArgumentParser) -> None:
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    places = Api(read_settings(arguments)).list("/waitlist")
    otherwise = "You wait for nothing. See full slots, too: insighta slots list --all"
    show_items(places, _show, as_json=arguments.json, otherwise=otherwise)


def _show(places: Items) -> None:
    slots = [place["slot"] for place in places]
    short = shorten(slot["id"] for slot in slots)
    rows = [
        [short[slot["id"]], *_describe(slot), str(place["position"]), REASONS.get(place["passed_over"], "")]
        for slot, place in zip(slots, places, strict=True)
    ]
    zone = read_zone_name(parse_instant(slots[0]["starts_at"]))
    headings = ["SLOT", f"WHEN ({zone})", "HOST", "SESSION", "PLACE", "PASSED OVER"]
    show_table(headings, rows, flexible={3: 8, 2: 6})


def _describe(slot: dict[str, Any]) -> list[str]:
    return [format_period(slot["starts_at"], slot["ends_at"]), name_host(slot), slot["title"]]
