from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer, Serializer
from rest_framework.utils.urls import replace_query_param

from tokens.authentication import credential_of

if TYPE_CHECKING:
    from bookings.repositories.pages import Page


def caller_id(request: Request) -> UUID:
    """Who asks. The permission class has made sure that somebody does."""
    user_id: UUID = credential_of(request).person.pk
    return user_id


def read_body(form: type[Serializer[Any]], request: Request) -> dict[str, Any]:
    """The request's body, checked. Raises ValidationError."""
    return _checked(form(data=request.data))


def read_query(form: type[Serializer[Any]], request: Request) -> dict[str, Any]:
    """The address's parameters, checked; none of them is required. Raises ValidationError."""
    given = request.query_params.dict()
    return _checked(form(data=given)) if given else {}


def _checked(form: Serializer[Any]) -> dict[str, Any]:
    form.is_valid(raise_exception=True)
    values: dict[str, Any] = form.validated_data
    return values


def cursor_of(request: Request) -> str:
    """Which page of the list is asked for; empty for the first."""
    return request.query_params.get("cursor", "")


def page_body(page: "Page", serializer: BaseSerializer[Any], request: Request) -> dict[str, Any]:
    """A list as the contract has it; the addresses of its neighbours keep every other parameter."""
    # Never the request's Host header, which its sender chooses.
    address = f"{settings.BACKEND_URL}{request.get_full_path()}"
    return {
        "results": [serializer.to_representation(row) for row in page.rows],
        "next": replace_query_param(address, "cursor", page.next) if page.next else None,
        "previous": replace_query_param(address, "cursor", page.previous) if page.previous else None,
    }
