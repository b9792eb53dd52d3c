import argparse
from typing import Any

from .api import Api
from .errors import CliError, UsageError
from .short_ids import Items, choose_item, find_whole, resolve_id

# The option of each field that an offering may say. None of them has a default: what is not given stays.
TEXTS = {"description": "what happens, for whom", "place": "where it is", "link": "https address; those booked see it"}
NUMBERS = {
    "minutes": ("--minutes", "how long a session is"),
    "capacity": ("--seats", "how many people fit"),
    "price_credits": ("--price", "credits for a booking, 0 to 100"),
    "refund_window_hours": ("--refund-hours", "a full refund until so many hours before"),
}


def add_offering_options(parser: argparse.ArgumentParser) -> None:
    add_terms_options(parser)
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--public", action="store_true", default=None, help="people without an account see it, too")
    shown.add_argument("--private", dest="public", action="store_false", default=None, help="they do not")


def add_terms_options(parser: argparse.ArgumentParser) -> None:
    """What an offering and a session both say."""
    for name, (option, text) in NUMBERS.items():
        parser.add_argument(option, dest=name, metavar="N", type=int, help=text)
    for name, text in TEXTS.items():
        parser.add_argument(f"--{name}", metavar="TEXT", help=text)


def read_offering_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """The fields that are given, under the API's names."""
    names = ("title", *NUMBERS, *TEXTS, "public")
    return {name: value for name in names if (value := getattr(arguments, name, None)) is not None}


def list_own(api: Api) -> Items:
    """What the person offers, archived offerings among it. Raises UsageError where it is not known who that is."""
    person = api.find_person()
    if not person:
        raise UsageError("A token that may not read your account does not say whose offerings these are.", "")
    return api.list("/offerings", host=str(person["id"]))


def choose_offering(api: Api, text: str) -> dict[str, Any]:
    """The person's own offering. Raises as resolve_id, and CliError where there is none of that whole id."""
    whole = find_whole(text)
    found = [one for one in list_own(api) if one["id"] == whole] if whole else []
    if whole and not found:
        raise CliError("You have no offering of that id.", "See: insighta offerings list")
    return found[0] if found else choose_item(text, "offering", lambda: list_own(api), lambda one: str(one["title"]))


def resolve_offering(api: Api, text: str) -> str:
    """Raises as resolve_id."""
    return resolve_id(text, "offering", lambda: list_own(api), lambda one: str(one["title"]))
