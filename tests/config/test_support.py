"""Where the backend sends people who need help; nowhere while no address is set."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client, RequestFactory

from bookings.errors import InsufficientCredits, SlotOverlaps
from config.http import problems

ADDRESS = "https://help.example.test or help@example.test"
factory = RequestFactory()


def said(error: Exception) -> str:
    """What the API answers."""
    answer = problems.problem_response(error, {})
    assert answer is not None
    return str(answer.data["detail"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    "show",
    [
        lambda: Client().get("/nowhere"),
        lambda: problems.server_error(factory.get("/oauth/authorize")),
        lambda: problems.unavailable(factory.get("/")),
    ],
)
def test_pages_of_the_backend_link_to_support(show: Callable[[], Any], settings: Any) -> None:
    assert "Support:" not in show().content.decode()
    settings.SUPPORT = ADDRESS
    page = show().content.decode()
    assert 'Support: <a href="https://help.example.test"' in page
    assert '<a href="mailto:help@example.test"' in page


def test_answers_name_support_where_it_can_help(settings: Any) -> None:
    assert "rite to" not in said(InsufficientCredits())
    settings.SUPPORT = ADDRESS
    assert said(InsufficientCredits()).endswith(f" Write to {ADDRESS}.")
    assert ADDRESS not in said(SlotOverlaps())
