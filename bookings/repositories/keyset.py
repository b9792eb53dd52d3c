"""Keyset pagination: a page begins after a row's sort key, so its cost does not grow with what comes before it."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from bookings.errors import NotValid

PAGE_SIZE = 50
Found = dict[str, Any]
Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """A stretch of a list, and the cursors of the stretches after and before it; None at the ends."""

    rows: Sequence[Row]
    next: str | None
    previous: str | None


@dataclass(frozen=True)
class _Mark:
    """The row after which (`backwards`: before which) a page begins: its value of the first sort key, and its id."""

    value: Any
    id: UUID
    backwards: bool


def read_page(
    query: QuerySet[Any, Any], *, make_row: Callable[[Found], Row], cursor: str = "", size: int = PAGE_SIZE
) -> Page[Row]:
    """One page in one statement. `query` gives dictionaries, ordered by a column and then by id, both up or both down.

    Raises NotValid for a cursor that no page has given.
    """
    column = str(query.query.order_by[0])
    mark = _decode(cursor, query=query, column=column.lstrip("-")) if cursor else None
    backwards = mark is not None and mark.backwards
    found = list(_beyond(query, mark=mark, column=column)[: size + 1])
    kept = found[:size]
    if backwards:
        kept.reverse()
    more, came_from = len(found) > size, mark is not None
    return Page(
        rows=[make_row(one) for one in kept],
        next=_encode(kept, -1, column=column) if (came_from if backwards else more) else None,
        previous=_encode(kept, 0, column=column) if (more if backwards else came_from) else None,
    )


def _beyond(query: QuerySet[Any, Any], *, mark: _Mark | None, column: str) -> QuerySet[Any, Any]:
    if mark is None:
        return query
    name, descending = column.lstrip("-"), column.startswith("-")
    ahead = "lt" if descending != mark.backwards else "gt"
    past = Q(**{f"{name}__{ahead}": mark.value}) | Q(**{name: mark.value, f"id__{ahead}": mark.id})
    # The bound on the first column alone lets the index be used; the rest is exact.
    bound = Q(**{f"{name}__{ahead}e": mark.value})
    found = query.filter(bound, past)
    return found.reverse() if mark.backwards else found


def _encode(found: list[Found], index: int, *, column: str) -> str | None:
    if not found:
        return None
    value = found[index][column.lstrip("-")]
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    mark = json.dumps([text, str(found[index]["id"]), index == 0]).encode()
    return base64.urlsafe_b64encode(mark).decode().rstrip("=")


def _decode(cursor: str, *, query: QuerySet[Any, Any], column: str) -> _Mark:
    try:
        text, row_id, backwards = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return _Mark(query.model._meta.get_field(column).to_python(text), UUID(row_id), backwards is True)
    except (ValueError, TypeError, AttributeError, binascii.Error, ValidationError) as error:
        raise NotValid("This cursor was not given by any page. Start again without it.") from error
