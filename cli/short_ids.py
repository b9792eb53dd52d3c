import itertools
import re
from collections.abc import Callable, Iterable
from typing import Any

from .errors import CliError, UsageError
from .terminal import clean

WHOLE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
START = re.compile(r"[0-9a-f]{4}[0-9a-f-]*")
# The time of creation in a UUIDv7, to the millisecond, and that with the characters after it: what one person makes
# differs in the first, what a program makes in one go in the second. Lists that are only a part show the second.
TIME_LENGTH = 13
TIME_AND_ORDER_LENGTH = 18

# A mistake should not fill the screen.
MOST_NAMED = 10

Items = list[dict[str, Any]]
Describe = Callable[[dict[str, Any]], str]


def shorten(ids: Iterable[str], *, at_least: int = TIME_LENGTH) -> dict[str, str]:
    """Each id with a start of the same length that no other of them shares."""
    ordered = sorted(set(ids))
    length = max([at_least, *(_count_common(one, other) + 1 for one, other in itertools.pairwise(ordered))])
    return {id_: id_[:length].rstrip("-") for id_ in ordered}


def _count_common(one: str, other: str) -> int:
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b), len(one))


def resolve_id(text: str, noun: str, list_items: Callable[[], Items], describe: Describe) -> str:
    """The whole id. `list_items` is asked only for a short one, `describe` tells the candidates apart.

    Raises UsageError for what is no id or the start of several, CliError for the start of none.
    """
    return find_whole(text) or str(choose_item(text, noun, list_items, describe)["id"])


def find_whole(text: str) -> str | None:
    """The id, where `text` is one from start to end."""
    wanted = text.strip().lower()
    return wanted if WHOLE.fullmatch(wanted) else None


def choose_item(text: str, noun: str, list_items: Callable[[], Items], describe: Describe) -> dict[str, Any]:
    """The only item whose id starts so. Raises as resolve_id."""
    wanted = text.strip().lower()
    if not START.fullmatch(wanted):
        raise UsageError(
            f"'{text}' is not an id of a {noun}.", "An id is 4 or more of the characters that the list shows."
        )
    items = list_items()
    matches = [item for item in items if _starts(str(item["id"]), wanted)]
    if not matches:
        raise CliError(f"No {noun} has an id that starts with {wanted}.", "Only what the list shows can be shortened.")
    if len(matches) > 1:
        raise describe_choice(f"{len(matches)} {noun}s have an id that starts with {wanted}", items, matches, describe)
    return matches[0]


def _starts(id_: str, wanted: str) -> bool:
    return id_.startswith(wanted) or id_.replace("-", "").startswith(wanted)


def describe_choice(trouble: str, items: Items, matches: Items, describe: Describe) -> UsageError:
    """Names the candidates, each with as much of its id as tells it from all `items`."""
    short = shorten((str(item["id"]) for item in items), at_least=len("01234567"))
    length = max(len(short[str(item["id"])]) for item in matches)
    lines = [f"{short[str(item['id'])]:<{length}}  {clean(describe(item))}" for item in matches[:MOST_NAMED]]
    if len(matches) > MOST_NAMED:
        lines.append(f"and {len(matches) - MOST_NAMED} more: see the list.")
    return UsageError(f"{trouble}. Type {length} characters of the one you mean:", "\n".join(lines))
