import argparse

from ..api import Api
from ..parsing import add_json_option
from ..schedule import say_zone_difference
from ..settings import read_settings
from ..terminal import show, show_json

SUMMARY = "Print your login name, as the backend knows you."
EXAMPLES = """
insighta whoami
insighta whoami --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    """Ask the backend: what is stored may be out of date."""
    person = Api(read_settings(arguments)).get("/me")
    if arguments.json:
        show_json(person)
        return
    show(person["login"])
    say_zone_difference(person.get("time_zone"))
