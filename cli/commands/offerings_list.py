import argparse
from typing import Any

from ..api import Api
from ..offerings import list_own
from ..parsing import add_json_option
from ..schedule import resolve_host
from ..settings import read_settings
from ..short_ids import Items, shorten
from ..tables import show_items, show_table

SUMMARY = "List what you offer, or what another host does."
EXAMPLES = """
insighta offerings list
insighta offerings list --host grace
insighta offerings list --json | jq -r '.[].title'
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="this host's: a login name or the start of an id")
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    api = Api(read_settings(arguments))
    offerings = api.list("/offerings", host=resolve_host(api, arguments.host)) if arguments.host else list_own(api)
    otherwise = "Nothing is offered yet. A host makes an offering with: insighta offerings create"
    show_items(offerings, _show, as_json=arguments.json, otherwise=otherwise)


def _show(offerings: Items) -> None:
    short = shorten(one["id"] for one in offerings)
    rows = [[short[one["id"]], *_describe(one)] for one in offerings]
    show_table(["ID", "TITLE", "MIN", "SEATS", "COST", "PLACE", ""], rows, right=[2, 3, 4], flexible={1: 12, 5: 8})


def _describe(one: dict[str, Any]) -> list[str]:
    numbers = [str(one[name]) for name in ("minutes", "capacity", "price_credits")]
    state = "archived" if one["archived_at"] else "public" if one["public"] else ""
    return [one["title"], *numbers, one["place"], state]
