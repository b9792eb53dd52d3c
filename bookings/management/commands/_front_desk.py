import json
import textwrap
from argparse import ArgumentTypeError
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser
from rest_framework.utils.encoders import JSONEncoder

from accounts.management.base import ServiceCommand
from bookings.serializers.answers import BookingSerializer, RosterSerializer, SubscriptionSerializer
from bookings.services.credits import get_subscription
from bookings.services.timeline import Line

WIDTH = 80
Done = tuple[dict[str, Any], str]
"""What was done, or would be: as one object, and as a sentence that is true of both."""


class FrontDeskCommand(ServiceCommand):
    """An operation for a person, which can be looked at first; one that takes something away needs --yes."""

    needs_yes = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")
        parser.add_argument("--json", action="store_true", help="one JSON object")
        if self.needs_yes:
            parser.add_argument("--yes", action="store_true", help="do it; without this nothing is done")

    def handle(self, *args: object, **options: Any) -> None:
        is_preview = options["dry_run"] or (self.needs_yes and not options["yes"])
        report, sentence = self.do(options, is_preview=is_preview)
        if is_preview and not options["dry_run"]:
            raise CommandError(f"Nothing was done. With --yes: {sentence}")
        shown = f"Nothing was done. Without --dry-run: {sentence}" if is_preview else sentence
        self.stdout.write(as_json({**report, "dry_run": is_preview}) if options["json"] else shown)

    def do(self, options: dict[str, Any], *, is_preview: bool) -> Done:
        raise NotImplementedError


def as_json(report: Mapping[str, object]) -> str:
    """One line, with instants and ids as the API writes them."""
    return json.dumps(report, cls=JSONEncoder)


def read_id(text: str) -> UUID:
    """The id that an argument gives. Raises ArgumentTypeError."""
    try:
        return UUID(text)
    except ValueError:
        raise ArgumentTypeError(f"'{text}' is not an id.") from None


def report_booking(row: Mapping[str, object]) -> dict[str, Any]:
    """A booking with its client as JSON has it, without the address that is for those booked and the host."""
    return {**RosterSerializer(row).data, "link": None}


def report_own_booking(row: Mapping[str, object]) -> dict[str, Any]:
    """A booking of somebody who is named beside it."""
    return {**BookingSerializer(row).data, "link": None}


def report_subscription(subscription_id: UUID) -> dict[str, Any]:
    """A subscription as the API shows it to its owner. Raises NotFound."""
    return dict(SubscriptionSerializer(get_subscription(subscription_id=subscription_id)).data)


def report_line(line: Line) -> dict[str, object]:
    """A line of a timeline as JSON has it."""
    return {
        "at": line.at,
        "topic": line.topic,
        "actor": line.actor or None,
        "text": line.sentence,
        "note": line.note,
        "event_id": line.event_id,
        "booking_id": line.booking_id,
        "slot_id": line.slot_id,
    }


def fold(line: str) -> str:
    """A line of a terminal's page, over as many lines as it needs."""
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.fill(line, WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def show_lines(lines: Sequence[Line]) -> list[str]:
    """A timeline for a terminal."""
    shown = []
    for line in lines:
        at = f"  {line.at:%d %b %Y %H:%M} UTC  "
        text = f"{line.sentence} · {line.note}" if line.note else line.sentence
        shown.append(textwrap.fill(text, width=WIDTH, initial_indent=at, subsequent_indent=" " * len(at)))
    return shown or ["  Nothing yet."]
