from typing import Any

from django.core.management.base import CommandParser

from accounts.management.base import ServiceCommand
from tokens.services import applications


class Command(ServiceCommand):
    help = (
        "Change where an application is told that a sign-in has ended. Logout tokens that are still to be sent go to "
        "the new address, and to none where it is empty."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("client_id", help="as `manage.py list_clients` shows it")
        parser.add_argument(
            "--backchannel-logout-uri", required=True, metavar="URI", help="https, or http on loopback; '' for none"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        client_id, uri = options["client_id"], options["backchannel_logout_uri"]
        applications.set_backchannel_logout_uri(client_id=client_id, uri=uri)
        self.stdout.write(f"{client_id} is told at {uri}." if uri else f"{client_id} is told nothing.")
