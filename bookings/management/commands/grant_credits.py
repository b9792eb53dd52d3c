from typing import Any

from django.core.management.base import CommandParser

from accounts.management.base import ServiceCommand
from bookings.management.commands._front_desk import as_json, report_subscription
from bookings.services.staff import give_credits, give_plan


class Command(ServiceCommand):
    """Give a person credits, or a plan that brings them."""

    help = "Give a person, by GitHub login or id, a number of credits, or a plan (--plan NAME)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="GitHub login, or id where several people have been called that")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("credits", nargs="?", type=int, help="how many credits")
        parser.add_argument("--json", action="store_true", help="one JSON object")
        what.add_argument("--plan", help="the name of a plan, which begins now and renews itself")

    def handle(self, *args: object, **options: Any) -> None:
        person, credits, plan = options["person"], options["credits"], options["plan"]
        if plan:
            subscription_id = give_plan(person=person, plan_name=plan)
        else:
            subscription_id = give_credits(person=person, credits=credits)
        sentence = f"{person} has {plan or f'{credits} more credits'} in subscription {subscription_id}."
        self.stdout.write(as_json(report_subscription(subscription_id)) if options["json"] else sentence)
