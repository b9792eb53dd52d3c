"""What may not be said while processes of the release before may still run.

That release charges one credit for every booking, has one refund window, and knows no cancellation that is free after
the deadline.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bookings import errors
from bookings.repositories import availability_rules, locking, offerings
from bookings.services.made_from import ensure_offering
from bookings.services.operations import operation

_UNFINISHED = "The service is being upgraded, so this cannot be changed yet. Try again later today."


def check_terms(values: Mapping[str, Any]) -> None:
    """Raises NotValid for a price other than 1, or an own refund window, while the upgrade is not finished."""
    price, window = values.get("price_credits", 1), values.get("refund_window_hours")
    check_upgraded({"price_credits": price != 1, "refund_window_hours": window is not None})


def check_booking_in() -> None:
    """Raises NotValid while the upgrade is not finished: who is booked in pays nothing or may leave without loss."""
    check_upgraded({"charge": True})


def check_upgraded(used: Mapping[str, bool]) -> None:
    """Raises NotValid, with each of these fields that is used, while the upgrade is not finished."""
    names = [name for name, is_used in used.items() if is_used]
    if names and offerings.is_upgrade_unfinished():
        raise errors.NotValid(_UNFINISHED, extra={"errors": {name: [_UNFINISHED] for name in names}})


@operation
def finish_upgrade(_: datetime, /) -> int:
    """Note that no process of the release before runs any more; how many rules of its making have an offering now.

    From then on prices, refund windows and times may be changed. Raises Busy.
    """
    rules = offerings.list_unadopted()
    for host_id in sorted({rule.host_id for rule in rules}):
        locking.lock_host(host_id)
    for rule in rules:
        said = availability_rules.offered_by(rule)
        offerings.adopt(rule, rule.offering or ensure_offering(host_id=rule.host_id, values=said))
    offerings.end_upgrade()
    return len(rules)
