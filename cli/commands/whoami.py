import argparse

from ..api import Api
from ..parsing import add_json_option
from ..settings import read_settings
from ..terminal import clean, show, show_json

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
    else:
        show(clean(person["login"]))
    return 0
