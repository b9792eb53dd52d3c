from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.errors import AccountsError
from bookings.errors import BookingsError
from bookings.services.staff import end_hosting, make_host


class Command(BaseCommand):
    """Let a person offer sessions, or not any more."""

    help = "Let a person, by GitHub login or id, offer sessions (--undo: not any more)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="GitHub login, or id where several people have been called that")
        parser.add_argument("--undo", action="store_true", help="the person is no host any more; the calendar closes")
        parser.add_argument(
            "--cancel-booked", action="store_true", help="with --undo: cancel what is booked, and refund it in full"
        )

    def handle(self, *args: object, **options: Any) -> None:
        person = options["person"]
        try:
            if options["undo"]:
                done = end_hosting(person=person, cancel_booked=options["cancel_booked"])
                outcome = f"{person} is no host any more. {done.bookings_cancelled} bookings were cancelled."
            else:
                outcome = f"{person} ({make_host(person=person)}) is a host."
        except (AccountsError, BookingsError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(outcome)
