from typing import Any

from django.core.management.base import BaseCommand, CommandError


class ServiceCommand(BaseCommand):
    """A command that a service may refuse: with the refusal's sentence on standard error, and exit code 1."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except Exception as error:
            # Every refusal of an app has a kind and a sentence (`errors`).
            if not hasattr(error, "kind"):
                raise
            raise CommandError(str(error)) from error
