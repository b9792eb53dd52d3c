from typing import Any

from django.core.management.base import CommandParser

from bookings.management.commands._front_desk import Done, FrontDeskCommand, read_id, report_booking
from bookings.policies.counts import count_credits
from bookings.services.front_desk import describe_session, move_booking_as_staff


class Command(FrontDeskCommand):
    """Move a person's booking to another session."""

    help = "Move a person's booking to another session before its refund deadline. They pay the new price and are told."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("booking", type=read_id, help="the booking's id")
        parser.add_argument("slot", type=read_id, help="the id of the session that it moves to")
        parser.add_argument("--expect", type=int, metavar="CREDITS", help="only if it then costs that many credits")
        super().add_arguments(parser)

    def do(self, options: dict[str, Any], *, is_preview: bool) -> Done:
        row = move_booking_as_staff(
            booking_id=options["booking"],
            slot_id=options["slot"],
            expected_credits_charged=options["expect"],
            is_preview=is_preview,
        )
        cost = count_credits(row["credits_charged"])
        return report_booking(row), f"{row['client']['login']} is moved to {describe_session(row)}; it costs {cost}."
