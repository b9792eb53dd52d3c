from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookings.errors import BookingsError
from bookings.services.adjusting import adjust_credits


class Command(BaseCommand):
    """Put the balance of a subscription right."""

    help = "Add credits to a subscription, or take them with a negative number; the note stands in the ledger."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("subscription", type=UUID, help="its id, as grant_credits prints it")
        parser.add_argument("amount", type=int, help="how many credits; -5 takes five")
        parser.add_argument("--note", required=True, help="why")

    def handle(self, *args: object, **options: Any) -> None:
        subscription_id, amount = options["subscription"], options["amount"]
        try:
            balance = adjust_credits(subscription_id=subscription_id, amount=amount, note=options["note"])
        except BookingsError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Subscription {subscription_id} now holds {balance}.")
