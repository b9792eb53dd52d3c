from typing import Any

from django.core.management.base import CommandParser

from bookings.management.commands._front_desk import Done, FrontDeskCommand, read_id, report_booking
from bookings.policies.counts import count_credits
from bookings.services.front_desk import cancel_booking_as_staff, describe_session


class Command(FrontDeskCommand):
    """Cancel a person's booking."""

    help = "Cancel a person's booking before it starts. They are told, and whoever waits gets the seat."
    needs_yes = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("booking", type=read_id, help="the booking's id")
        parser.add_argument(
            "--refund",
            choices=["rule", "full"],
            required=True,
            help="rule: as if the person cancelled now. full: everything comes back, whatever the deadline",
        )
        parser.add_argument("--message", default="", help="your words to the person")
        parser.add_argument("--expect", type=int, metavar="CREDITS", help="only if that many credits go back")
        super().add_arguments(parser)

    def do(self, options: dict[str, Any], *, is_preview: bool) -> Done:
        row = cancel_booking_as_staff(
            booking_id=options["booking"],
            refund=options["refund"],
            message=options["message"],
            expected_credits_refunded=options["expect"],
            is_preview=is_preview,
        )
        refund = f"{count_credits(row['credits_refunded'])} of {row['credits_charged']}"
        sentence = f"{row['client']['login']}'s booking of {describe_session(row)} is cancelled; {refund} back."
        return report_booking(row), sentence
