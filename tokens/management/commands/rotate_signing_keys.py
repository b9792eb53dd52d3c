from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from tokens.services import signing_keys

PUBLISHED_BEFORE_USE = timedelta(minutes=10)


class Command(BaseCommand):
    help = (
        "Add a signing key. It is published at once and signs ten minutes later, when every process and every cache "
        "of the key set knows it; the earlier keys stay published until the last of their tokens has expired."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--leaked",
            action="store_true",
            help="Withdraw the earlier keys at once: access tokens signed with them die, clients refresh.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        kid = signing_keys.rotate_signing_keys(
            now=timezone.now(), activates_in=PUBLISHED_BEFORE_USE, retire_now=options["leaked"]
        )
        self.stdout.write(kid)
        self.stderr.write("It signs from now on." if options["leaked"] else "It signs in ten minutes.")
