from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookings.errors import BookingsError
from bookings.services.upgrading import finish_upgrade


class Command(BaseCommand):
    """The last step of an upgrade."""

    help = (
        "Say that no process of the release before runs any more: from then on hosts may set prices and refund "
        "windows, and change times. Run it once, after the last process of an upgrade was replaced."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--yes", action="store_true", help="do it; without this nothing is done")

    def handle(self, *args: object, **options: object) -> None:
        if not options["yes"]:
            raise CommandError(
                "Nothing was done. The release before cannot run again afterwards. Once its last process has stopped, "
                "add --yes."
            )
        try:
            adopted = finish_upgrade()
        except BookingsError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"The upgrade is finished. {adopted} rules of the release before are offerings now.")
