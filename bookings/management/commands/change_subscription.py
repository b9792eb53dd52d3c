from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from accounts.management.base import ServiceCommand
from bookings.management.commands._front_desk import as_json, read_id, report_subscription
from bookings.services.adjusting import end_subscription, extend_subscription, set_renewing


class Command(ServiceCommand):
    """Stop, resume, end or extend a subscription."""

    help = "Stop a subscription from renewing itself, let it renew again, end it now, or extend it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("subscription", type=read_id, help="its id, as grant_credits prints it")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--stop", action="store_true", help="it lasts until its end and is not renewed")
        what.add_argument("--resume", action="store_true", help="it renews itself at its end, again")
        what.add_argument("--end", action="store_true", help="it ends now; what is left cannot be spent")
        what.add_argument("--extend", type=int, metavar="DAYS", help="it lasts longer, from now if it has ended")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: object, **options: Any) -> None:
        subscription_id = options["subscription"]
        done = self._change(subscription_id, options)
        sentence = f"Subscription {subscription_id} {done}."
        self.stdout.write(as_json(report_subscription(subscription_id)) if options["json"] else sentence)

    def _change(self, subscription_id: UUID, options: dict[str, Any]) -> str:
        if options["end"]:
            end_subscription(subscription_id=subscription_id)
            return "has ended"
        if options["extend"] is not None:
            ends_at = extend_subscription(subscription_id=subscription_id, days=options["extend"])
            return f"ends {ends_at:%Y-%m-%d %H:%M} UTC"
        set_renewing(subscription_id=subscription_id, renews=options["resume"])
        return "renews itself" if options["resume"] else "is not renewed any more"
