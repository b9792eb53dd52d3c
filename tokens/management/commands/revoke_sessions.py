import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.errors import AccountsError
from tokens.services import sessions


class Command(BaseCommand):
    help = "Sign somebody out everywhere, at once. Personal access tokens stay: the person, or the admin, revokes them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="GitHub login or id")
        parser.add_argument("--dry-run", action="store_true", help="count the sessions, and end none")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        person, now = options["person"], timezone.now()
        try:
            if options["dry_run"]:
                number = sessions.count_sessions_of(login_or_id=person, now=now)
            else:
                number = sessions.sign_out_everywhere(login_or_id=person, now=now)
        except AccountsError as error:
            raise CommandError(str(error)) from error
        sentence = f"{number} sessions {'are to be ended' if options['dry_run'] else 'ended'}."
        self.stdout.write(json.dumps({"sessions": number}) if options["json"] else sentence)
