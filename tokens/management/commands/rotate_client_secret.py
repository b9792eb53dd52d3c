from typing import Any

from django.core.management.base import CommandParser

from accounts.management.base import ServiceCommand
from tokens.services import applications


class Command(ServiceCommand):
    help = (
        "Give an application a new secret, printed once, alone on standard output. The newest of the earlier ones "
        "stays valid beside it until the next rotation, or until --drop-old."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("client_id", help="as `manage.py list_clients` shows it")
        parser.add_argument(
            "--drop-old", action="store_true", help="make no new secret, and leave the newest one alone valid"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        client_id = options["client_id"]
        if options["drop_old"]:
            applications.drop_old_secret(client_id=client_id)
            self.stdout.write("The newest secret alone is valid.")
        else:
            self.stdout.write(applications.rotate_secret(client_id=client_id))
