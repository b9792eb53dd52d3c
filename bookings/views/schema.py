from functools import cache
from typing import Any

from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, inline_serializer
from rest_framework import serializers

CURSOR = OpenApiParameter("cursor", description="From `next` or `previous` of another page; none for the first.")
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    location=OpenApiParameter.HEADER,
    description="1 to 255 visible ASCII characters. The same key and body again give the same answer.",
)


def seen_as(*shapes: type[serializers.Serializer[Any]], many: bool = False) -> PolymorphicProxySerializer:
    """Any of these shapes: the first with a token, the second without one. `config/http/openapi.py` allows both."""
    name = f"{shapes[0].__name__.removesuffix('Serializer')}Seen"
    return PolymorphicProxySerializer(name, list(shapes), resource_type_field_name=None, many=many)


@cache
def page_of(*shapes: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """The contract's list of such objects, for the schema: one component for each kind of object."""
    name = shapes[0].__name__.removesuffix("Serializer") + ("Seen" if len(shapes) > 1 else "")
    fields: dict[str, serializers.Field[Any, Any, Any, Any]] = {
        "results": seen_as(*shapes, many=True) if len(shapes) > 1 else shapes[0](many=True),
        "next": serializers.URLField(allow_null=True),
        "previous": serializers.URLField(allow_null=True),
    }
    return inline_serializer(f"{name}Page", fields)
