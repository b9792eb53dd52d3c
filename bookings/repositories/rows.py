from typing import Any

from django.db.models import QuerySet

# What reads give: plain dictionaries, so that a page of fifty costs one query and no model objects.
Row = dict[str, Any]
Rows = QuerySet[Any, Any]
