from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.errors import AccountsError
from tokens.services import sessions


class Command(BaseCommand):
    help = "Sign somebody out everywhere, at once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="GitHub login or id")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            ended = sessions.sign_out_everywhere(login_or_id=options["person"], now=timezone.now())
        except AccountsError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{ended} sessions ended.")
