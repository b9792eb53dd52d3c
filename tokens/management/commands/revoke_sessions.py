import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from accounts.management.base import ServiceCommand
from tokens.services import ending_access


class Command(ServiceCommand):
    help = "Sign somebody out everywhere, the admin included. Tokens and calendar address stay without --tokens."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="GitHub login or id")
        parser.add_argument(
            "--tokens", action="store_true", help="and revoke tokens, publishers and the calendar address"
        )
        parser.add_argument("--dry-run", action="store_true", help="count what would end, and end nothing")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        end = ending_access.count_access_of if options["dry_run"] else ending_access.sign_out_person_called
        ended = end(login_or_id=options["person"], with_personal_tokens=options["tokens"], now=timezone.now())
        verb = "are to be ended" if options["dry_run"] else "ended"
        counted = f"{ended.personal_tokens} personal access tokens and {ended.publishers} trusted publishers"
        tokens = f"{counted} {verb}" if options["tokens"] else "tokens stay"
        sentence = f"{ended.sessions} sessions {verb}, {tokens}."
        self.stdout.write(json.dumps(asdict(ended)) if options["json"] else sentence)
