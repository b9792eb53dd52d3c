import json
import secrets
import sys
from argparse import ArgumentTypeError
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from tokens.services import token_keys

STEPS = """A change of TOKEN_KEY takes three deployments, and signs nobody out:
  1. TOKEN_KEY=old,new   every process accepts the new key (make one with --generate)
  2. TOKEN_KEY=new,old   every process makes tokens with it; note the instant
  3. TOKEN_KEY=new       once --promoted-at INSTANT says that no session needs the old one;
                         calendar addresses made with the old key end here: people find a new one in the portal
A key that leaked: begin with step 3. Everybody signs in again."""


class Command(BaseCommand):
    help = (
        "What a change of TOKEN_KEY takes, which keys this process accepts, and whether an old one can go. With "
        "--promoted-at, exit code 1 as long as sessions need the old one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--generate", action="store_true", help="print a new key, alone, and do nothing else")
        parser.add_argument(
            "--promoted-at", metavar="INSTANT", type=_instant, help="when the new key became the first, in ISO 8601"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["generate"]:
            self.stdout.write(secrets.token_urlsafe(48))
            return
        report: dict[str, Any] = {"accepted": token_keys.list_fingerprints()}
        if options["promoted_at"]:
            old = token_keys.find_old_tokens(promoted_at=options["promoted_at"], now=timezone.now())
            last = old.last_ends_at.isoformat() if old.last_ends_at else None
            report |= {"sessions_of_old_keys": old.sessions, "last_of_them_ends_at": last}
        self.stdout.write(json.dumps(report) if options["json"] else _sentences(report))
        if report.get("sessions_of_old_keys"):
            sys.exit(1)


def _instant(text: str) -> datetime:
    try:
        instant = parse_datetime(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise ArgumentTypeError("needs an instant with its offset, like 2026-11-24T09:00:00+00:00")
    return instant


def _sentences(report: dict[str, Any]) -> str:
    first, *others = report["accepted"]
    lines = [STEPS, "", f"In use: {first}. Also accepted: {', '.join(others) or 'none'}."]
    if "sessions_of_old_keys" in report:
        number, last = report["sessions_of_old_keys"], report["last_of_them_ends_at"]
        wait = f"{number} sessions have not refreshed since. The last of them ends at {last}: wait, or sign them out."
        lines.append(wait if number else "No session needs an earlier key. It can be removed.")
    return "\n".join(lines)
