import argparse

from ..api import Api
from ..parsing import add_json_option
from ..settings import read_settings
from ..short_ids import Items
from ..tables import show_items, show_table
from ..times import format_distance_to

SUMMARY = "List the applications that you have signed in to with Insighta."
EXAMPLES = """
insighta applications list
insighta applications list --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    found = Api(read_settings(arguments)).list("/applications")
    show_items(found, _show, as_json=arguments.json, otherwise="You have signed in to no application.")


def _show(found: Items) -> None:
    rows = [
        [one["client_id"], one["name"], ", ".join(one["scopes"]), format_distance_to(one["last_used_at"])]
        for one in found
    ]
    show_table(["ID", "NAME", "ALLOWS", "LAST USED"], rows, flexible={2: 12, 1: 8})
