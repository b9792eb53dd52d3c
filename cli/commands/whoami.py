import argparse

from .. import clock
from ..api import Api
from ..parsing import add_json_option
from ..settings import read_settings
from ..terminal import clean, say, show, show_json
from ..times import describe_zone_difference

SUMMARY = "Print your login name, as the backend knows you."
EXAMPLES = """
insighta whoami
insighta whoami --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask the backend: what is stored may be out of date."""
    person = Api(read_settings()).get("/me")
    if arguments.json:
        show_json(person)
        return 0
    show(clean(person["login"]))
    difference = describe_zone_difference(person.get("time_zone"), clock.read_now())
    if difference:
        say(difference)
    return 0
