from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookings.errors import BookingsError
from bookings.management.commands._front_desk import as_json, fold, read_id, report_booking, report_line, show_lines
from bookings.policies.counts import count_credits
from bookings.serializers.answers import EntrySerializer
from bookings.services.front_desk import describe_session
from bookings.services.timeline import BookingStory, get_booking_story


class Command(BaseCommand):
    """One booking: its session, its credits, and what happened."""

    help = "Show one booking: whose it is, its session, what it has cost and given back, and what happened."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("booking", type=read_id, help="the booking's id")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: object, **options: Any) -> None:
        try:
            story = get_booking_story(booking_id=options["booking"])
        except BookingsError as error:
            raise CommandError("There is no booking by that id.") from error
        self.stdout.write(as_json(_report(story)) if options["json"] else "\n".join(_show(story)))


def _report(story: BookingStory) -> dict[str, object]:
    return {
        **report_booking(story.row),
        "credit_entries": [EntrySerializer(entry).data for entry in story.entries],
        "timeline": [report_line(line) for line in story.lines],
    }


def _show(story: BookingStory) -> list[str]:
    row = story.row
    by = f" by the {row['cancelled_by']}" if row["cancelled_by"] else ""
    back = row["credits_refunded"] + row["credits_given_back"]
    lines = [
        f"{row['client']['login']}: {describe_session(row)}",
        f"{row['id']}, {row['status']}{by}",
        f"cost {count_credits(row['credits_charged'])}, {count_credits(back)} came back",
        "",
        "Ledger" if story.entries else "Ledger: nothing",
    ]
    for entry in story.entries:
        note = f" ({entry['note']})" if entry["note"] else ""
        lines.append(f"  {entry['created_at']:%d %b %Y %H:%M} UTC  {entry['amount']:+d}  {entry['reason']}{note}")
    return [*map(fold, lines), "", "What happened", *show_lines(story.lines)]
