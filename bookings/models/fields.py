from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary
from django.db import models
from django.db.models import F, Func


class Period(Func):
    """The half-open range `[start, end)` of two instants: sessions that touch do not overlap."""

    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


def period(start: str, end: str) -> Period:
    return Period(F(start), F(end), RangeBoundary())


def person(related_name: str, **options: Any) -> "models.ForeignKey[Any, Any]":
    """People are blanked, never deleted, so their rows here can insist on them."""
    return models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name=related_name, **options)
