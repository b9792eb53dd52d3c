import argparse

from ..api import Api
from ..parsing import add_json_option
from ..settings import read_settings
from ..short_ids import Items, shorten
from ..tables import show_table
from ..terminal import say, show_json
from ..times import format_distance, parse_instant, read_now

SUMMARY = "List the CI jobs that may act as you without a secret."
EXAMPLES = """
insighta publishers list
insighta publishers list --json    whole ids, for INSIGHTA_PUBLISHER
"""


def configure(parser: argparse.ArgumentParser) -> None:
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    publishers = Api(read_settings(arguments)).list("/trusted-publishers")
    if arguments.json:
        show_json(publishers)
    elif publishers:
        _show(publishers)
    else:
        say("You have no trusted publishers. Add one: insighta publishers add OWNER/NAME FILE.yml")


def _show(publishers: Items) -> None:
    short = shorten(publisher["id"] for publisher in publishers)
    now = read_now()
    rows = []
    for publisher in publishers:
        used = format_distance(parse_instant(publisher["last_used_at"]) - now) if publisher["last_used_at"] else "never"
        limits = ", ".join(filter(None, (publisher["environment"], publisher["ref"]))) or "any branch"
        scopes = ", ".join(publisher["scopes"])
        rows.append([short[publisher["id"]], publisher["repository"], publisher["workflow"], limits, scopes, used])
    show_table(["ID", "REPOSITORY", "WORKFLOW", "ONLY", "ALLOWS", "LAST USED"], rows, flexible={1: 8, 3: 8, 4: 12})
