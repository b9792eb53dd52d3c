from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.errors import AccountsError
from accounts.services import erasure


class Command(BaseCommand):
    help = (
        "Erase somebody for good: signed out everywhere, what is ahead cancelled with its refunds, everything personal "
        "blanked. The ledger and the trail keep the bare id. Exit code 1 if nothing was done."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="GitHub login or id")
        parser.add_argument("--dry-run", action="store_true", help="say what there is to erase, and change nothing")
        parser.add_argument("--yes", action="store_true", help="do it; without this nothing is erased")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._run(options["person"], dry_run=options["dry_run"], sure=options["yes"])
        except AccountsError as error:
            raise CommandError(str(error)) from error

    def _run(self, person: str, *, dry_run: bool, sure: bool) -> None:
        if dry_run:
            for name, rows in erasure.export_person(login_or_id=person).items():
                self.stdout.write(f"{name}: {len(rows) if isinstance(rows, list) else 1}")
        elif not sure:
            raise CommandError("This cannot be undone. Look with --dry-run, keep an export_person, then add --yes.")
        else:
            user_id = erasure.erase_person(login_or_id=person, now=timezone.now())
            self.stdout.write(f"{user_id} is erased.")
