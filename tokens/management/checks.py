from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Info
from django.db import ProgrammingError
from django.utils import timezone

from tokens.services import applications


def check_applications(app_configs: object, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """What is unwise about registered applications (`manage.py check --database default`); docs/operations.md.

    It is for information: what an operator has registered must not keep a release from starting.
    """
    if "default" not in (databases or ()):
        return []
    try:
        reviewed = applications.review_applications(now=timezone.now())
    except ProgrammingError:
        # `migrate` checks first, when a column of this release is not there yet.
        return []
    return [
        Info(f"{application.client_id}: {warning}", "docs/applications.md says why.", id="insighta.I014")
        for application, warnings in reviewed
        for warning in warnings
    ]
