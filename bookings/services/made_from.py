"""What rules and slots take from the offering that they are made from."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from bookings import errors
from bookings.repositories import offerings

if TYPE_CHECKING:
    from bookings.models import Offering


def complete(values: Mapping[str, Any], *, host_id: UUID) -> dict[str, Any]:
    """Values of a rule or slot, with what the offering of their `offering_id` says besides, its `minutes` too.

    Raises NotValid for an archived offering, and for one that is not the host's.
    """
    given = dict(values)
    offering_id = given.pop("offering_id", None)
    if offering_id is None:
        return given
    offering = offerings.find_offering(offering_id, host_id=host_id)
    if offering is None or offering.archived_at is not None:
        problem = "This offering is archived." if offering else "You have no such offering."
        raise errors.NotValid(extra={"errors": {"offering_id": [problem]}})
    said = {name: getattr(offering, name) for name in ("title", "minutes", "capacity", *offerings.OFFERED)}
    return {**said, "offering": offering, **given}


def ensure_offering(*, host_id: UUID, values: Mapping[str, Any]) -> "Offering":
    """The host's offering that says exactly this, made if there is none; the caller has locked the calendar."""
    same = offerings.find_same(host_id=host_id, values=values)
    return same or offerings.insert_offering(host_id=host_id, values=values)
