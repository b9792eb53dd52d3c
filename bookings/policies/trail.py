"""What a person sees of their own trail; what staff note for each other is not among it."""

from collections.abc import Mapping
from typing import Any

KINDS = (
    "person.created",
    "person.deactivated",
    "session.opened",
    "session.ended",
    "session.others_ended",
    "session.all_ended",
    "session.replayed",
    "token.created",
    "token.revoked",
    "device.approved",
    "device.denied",
    "publisher.added",
    "publisher.removed",
    "application.withdrawn",
    "calendar_feed.rotated",
    "booking.made",
    "booking.promoted",
    "booking.rescheduled",
    "booking.cancelled",
    "booking.no_show",
    "booking.no_show_undone",
    "booking.credits_given_back",
)
# What an event says of its subject that has a name.
_NAMES = ("label", "name", "repository")


def name_of(detail: Mapping[str, Any]) -> str:
    """The device, token or repository that an event is about; empty for everything else."""
    return next((str(detail[key]) for key in _NAMES if detail.get(key)), "")
