from typing import Any

from django.core.management.base import CommandParser

from accounts.management.base import ServiceCommand
from bookings.management.commands._front_desk import as_json, read_id, report_subscription
from bookings.services.adjusting import adjust_credits


class Command(ServiceCommand):
    """Put the balance of a subscription right."""

    help = "Add credits to a subscription, or take them with a negative number; the note stands in the ledger."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("subscription", type=read_id, help="its id, as grant_credits prints it")
        parser.add_argument("amount", type=int, help="how many credits; -5 takes five")
        parser.add_argument("--note", required=True, help="why")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: object, **options: Any) -> None:
        subscription_id, amount = options["subscription"], options["amount"]
        balance = adjust_credits(subscription_id=subscription_id, amount=amount, note=options["note"])
        sentence = f"Subscription {subscription_id} now holds {balance}."
        report = {"amount": amount, **report_subscription(subscription_id)} if options["json"] else {}
        self.stdout.write(as_json(report) if options["json"] else sentence)
