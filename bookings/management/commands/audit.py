import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookings.services.audit import find_breaches


class Command(BaseCommand):
    help = (
        "Check every rule of the booking domain by SQL, and that every constraint, index and trigger of the schema is "
        "in force. Exit code 1, with the ids, where one is broken."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object: the broken rules, each with its ids")

    def handle(self, *args: Any, **options: Any) -> None:
        breaches = find_breaches(report=self._report if self.stderr.isatty() else None)
        if options["json"]:
            self.stdout.write(json.dumps(breaches))
        else:
            for rule, ids in breaches.items():
                self.stderr.write(f"BROKEN: {rule}: {', '.join(ids)}")
        if breaches:
            number = f"{len(breaches)} rules are" if len(breaches) > 1 else "1 rule is"
            raise CommandError(f"{number} broken.", returncode=1)
        if not options["json"]:
            self.stdout.write("Every rule holds.")

    def _report(self, rule: str) -> None:
        self.stderr.write(f"checking: {rule}")
