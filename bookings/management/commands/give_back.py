from typing import Any

from django.core.management.base import CommandParser

from accounts.management.base import ServiceCommand
from bookings.management.commands._front_desk import as_json, read_id, report_own_booking
from bookings.policies.counts import count_credits
from bookings.services.giving_back import NOTE_LENGTH, give_back


class Command(ServiceCommand):
    """Give back what a booking has cost."""

    help = "Give back some of what a booking has cost, before or after its start, with a note that the person reads."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("booking", type=read_id, help="the booking's id")
        parser.add_argument("credits", type=int, help="how many credits")
        parser.add_argument("--note", required=True, help=f"why, in at most {NOTE_LENGTH} characters")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: object, **options: Any) -> None:
        booking_id, credits, note = options["booking"], options["credits"], options["note"]
        row = give_back(booking_id=booking_id, credits=credits, note=note, actor_id=None)
        sentence = f"{count_credits(credits)} of booking {booking_id} went back."
        self.stdout.write(as_json(report_own_booking(row)) if options["json"] else sentence)
