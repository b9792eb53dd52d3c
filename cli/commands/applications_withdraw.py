import argparse
from urllib.parse import quote

from ..api import Api
from ..settings import read_settings
from ..terminal import say

SUMMARY = "End your sign-ins in an application; it has to ask again."
EXAMPLES = """
insighta applications withdraw wiki-1f2e
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("application", help="its id, as insighta applications list shows it")


def run(arguments: argparse.Namespace) -> None:
    Api(read_settings(arguments)).delete(f"/applications/{quote(arguments.application, safe='')}")
    say(f"Withdrawn: {arguments.application}.")
