import argparse

from ..api import Api
from ..parsing import add_json_option
from ..settings import read_settings
from ..short_ids import Items, shorten
from ..tables import show_items, show_table
from ..times import format_distance_to

SUMMARY = "List the CI jobs that may act as you without a secret."
EXAMPLES = """
insighta publishers list
insighta publishers list --json    whole ids, for INSIGHTA_PUBLISHER
"""


def configure(parser: argparse.ArgumentParser) -> None:
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    publishers = Api(read_settings(arguments)).list("/trusted-publishers")
    otherwise = "You have no trusted publishers. Add one: insighta publishers add OWNER/NAME FILE.yml"
    show_items(publishers, _show, as_json=arguments.json, otherwise=otherwise)


def _show(publishers: Items) -> None:
    short = shorten(publisher["id"] for publisher in publishers)
    rows = []
    for publisher in publishers:
        used = format_distance_to(publisher["last_used_at"])
        limits = ", ".join(filter(None, (publisher["environment"], publisher["ref"]))) or "any branch"
        scopes = ", ".join(publisher["scopes"])
        rows.append([short[publisher["id"]], publisher["repository"], publisher["workflow"], limits, scopes, used])
    show_table(["ID", "REPOSITORY", "WORKFLOW", "ONLY", "ALLOWS", "LAST USED"], rows, flexible={1: 8, 3: 8, 4: 12})
