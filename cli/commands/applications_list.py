import argparse

from ..api import Api
from ..parsing import add_json_option
from ..settings import read_settings
from ..tables import show_table
from ..terminal import say, show_json
from ..times import format_distance, parse_instant, read_now

SUMMARY = "List the applications that you have signed in to with Insighta."
EXAMPLES = """
insighta applications list
insighta applications list --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    found, now = Api(read_settings(arguments)).list("/applications"), read_now()
    if arguments.json:
        show_json(found)
    elif found:
        used = [format_distance(parse_instant(one["last_used_at"]) - now) for one in found]
        rows = [
            [one["client_id"], one["name"], ", ".join(one["scopes"]), at] for one, at in zip(found, used, strict=True)
        ]
        show_table(["ID", "NAME", "ALLOWS", "LAST USED"], rows, flexible={2: 12, 1: 8})
    else:
        say("You have signed in to no application.")
