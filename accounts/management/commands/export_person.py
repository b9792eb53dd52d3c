import json
from typing import Any

from django.core.management.base import CommandParser

from accounts.management.base import ServiceCommand
from accounts.services import erasure


class Command(ServiceCommand):
    help = "All that is kept about somebody, as JSON on standard output: profile, sign-ins, bookings, ledger, trail."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="GitHub login or id")

    def handle(self, *args: Any, **options: Any) -> None:
        parts = erasure.export_person(login_or_id=options["person"])
        self.stdout.write(json.dumps(parts, indent=2, default=str, ensure_ascii=False))
