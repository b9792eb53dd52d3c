"""Identifiers that people can type: any unique start of a UUID."""

import itertools
import re
from collections.abc import Callable, Iterable
from typing import Any

from .errors import CliError, UsageError

WHOLE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
START = re.compile(r"[0-9a-f]{4}[0-9a-f-]*")
# The time of creation in a UUIDv7, to the millisecond, and that with the characters after it: what one person makes
# differs in the first, what a program makes in one go in the second. Lists that are only a part show the second.
TIME_LENGTH = 13
TIME_AND_ORDER_LENGTH = 18

Items = list[dict[str, Any]]


def shorten(ids: Iterable[str], *, at_least: int = TIME_LENGTH) -> dict[str, str]:
    """Each id with a start of the same length that no other of them shares."""
    ordered = sorted(set(ids))
    length = max([at_least, *(_count_common(one, other) + 1 for one, other in itertools.pairwise(ordered))])
    return {id_: id_[:length].rstrip("-") for id_ in ordered}


def _count_common(one: str, other: str) -> int:
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b), len(one))


def resolve_id(text: str, noun: str, list_items: Callable[[], Items]) -> str:
    """The whole id. `list_items` is asked only for a short one.

    Raises UsageError for what is no id or the start of several, CliError for the start of none.
    """
    wanted = text.strip().lower()
    if WHOLE.fullmatch(wanted):
        return wanted
    if not START.fullmatch(wanted):
        raise UsageError(
            f"'{text}' is not an id of a {noun}.", "An id is 4 or more of the characters that the list shows."
        )
    return _choose(wanted, noun, [str(item["id"]) for item in list_items()])


def _choose(wanted: str, noun: str, ids: list[str]) -> str:
    matches = [id_ for id_ in ids if id_.startswith(wanted) or id_.replace("-", "").startswith(wanted)]
    if len(matches) == 1:
        return matches[0]
    if not matches:
        raise CliError(f"No {noun} has an id that starts with {wanted}.", "Only what the list shows can be shortened.")
    listed = "\n".join(sorted(shorten(ids)[match] for match in matches)[:10])
    raise UsageError(f"{len(matches)} ids start with {wanted}. Type more of the one you mean:", listed)
