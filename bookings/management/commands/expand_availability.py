import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookings.services.expansion import expand_all


class Command(BaseCommand):
    help = (
        "Make the slots that availability rules ask for, and close those that they ask for no more and nobody has "
        "booked. The worker does it every hour."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count the slots to be added, and change nothing")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        report = self._report if self.stderr.isatty() else None
        done = expand_all(dry_run=options["dry_run"], report=report)
        failed = [str(host_id) for host_id in done.failed]
        sentence = f"{done.added} slots {'are to be' if options['dry_run'] else 'were'} added."
        self.stdout.write(json.dumps({"slots": done.added, "failed": failed}) if options["json"] else sentence)
        if failed:
            raise CommandError(f"The calendars of these hosts failed; the log says why: {', '.join(failed)}")

    def _report(self, done: int, hosts: int) -> None:
        self.stderr.write(f"{done} of {hosts} hosts")
