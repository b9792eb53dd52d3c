import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from tokens.services import applications


class Command(BaseCommand):
    help = "List the registered applications, disabled ones included, with what is unwise about each. No secrets."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object for each application, each on a line")

    def handle(self, *args: Any, **options: Any) -> None:
        found = applications.review_applications(now=timezone.now())
        if not found and not options["json"]:
            self.stdout.write("There are no applications. `manage.py register_client` makes one.")
        for application, warnings in found:
            row = {
                "client_id": application.client_id,
                "name": application.name,
                "is_public": application.is_public,
                "scope": application.scope,
                "redirect_uris": application.redirect_uris,
                "backchannel_logout_uri": application.backchannel_logout_uri,
                "secrets": len(application.secret_digests),
                "created_at": application.created_at.isoformat(),
                "disabled_at": application.disabled_at.isoformat() if application.disabled_at else None,
                "warnings": warnings,
            }
            self.stdout.write(json.dumps(row) if options["json"] else _sentence(row))


def _sentence(row: dict[str, Any]) -> str:
    kind = "public" if row["is_public"] else f"confidential, {row['secrets']} valid secrets"
    state = f", disabled since {row['disabled_at']}" if row["disabled_at"] else ""
    lines = [f"{row['client_id']}: {row['name']} ({kind}{state})", f"  scopes: {row['scope']}"]
    lines += [f"  redirects to {uri}" for uri in row["redirect_uris"]]
    lines += [f"  told at {row['backchannel_logout_uri']}"] if row["backchannel_logout_uri"] else []
    return "\n".join([*lines, *(f"  unwise: {warning}" for warning in row["warnings"])])
