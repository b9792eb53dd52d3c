from typing import Any

from django.core.management.base import CommandParser

from bookings.management.commands._front_desk import Done, FrontDeskCommand, read_id, report_booking
from bookings.policies.counts import count_credits
from bookings.services.front_desk import book_as_staff, describe_session


class Command(FrontDeskCommand):
    """Book a session for a person."""

    help = "Book a session for a person, until it starts. They are told, and may leave without loss until the start."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="GitHub login, or id where several people have been called that")
        parser.add_argument("slot", type=read_id, help="the session's id")
        parser.add_argument("--free", action="store_true", help="charge nothing; without it, the session's price")
        parser.add_argument("--expect", type=int, metavar="CREDITS", help="only if it costs that many credits")
        super().add_arguments(parser)

    def do(self, options: dict[str, Any], *, is_preview: bool) -> Done:
        row = book_as_staff(
            person=options["person"],
            slot_id=options["slot"],
            charge=not options["free"],
            expected_credits_charged=options["expect"],
            is_preview=is_preview,
        )
        sentence = (
            f"{row['client']['login']} is booked into {describe_session(row)}, for "
            f"{count_credits(row['credits_charged'])}."
        )
        if is_preview:
            return {**report_booking(row), "id": None}, sentence
        return report_booking(row), f"{sentence} Booking {row['id']}."
