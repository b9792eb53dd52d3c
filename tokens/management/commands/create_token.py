from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.utils import timezone

from accounts.management.base import ServiceCommand
from tokens.policies.scopes import ALL_SCOPES
from tokens.services import personal_tokens


class Command(ServiceCommand):
    help = "Make a personal access token for somebody. It is printed once, alone on standard output."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="GitHub login or id")
        parser.add_argument("--name", required=True)
        parser.add_argument("--scope", action="append", choices=ALL_SCOPES, required=True, help="may be repeated")
        parser.add_argument("--days", type=_days, help="lifetime in days; without it the longest that is allowed")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        expires_at = now + timedelta(days=options["days"]) if options["days"] is not None else None
        secret = personal_tokens.create_token_for(
            login_or_id=options["person"],
            name=options["name"],
            scopes=frozenset(options["scope"]),
            expires_at=expires_at,
            now=now,
        )
        self.stdout.write(secret)


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text[:9]) <= settings.PERSONAL_TOKEN_DAYS:
        raise ArgumentTypeError(f"must be a number of days from 1 to {settings.PERSONAL_TOKEN_DAYS}")
    return int(text)
