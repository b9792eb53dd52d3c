import argparse

from ..api import Api
from ..parsing import add_json_option
from ..settings import read_settings
from ..short_ids import Items, shorten
from ..tables import show_table
from ..terminal import say, show_json
from ..times import format_distance, parse_instant, read_now

SUMMARY = "List your personal access tokens, without their secrets."
EXAMPLES = """
insighta tokens list
insighta tokens list --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    tokens = Api(read_settings(arguments)).list("/personal-access-tokens")
    if arguments.json:
        show_json(tokens)
    elif tokens:
        _show(tokens)
    else:
        say("You have no personal access tokens. Make one: insighta tokens create NAME")


def _show(tokens: Items) -> None:
    short = shorten(token["id"] for token in tokens)
    now = read_now()
    rows = []
    for token in tokens:
        expires_at = parse_instant(token["expires_at"]) if token["expires_at"] else None
        until = f"{expires_at:%Y-%m-%d}" if expires_at else "no end"
        used = format_distance(parse_instant(token["last_used_at"]) - now) if token["last_used_at"] else "never"
        scopes = ", ".join(token["scopes"])
        rows.append([short[token["id"]], token["name"], f"{token['prefix']}…", scopes, until, used])
    show_table(["ID", "NAME", "TOKEN", "ALLOWS", "UNTIL", "LAST USED"], rows, flexible={3: 12, 1: 6})
