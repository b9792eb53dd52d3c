import json
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from tokens.services import purging


class Command(BaseCommand):
    help = (
        "Remove what has expired: sign-in flows, codes, device requests, sessions that ended, sessions of the admin, "
        "retired signing keys. The worker does it every hour."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch", type=_rows, default=purging.BATCH, help="rows removed in one transaction")
        parser.add_argument("--dry-run", action="store_true", help="count, and remove nothing")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        if options["dry_run"]:
            counted = purging.count_expired(now=now)
        else:
            report = self._report if self.stderr.isatty() else None
            counted = purging.purge_expired(now=now, batch=options["batch"], report=report)
        lines = [f"{number} {kind}" for kind, number in counted.items()]
        self.stdout.write(json.dumps(counted) if options["json"] else "\n".join(lines))

    def _report(self, kind: str, number: int) -> None:
        self.stderr.write(f"{number} {kind} so far")


def _rows(text: str) -> int:
    if not text.isdecimal() or int(text[:9]) < 1:
        raise ArgumentTypeError("must be a number of rows from 1")
    return int(text[:9])
