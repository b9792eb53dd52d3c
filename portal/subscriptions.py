from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest


def shown_price(request: HttpRequest) -> dict[str, int]:
    """The price that a form says its page has shown, for the API to compare; nothing where it says none."""
    shown = request.POST.get("expected_credits_charged", "")
    return {"expected_credits_charged": int(shown)} if shown.isdecimal() and len(shown) < 5 else {}


def paying_subscription(usable: Iterable[dict[str, Any]], *, cost: int) -> dict[str, Any] | None:
    """The one that is charged: of those that hold all of it, the first."""
    return next((one for one in usable if cost and one["credits_remaining"] >= cost), None)


def usable_subscriptions(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those with a credit to spend, in the order in which they are charged: the one that ends first is used first."""
    usable = [one for one in found if one["active"] and one["credits_remaining"] > 0]
    return sorted(usable, key=lambda one: str(one["ends_at"]))
