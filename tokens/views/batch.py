"""Several reads in one call, for clients whose pages show more than one resource."""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, QueryDict
from django.urls import Resolver404, resolve
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

MAX_PARTS = 6
_UNKNOWN = {"status": HTTPStatus.NOT_FOUND.value, "body": {"code": "not_found", "detail": "There is no such resource."}}


class BatchView(APIView):
    """`GET /api/v1/batch?me=/me&open=/slots%3Fopen%3Dtrue`: each named resource as its own call would give it.

    The caller is authenticated once. Every part is checked for scope and throttled on its own; one that is refused
    leaves the others.
    """

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """For each name its `status` and `body`; at most six parts, reads of this API only."""
        parts = request.query_params.dict()
        if not 1 <= len(parts) <= MAX_PARTS:
            raise ValidationError({"parts": [f"Ask for one to {MAX_PARTS} resources, like me=/me."]})
        return Response({name: _read(request, str(address)) for name, address in parts.items()})


def _read(request: Request, address: str) -> dict[str, Any]:
    try:
        parts = urlsplit(address)
    except ValueError:
        return _UNKNOWN
    if parts.scheme or parts.netloc:
        return _UNKNOWN
    path = f"/api/v1{parts.path}"
    try:
        found = resolve(path)
    except Resolver404:
        return _UNKNOWN
    view = getattr(found.func, "view_class", None)
    if not hasattr(view, "required_scopes"):
        return _UNKNOWN
    response = found.func(_part_of(request, path, parts.query), *found.args, **found.kwargs)
    return {"status": response.status_code, "body": getattr(response, "data", None)}


def _part_of(request: Request, path: str, query: str) -> HttpRequest:
    part = HttpRequest()
    part.method, part.path, part.path_info = "GET", path, path
    part.GET = QueryDict(query)
    # DRF takes these instead of asking the authentication classes a second time.
    part._force_auth_user = request.user  # type: ignore[attr-defined]  # read by rest_framework.request.Request
    part._force_auth_token = request.auth  # type: ignore[attr-defined]  # likewise
    part.META = {**request.META, "PATH_INFO": path, "QUERY_STRING": query, "CONTENT_LENGTH": "0"}
    return part
