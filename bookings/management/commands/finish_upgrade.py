from django.core.management.base import CommandError, CommandParser

from accounts.management.base import ServiceCommand
from bookings.services.upgrading import finish_upgrade


class Command(ServiceCommand):
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
        adopted = finish_upgrade()
        self.stdout.write(f"The upgrade is finished. {adopted} rules of the release before are offerings now.")
