import argparse

from .. import clock
from ..api import Api
from ..ids import Items, shorten
from ..parsing import add_json_option
from ..settings import read_settings
from ..tables import format_table
from ..terminal import clean, show, show_json
from ..times import format_day, format_distance, format_time, parse_instant, read_zone_name

SUMMARY = "List where you are signed in: terminals, browsers, and which one this is."
EXAMPLES = """
insighta sessions list
insighta sessions list --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """The API's sessions."""
    sessions = Api(read_settings()).list("/sessions")
    if arguments.json:
        show_json(sessions)
    else:
        _show(sessions)
    return 0


def _show(sessions: Items) -> None:
    short = shorten(session["id"] for session in sessions)
    now = clock.read_now()
    zone = read_zone_name(now)
    rows = []
    for session in sessions:
        created_at = parse_instant(session["created_at"])
        used = format_distance(parse_instant(session["last_used_at"] or session["created_at"]) - now)
        when = f"{format_day(created_at)}, {format_time(created_at)}"
        mark = "this one" if session["current"] else ""
        rows.append([short[session["id"]], clean(session["label"]), when, used, mark])
    for line in format_table(["ID", "WHERE", f"SIGNED IN ({zone})", "LAST USED", ""], rows, flexible=[1]):
        show(line)
