import argparse
import sys
from typing import Any

from ..api import Api
from ..hosting import resolve_hosted
from ..parsing import add_json_option
from ..schedule import name_status
from ..settings import read_settings
from ..short_ids import Items
from ..tables import show_items, show_table
from ..terminal import clean, show

SUMMARY = "Show who has booked a session you host, with the ids of the bookings."
EXAMPLES = """
insighta hosting roster 019ab3f7-0c11
insighta hosting roster 019ab3f7-0c11 --csv > who-comes.csv
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("session", help="the session's id, or its start")
    forms = parser.add_mutually_exclusive_group()
    add_json_option(forms)
    forms.add_argument("--csv", action="store_true", help="print those who hold a seat, for a spreadsheet")


def run(arguments: argparse.Namespace) -> None:
    api = Api(read_settings(arguments))
    path = f"/slots/{resolve_hosted(api, arguments.session, 'upcoming', 'past', 'cancelled')}/bookings"
    if arguments.csv:
        _show_csv(api.get_text(f"{path}.csv", "text/csv"))
        return
    show_items(api.list(path), _show, as_json=arguments.json, otherwise="Nobody has booked.")


def _show(bookings: Items) -> None:
    rows = [_describe(booking) for booking in bookings]
    show_table(["BOOKING", "LOGIN", "STATUS", "EMAIL", "NAME"], rows, flexible={4: 8})


def _show_csv(content: bytes) -> None:
    """A program gets the bytes as they are; what would act on a terminal does not reach one."""
    if sys.stdout.isatty():
        show(*map(clean, content.decode(errors="replace").rstrip().split("\r\n")))
        return
    sys.stdout.buffer.write(content)


def _describe(row: dict[str, Any]) -> list[str]:
    client = row["client"]
    return [row["id"], client["login"], name_status(row), client.get("email") or "", client["display_name"]]
