from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from tokens.services import housekeeping


class Command(BaseCommand):
    help = "Remove what has expired: sign-in flows, codes, device requests, sessions that ended, retired signing keys."

    def handle(self, *args: Any, **options: Any) -> None:
        for name, removed in housekeeping.purge_expired(now=timezone.now()).items():
            self.stdout.write(f"{removed} {name}")
