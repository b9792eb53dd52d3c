from typing import Any

from django.core.management.base import CommandParser

from bookings.management.commands._front_desk import Done, FrontDeskCommand
from bookings.services.staff import end_hosting, make_host


class Command(FrontDeskCommand):
    """Let a person offer sessions, or not any more."""

    help = "Let a person, by GitHub login or id, offer sessions (--undo: not any more)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="GitHub login, or id where several people have been called that")
        parser.add_argument("--undo", action="store_true", help="the person is no host any more; the calendar closes")
        parser.add_argument(
            "--cancel-booked", action="store_true", help="with --undo: cancel what is booked, and refund it in full"
        )
        super().add_arguments(parser)

    def do(self, options: dict[str, Any], *, is_preview: bool) -> Done:
        person = options["person"]
        if not options["undo"]:
            made = make_host(person=person, is_preview=is_preview)
            report = {"person_id": str(made.user_id), "is_host": True, "sessions_opened": made.opened}
            return report, f"{person} ({made.user_id}) is a host."
        done = end_hosting(person=person, cancel_booked=options["cancel_booked"], is_preview=is_preview)
        report = {
            "person_id": str(done.user_id),
            "is_host": False,
            "sessions_closed": done.closed,
            "bookings_cancelled": done.bookings_cancelled,
            "credits_refunded": done.credits_refunded,
        }
        return report, f"{person} is no host any more. {done.bookings_cancelled} bookings were cancelled."
