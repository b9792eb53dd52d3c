import argparse

from .. import clock
from ..api import Api
from ..ids import Items, shorten
from ..parsing import add_json_option
from ..settings import read_settings
from ..tables import format_table
from ..terminal import clean, say, show, show_json
from ..times import format_day, format_distance, parse_instant

SUMMARY = "List your personal access tokens, without their secrets."
EXAMPLES = """
insighta tokens list
insighta tokens list --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """The API's tokens."""
    tokens = Api(read_settings()).list("/personal-access-tokens")
    if arguments.json:
        show_json(tokens)
    elif tokens:
        _show(tokens)
    else:
        say("You have no personal access tokens. Make one: insighta tokens create NAME")
    return 0


def _show(tokens: Items) -> None:
    short = shorten(token["id"] for token in tokens)
    now = clock.read_now()
    rows = []
    for token in tokens:
        expires_at = parse_instant(token["expires_at"]) if token["expires_at"] else None
        until = f"{format_day(expires_at)} {expires_at.year}" if expires_at else "no end"
        used = format_distance(parse_instant(token["last_used_at"]) - now) if token["last_used_at"] else "never"
        scopes = ", ".join(map(clean, token["scopes"]))
        rows.append([short[token["id"]], clean(token["name"]), f"{clean(token['prefix'])}…", scopes, until, used])
    for line in format_table(["ID", "NAME", "TOKEN", "ALLOWS", "UNTIL", "LAST USED"], rows, flexible=[3]):
        show(line)
