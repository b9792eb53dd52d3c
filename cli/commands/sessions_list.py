import argparse

from ..api import Api
from ..parsing import add_json_option
from ..sessions import name_session
from ..settings import read_settings
from ..short_ids import Items, shorten
from ..tables import show_table
from ..terminal import show_json
from ..times import format_day_time, format_distance_to, parse_instant, read_now, read_zone_name

SUMMARY = "List where you are signed in: terminals, browsers, and which one this is."
EXAMPLES = """
insighta sessions list
insighta sessions list --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    sessions = Api(read_settings(arguments)).list("/sessions")
    if arguments.json:
        show_json(sessions)
    else:
        _show(sessions)


def _show(sessions: Items) -> None:
    short = shorten(session["id"] for session in sessions)
    rows = []
    for session in sessions:
        used = format_distance_to(session["last_used_at"] or session["created_at"])
        signed_in = format_day_time(parse_instant(session["created_at"]))
        used = "this one" if session["current"] else used
        rows.append([short[session["id"]], name_session(session), signed_in, used])
    show_table(["ID", "WHERE", f"SIGNED IN ({read_zone_name(read_now())})", "LAST USED"], rows, flexible={1: 12})
