from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.errors import AccountsError
from bookings.errors import BookingsError
from bookings.services.staff import make_host


class Command(BaseCommand):
    """Let a person offer sessions, or not any more."""

    help = "Let a person, by GitHub login or id, offer sessions (--undo: not any more)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="GitHub login, or id where several people have been called that")
        parser.add_argument("--undo", action="store_true", help="the person is no host any more; their slots stay")

    def handle(self, *args: object, **options: str) -> None:
        try:
            user_id = make_host(person=options["person"], is_host=not options["undo"])
        except (AccountsError, BookingsError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{options['person']} ({user_id}) is {'no host any more' if options['undo'] else 'a host'}.")
