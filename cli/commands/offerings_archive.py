import argparse

from ..api import Api
from ..offerings import resolve_offering
from ..parsing import add_json_option
from ..settings import read_settings
from ..terminal import say_done, show_json

SUMMARY = "Make nothing new of an offering; what was made from it stays."
EXAMPLES = """
insighta offerings archive 019ab3f7-0c11
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("offering", help="the offering's id, or its start")
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    api = Api(read_settings(arguments))
    archived = api.post(f"/offerings/{resolve_offering(api, arguments.offering)}/archive")
    if arguments.json:
        show_json(archived)
    say_done(f"Archived: {archived['title']}.")
