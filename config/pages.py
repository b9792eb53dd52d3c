"""Middleware of the backend that its pages need, and the programs that call it do not."""

from typing import Any

from csp.constants import HEADER as POLICY_HEADER
from csp.middleware import CSPMiddleware
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

# Programs call these with a credential of their own: no cookie is read or set, and no page is shown.
_FOR_PROGRAMS = (
    "/api/v1/",
    "/oauth/token",
    "/oauth/revoke",
    "/oauth/introspect",
    "/oauth/device_authorization",
    "/.well-known/",
)
_PAGES_AMONG_THEM = frozenset({"/api/v1/docs"})
_POLICY_OF_DATA = "default-src 'none'; frame-ancestors 'none'"


def _is_for_programs(request: HttpRequest) -> bool:
    return request.path.startswith(_FOR_PROGRAMS) and request.path not in _PAGES_AMONG_THEM


class _PagesAlone(MiddlewareMixin):
    """What a program's request passes by: it has no use for it, and together they cost more than the request itself."""

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request) if _is_for_programs(request) else super().__call__(request)


class PageSessionMiddleware(_PagesAlone, SessionMiddleware):
    """Django's, for pages."""


class PageAuthenticationMiddleware(_PagesAlone, AuthenticationMiddleware):
    """Django's, for pages: the staff's session. Programs are authenticated by `tokens.authentication`."""


class PageMessageMiddleware(_PagesAlone, MessageMiddleware):
    """Django's, for pages."""


class PolicyMiddleware(CSPMiddleware):
    """A page's policy is put together for that page; data that a browser might show as one gets the strictest."""

    def __call__(self, request: HttpRequest) -> Any:
        if not _is_for_programs(request):
            return super().__call__(request)
        response: HttpResponseBase = self.get_response(request)  # type: ignore[assignment]  # these are not asynchronous
        response.headers.setdefault(POLICY_HEADER, _POLICY_OF_DATA)
        return response
