from typing import Any

from django.core.management.base import CommandParser

from accounts.management.base import ServiceCommand
from accounts.services import people


class Command(ServiceCommand):
    help = "Approve somebody who waits for it."
    outcome = "is approved"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="GitHub login or id")

    def handle(self, *args: Any, **options: Any) -> None:
        person = people.approve_person_called(login_or_id=options["person"])
        self.stdout.write(f"{person.login} ({person.id}) {self.outcome}.")
