from django.core.management.base import BaseCommand

from bookings.services.availability import expand_all


class Command(BaseCommand):
    """Make the slots that availability rules ask for; the worker does it every hour."""

    help = "Make the slots that availability rules ask for."

    def handle(self, *args: object, **options: object) -> None:
        self.stdout.write(f"{expand_all()} slots were added.")
