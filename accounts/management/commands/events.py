import json
from typing import Any

from django.core.management.base import CommandParser

from accounts.management.base import ServiceCommand
from accounts.services import events


class Command(ServiceCommand):
    help = "The audit trail, newest first: who signed in and out, replays and their cause, tokens, standing, devices."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--person", default="", help="GitHub login or id")
        parser.add_argument("--kind", default="", help="for example session.replayed")
        parser.add_argument("--limit", type=int, default=50, help="how many lines, 50 without it")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")

    def handle(self, *args: Any, **options: Any) -> None:
        found = events.list_events_of(
            login_or_id=options["person"], kind=options["kind"], limit=max(1, options["limit"])
        )
        for event in found:
            line = {
                "at": event.created_at.isoformat(),
                "kind": event.kind,
                "user_id": str(event.user_id or ""),
                "client_id": event.client_id,
                "address": event.address or "",
                "detail": event.detail,
            }
            self.stdout.write(json.dumps(line) if options["json"] else "  ".join(map(str, line.values())))
