import argparse

from ..api import Api
from ..schedule import describe_slot, get_slot
from ..settings import read_settings
from ..terminal import say_done

SUMMARY = "Stop waiting for a seat in a slot."
EXAMPLES = """
insighta waitlist leave 019ab3f2-5440-7a1c
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("slot", help="the slot's id, or its start")


def run(arguments: argparse.Namespace) -> None:
    api = Api(read_settings(arguments))
    slot = get_slot(api, arguments.slot, only_open=False)
    api.delete(f"/slots/{slot['id']}/waitlist")
    say_done(f"You are not waiting for {describe_slot(slot)}.")
