from django.core.management.base import BaseCommand, CommandError

from bookings.services.audit import find_breaches


class Command(BaseCommand):
    """Check every rule of the booking domain by SQL; exit code 1 and the offending ids where one is broken."""

    help = "Check every rule of the booking domain by SQL."

    def handle(self, *args: object, **options: object) -> None:
        breaches = find_breaches()
        for rule, ids in breaches.items():
            self.stderr.write(f"BROKEN: {rule}: {', '.join(ids)}")
        if breaches:
            raise CommandError(f"{len(breaches)} rules are broken.", returncode=1)
        self.stdout.write("Every rule holds.")
