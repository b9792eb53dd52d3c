import json
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from accounts.management.base import ServiceCommand
from accounts.services import erasure


class Command(ServiceCommand):
    help = (
        "Erase somebody for good: signed out everywhere, what is ahead cancelled with its refunds, everything personal "
        "blanked. The ledger and the trail keep the bare id. Exit code 1 if nothing was done."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="GitHub login or id")
        parser.add_argument("--dry-run", action="store_true", help="say what there is to erase, and change nothing")
        parser.add_argument("--yes", action="store_true", help="do it; without this nothing is erased")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        report = self._run(options["person"], dry_run=options["dry_run"], sure=options["yes"])
        lines = "\n".join(f"{name}: {value}" for name, value in report.items())
        self.stdout.write(json.dumps(report) if options["json"] else lines)

    def _run(self, person: str, *, dry_run: bool, sure: bool) -> dict[str, Any]:
        if dry_run:
            parts = erasure.export_person(login_or_id=person)
            return {name: len(rows) if isinstance(rows, list) else 1 for name, rows in parts.items()}
        if not sure:
            raise CommandError("This cannot be undone. Look with --dry-run, keep an export_person, then add --yes.")
        return {"erased": str(erasure.erase_person(login_or_id=person, now=timezone.now()))}
