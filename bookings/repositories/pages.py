import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Q

from bookings.errors import NotValid
from bookings.repositories.rows import Row, Rows

PAGE_SIZE = 50


@dataclass(frozen=True)
class Page:
    """A stretch of a list, and the cursors of the stretches after and before it; None at the ends."""

    rows: list[Row]
    next: str | None
    previous: str | None


@dataclass(frozen=True)
class _Mark:
    """The row after which (`backwards`: before which) a page begins: its value of the first sort key, and its id."""

    value: Any
    id: UUID
    backwards: bool


def read_page(rows: Rows, *, cursor: str = "", size: int = PAGE_SIZE) -> Page:
    """One page in one query. `rows` are ordered by a column and then by id, both up or both down.

    Raises NotValid for a cursor that no page has given.
    """
    column = str(rows.query.order_by[0])
    mark = _decode(cursor, rows=rows, column=column.lstrip("-")) if cursor else None
    backwards = mark is not None and mark.backwards
    found = list(_beyond(rows, mark=mark, column=column)[: size + 1])
    kept = found[:size]
    if backwards:
        kept.reverse()
    more, came_from = len(found) > size, mark is not None
    return Page(
        rows=kept,
        next=_encode(kept, -1, column=column) if (came_from if backwards else more) else None,
        previous=_encode(kept, 0, column=column) if (more if backwards else came_from) else None,
    )


def _beyond(rows: Rows, *, mark: _Mark | None, column: str) -> Rows:
    if mark is None:
        return rows
    name, descending = column.lstrip("-"), column.startswith("-")
    ahead = "lt" if descending != mark.backwards else "gt"
    past = Q(**{f"{name}__{ahead}": mark.value}) | Q(**{name: mark.value, f"id__{ahead}": mark.id})
    # The bound on the first column alone lets the index be used; the rest is exact.
    bound = Q(**{f"{name}__{ahead}e": mark.value})
    found: Rows = rows.filter(bound, past)
    return found.reverse() if mark.backwards else found


def _encode(rows: list[Row], index: int, *, column: str) -> str | None:
    if not rows:
        return None
    value = rows[index][column.lstrip("-")]
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    mark = json.dumps([text, str(rows[index]["id"]), index == 0]).encode()
    return base64.urlsafe_b64encode(mark).decode().rstrip("=")


def _decode(cursor: str, *, rows: Rows, column: str) -> _Mark:
    try:
        text, row_id, backwards = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return _Mark(rows.model._meta.get_field(column).to_python(text), UUID(row_id), backwards is True)
    except (ValueError, TypeError, AttributeError, binascii.Error, ValidationError) as error:
        raise NotValid("This cursor was not given by any page. Start again without it.") from error
