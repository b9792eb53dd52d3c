import argparse
from typing import Any

from ..api import Api
from ..hosting import list_hosted
from ..parsing import add_json_option
from ..settings import read_settings
from ..short_ids import Items, shorten
from ..tables import show_items, show_table
from ..times import format_period, parse_instant, read_zone_name

SUMMARY = "List the sessions you host, with seats taken."
EXAMPLES = """
insighta hosting list
insighta hosting list --when past
insighta hosting list --json | jq -r '.[].id'
"""


def configure(parser: argparse.ArgumentParser) -> None:
    choices = ["upcoming", "past", "cancelled"]
    parser.add_argument("--when", choices=choices, default="upcoming", help="which of them; upcoming unless told")
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    sessions = list_hosted(Api(read_settings(arguments)), arguments.when)
    show_items(sessions, _show, as_json=arguments.json, otherwise="There is nothing here.")


def _show(sessions: Items) -> None:
    short = shorten(one["id"] for one in sessions)
    zone = read_zone_name(parse_instant(sessions[0]["starts_at"]))
    rows = [[short[one["id"]], *_describe(one)] for one in sessions]
    show_table(["ID", f"WHEN ({zone})", "SESSION", "BOOKED"], rows, right=[3], flexible={2: 8})


def _describe(one: dict[str, Any]) -> list[str]:
    when = format_period(one["starts_at"], one["ends_at"])
    return [when, one["title"], f"{one['seats_taken']} of {one['capacity']}"]
