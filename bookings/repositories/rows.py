from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet

# What reads give: plain dictionaries, so that a page of fifty costs one query and no model objects.
Row = dict[str, Any]
Rows = QuerySet[Any, Any]
Found = TypeVar("Found", bound=Model)


def columns(model: type[Model]) -> str:
    """The model's columns, in the order in which `read_models` expects them."""
    return ", ".join(str(field.column) for field in model._meta.concrete_fields)


def read_models(model: type[Found], statement: str, values: list[Any]) -> list[Found]:
    """What a statement written as text gives, which ends with the `columns` of the model.

    For what every booking asks: Django takes longer to write such a statement than the database to answer it.
    """
    names = [field.attname for field in model._meta.concrete_fields]
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [model.from_db(connection.alias, names, row) for row in cursor.fetchall()]
