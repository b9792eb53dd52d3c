"""Django's middleware for pages, skipped for API calls: they have no use for it, and it costs more than the request."""

from typing import Any

from csp.constants import HEADER as POLICY_HEADER
from csp.middleware import CSPMiddleware
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

# Endpoints for programs: authenticated by a credential, without cookies and pages.
_FOR_PROGRAMS = (
    "/api/v1/",
    "/oauth/token",
    "/oauth/revoke",
    "/oauth/introspect",
    "/oauth/device_authorization",
    "/.well-known/",
)
_PAGES_UNDER_API = frozenset({"/api/v1/docs"})
_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"


def _is_for_programs(request: HttpRequest) -> bool:
    return request.path.startswith(_FOR_PROGRAMS) and request.path not in _PAGES_UNDER_API


class _PagesOnly(MiddlewareMixin):
    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request) if _is_for_programs(request) else super().__call__(request)


class PageSessionMiddleware(_PagesOnly, SessionMiddleware):
    pass


class PageAuthenticationMiddleware(_PagesOnly, AuthenticationMiddleware):
    """Staff sessions. API calls are authenticated by `tokens.authentication`."""


class PageMessageMiddleware(_PagesOnly, MessageMiddleware):
    pass


class PolicyMiddleware(CSPMiddleware):
    """The policy of the settings for pages; the strictest one for data, which a browser might render."""

    def __call__(self, request: HttpRequest) -> Any:
        if not _is_for_programs(request):
            return super().__call__(request)
        response: HttpResponseBase = self.get_response(request)  # type: ignore[assignment]  # these are not asynchronous
        response.headers.setdefault(POLICY_HEADER, _DATA_POLICY)
        return response
