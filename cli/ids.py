"""Identifiers that people can type: any unique start of a UUID."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from .errors import CliError, UsageError

WHOLE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
START = re.compile(r"[0-9a-f]{4}[0-9a-f-]*")
SHORTEST_SHOWN = 8

Items = list[dict[str, Any]]


def shorten(ids: Iterable[str]) -> dict[str, str]:
    """Each id with the shortest start, of 8 characters or more, that no other of them shares."""
    ordered = sorted(set(ids))
    return {id_: _shorten(id_, ordered[max(0, i - 1) : i] + ordered[i + 1 : i + 2]) for i, id_ in enumerate(ordered)}


def _shorten(id_: str, neighbours: list[str]) -> str:
    length = max([SHORTEST_SHOWN, *(_count_common(id_, other) + 1 for other in neighbours)])
    # An id that ended in a dash would look cut off.
    return id_[: length + (id_[length - 1 : length] == "-")]


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
