from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from accounts.management.base import ServiceCommand
from tokens.services import applications


class Command(ServiceCommand):
    help = (
        "Refuse an application from its next request on: sign-ins, refreshes and calls with tokens that it holds. "
        "--enable allows it again, with the sign-ins that it had."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("client_id", help="as `manage.py list_clients` shows it")
        parser.add_argument("--enable", action="store_true", help="allow it again")

    def handle(self, *args: Any, **options: Any) -> None:
        client_id, is_disabled = options["client_id"], not options["enable"]
        changed = applications.set_disabled(client_id=client_id, is_disabled=is_disabled, now=timezone.now())
        state = "disabled" if is_disabled else "enabled"
        self.stdout.write(f"{client_id} {'is' if changed else 'was already'} {state}.")
