import argparse

from ..api import Api
from ..parsing import add_json_option
from ..settings import read_settings
from ..short_ids import Items, shorten
from ..tables import show_items, show_table
from ..times import format_distance_to, parse_instant

SUMMARY = "List your personal access tokens, without their secrets."
EXAMPLES = """
insighta tokens list
insighta tokens list --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    tokens = Api(read_settings(arguments)).list("/personal-access-tokens")
    otherwise = "You have no personal access tokens. Make one: insighta tokens create NAME"
    show_items(tokens, _show, as_json=arguments.json, otherwise=otherwise)


def _show(tokens: Items) -> None:
    short = shorten(token["id"] for token in tokens)
    rows = []
    for token in tokens:
        expires_at = parse_instant(token["expires_at"]) if token["expires_at"] else None
        until = f"{expires_at:%Y-%m-%d}" if expires_at else "no end"
        used = format_distance_to(token["last_used_at"])
        scopes = ", ".join(token["scopes"])
        rows.append([short[token["id"]], token["name"], f"{token['prefix']}…", scopes, until, used])
    show_table(["ID", "NAME", "TOKEN", "ALLOWS", "UNTIL", "LAST USED"], rows, flexible={3: 12, 1: 6})
