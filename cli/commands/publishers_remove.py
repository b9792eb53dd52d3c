import argparse
from functools import cache
from typing import Any

from ..api import Api
from ..settings import read_settings
from ..short_ids import resolve_id
from ..terminal import say
from ..times import format_moment, parse_instant

SUMMARY = "Stop a CI job from acting as you, at once."
EXAMPLES = """
insighta publishers remove 019ab3f7-0c11
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("publisher", help="the publisher's id or its start")


def run(arguments: argparse.Namespace) -> None:
    api = Api(read_settings(arguments))
    list_publishers = cache(lambda: api.list("/trusted-publishers"))
    publisher_id = resolve_id(arguments.publisher, "publisher", list_publishers, _describe)
    removed = next((one for one in list_publishers() if one["id"] == publisher_id), {})
    api.delete(f"/trusted-publishers/{publisher_id}")
    say(f"Removed: {removed.get('repository') or publisher_id}.")


def _describe(publisher: dict[str, Any]) -> str:
    made = format_moment(parse_instant(publisher["created_at"]))
    return f"{publisher['repository']} {publisher['workflow']}, added {made}"
