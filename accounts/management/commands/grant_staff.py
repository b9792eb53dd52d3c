from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from accounts.management.base import ServiceCommand
from accounts.policies import ADMINISTRATOR
from accounts.services import roles


class Command(ServiceCommand):
    help = "Let somebody into the admin with one role, in place of the one that they had."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="GitHub login or id")
        parser.add_argument(
            "--role",
            choices=[*settings.STAFF_ROLES, ADMINISTRATOR],
            default=ADMINISTRATOR,
            help="support: people, sign-ins, tokens, events. bookings: calendar, credits, plans. administrator, the "
            "role without this option: everything",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        person = roles.grant_staff_called(login_or_id=options["person"], role=options["role"])
        self.stdout.write(f"{person.login} ({person.id}) belongs to the staff: {options['role']}.")
