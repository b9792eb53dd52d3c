from typing import Any

from django.core.management.base import CommandParser

from bookings.management.commands._front_desk import Done, FrontDeskCommand, read_id
from bookings.policies.counts import count, count_credits
from bookings.services.front_desk import cancel_slot_as_staff


class Command(FrontDeskCommand):
    """Cancel a host's session."""

    help = "Cancel a host's session before it starts. Everybody is refunded in full; they, those who wait and the "
    help += "host are told."
    needs_yes = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slot", type=read_id, help="the session's id")
        parser.add_argument("--message", default="", help="your words to all of them")
        super().add_arguments(parser)

    def do(self, options: dict[str, Any], *, is_preview: bool) -> Done:
        done = cancel_slot_as_staff(slot_id=options["slot"], message=options["message"], is_preview=is_preview)
        report = {
            "slot_id": str(options["slot"]),
            "bookings_cancelled": done.bookings_cancelled,
            "credits_refunded": done.credits_refunded,
        }
        people = count(done.bookings_cancelled, "booking")
        refund = count_credits(done.credits_refunded)
        return report, f"Session {options['slot']} is cancelled, with {people}; {refund} back."
