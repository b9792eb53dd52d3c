from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from bookings.services.demo import seed_demo


class Command(BaseCommand):
    """A lively demo: hosts in three zones, two weeks of slots, people with credits and bookings, a waitlist."""

    help = "Fill the development database with a demo; a second run adds only what is missing."

    def handle(self, *args: object, **options: object) -> None:
        if not settings.DEBUG:
            raise CommandError("The demo is for development: it needs DEBUG=true.")
        for line in seed_demo(now=timezone.now()):
            self.stdout.write(line)
