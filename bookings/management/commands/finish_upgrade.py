from django.core.management.base import BaseCommand, CommandError

from bookings.errors import BookingsError
from bookings.services.upgrading import finish_upgrade


class Command(BaseCommand):
    """The last step of an upgrade."""

    help = (
        "Say that no process of the release before runs any more: from then on hosts may set prices and refund "
        "windows, and change times. Run it once, after the last process of an upgrade was replaced."
    )

    def handle(self, *args: object, **options: object) -> None:
        try:
            adopted = finish_upgrade()
        except BookingsError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"The upgrade is finished. {adopted} rules of the release before are offerings now.")
