"""Cross-origin calls of scripts in other applications' pages (Fetch §3.2), without credentials: tokens are headers."""

import re
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from tokens.services import applications

_FOR_EVERYBODY = re.compile(r"/\.well-known/.*")
_FOR_REGISTERED = re.compile(r"/oauth/(token|userinfo|revoke)|/api/v1/.*")
_CALENDAR = re.compile(r"/api/v1/(offerings|hosts(/[^/]+)?|slots(/days|/[0-9a-f-]{36})?)")
_EXPOSED = "WWW-Authenticate, Retry-After, Location, ETag"
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, If-None-Match",
    "Access-Control-Max-Age": "600",
}
_READS_ONLY = {"Access-Control-Allow-Methods": "GET, HEAD", "Access-Control-Allow-Headers": "If-None-Match"}


class CorsMiddleware:
    """Lets scripts of a public client's registered origin read answers, errors included. A preflight names no client.

    Key set, metadata and, without a credential, the public calendar are for every origin. No other address answers
    across origins.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_preflight = request.method == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in request.META
        is_calendar = _reads_public_calendar(request, is_preflight=is_preflight)
        is_restricted = bool(_FOR_REGISTERED.fullmatch(request.path)) and not is_calendar
        if not is_restricted and not is_calendar and not _FOR_EVERYBODY.fullmatch(request.path):
            return self.get_response(request)
        origin = request.META.get("HTTP_ORIGIN", "")
        allowed = "*" if not is_restricted else origin if origin and _is_registered(origin) else ""
        response = HttpResponse(status=204) if allowed and is_preflight else self.get_response(request)
        if is_restricted:
            patch_vary_headers(response, ["Origin"])
        if allowed:
            headers = {"Access-Control-Allow-Origin": allowed, "Access-Control-Expose-Headers": _EXPOSED}
            preflight = _PREFLIGHT | (_READS_ONLY if is_calendar else {})
            for name, value in (headers | (preflight if is_preflight else {})).items():
                response[name] = value
        return response


def _reads_public_calendar(request: HttpRequest, *, is_preflight: bool) -> bool:
    """Whether this is a read of the public calendar without a credential, or asks about one."""
    if not settings.PUBLIC_CALENDAR or not _CALENDAR.fullmatch(request.path):
        return False
    if not is_preflight:
        return request.method in {"GET", "HEAD"} and not request.META.get("HTTP_AUTHORIZATION")
    names = request.META.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "").lower()
    return request.META["HTTP_ACCESS_CONTROL_REQUEST_METHOD"] in {"GET", "HEAD"} and "authorization" not in names


def _is_registered(origin: str) -> bool:
    """Where the database cannot be asked, no origin is: the answer says that the service is unavailable."""
    try:
        return applications.is_registered_origin(origin=origin)
    except DatabaseError:
        return False
