from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.errors import AccountsError
from accounts.services import people


class Command(BaseCommand):
    help = "Approve somebody who waits for it."
    outcome = "is approved"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="GitHub login or id")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            person = people.approve_person_called(login_or_id=options["person"])
        except AccountsError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{person.login} ({person.id}) {self.outcome}.")
