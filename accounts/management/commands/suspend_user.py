from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from accounts.management.base import ServiceCommand
from accounts.policies import REASON_LENGTH
from accounts.services import people


class Command(ServiceCommand):
    help = "Suspend somebody: every session ends at once; bookings stay as they are."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="GitHub login or id")
        parser.add_argument("--reason", required=True, help="kept with the event, for the staff")

    def handle(self, *args: Any, **options: Any) -> None:
        if len(options["reason"]) > REASON_LENGTH:
            raise CommandError(f"Give a reason of at most {REASON_LENGTH} characters.")
        person = people.suspend_person_called(
            login_or_id=options["person"], reason=options["reason"], now=timezone.now()
        )
        self.stdout.write(f"{person.login} ({person.id}) is suspended.")
