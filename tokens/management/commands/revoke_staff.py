import json
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from accounts.management.base import ServiceCommand
from tokens.services import staff


class Command(ServiceCommand):
    help = "Take somebody's role and end their sessions in the admin. Their other sign-ins stay without --everywhere."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="GitHub login or id")
        parser.add_argument("--everywhere", action="store_true", help="sign them out of portal and terminals, too")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        person, ended = staff.revoke_staff_called(
            login_or_id=options["person"], everywhere=options["everywhere"], now=timezone.now()
        )
        sentence = f"{person.login} ({person.id}) does not belong to the staff any more; {ended} sessions ended."
        self.stdout.write(json.dumps({"sessions": ended}) if options["json"] else sentence)
