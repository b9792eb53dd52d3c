import logging
from collections.abc import Callable
from dataclasses import replace
from typing import cast
from urllib.parse import urlsplit

from csp.constants import HEADER as POLICY_HEADER
from csp.utils import build_policy
from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse

from portal import errors, messages
from portal.client import Caller
from portal.rendering import redirect_to, render_message
from portal.visitor import PortalRequest, Visitor

GetResponse = Callable[[HttpRequest], HttpResponseBase]

RETRY_AFTER_SECONDS = 2
_LEFT_TO_DJANGO = (Http404, PermissionDenied, SuspiciousOperation, BadRequest)

_log = logging.getLogger("portal.requests")


class VisitorMiddleware:
    """Gives the request its visitor, and the answer the visitor's cookies and the policy for the page.

    Nothing but static files may be cached.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        # The same for all pages; django-csp's middleware would build it twice for each.
        self._policy = build_policy()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # The outermost middleware has seen to it that there is an id, and that it is a harmless one.
        caller = Caller(request_id=request.headers.get("X-Request-ID", ""), address=_address(request))
        visitor = cast(PortalRequest, request).visitor = Visitor(request, caller)
        response = self.get_response(request)
        visitor.write_cookies(response)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault(POLICY_HEADER, self._policy)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """The page for an error that a view let through; Django's own refusals keep Django's handling."""
        if isinstance(error, _LEFT_TO_DJANGO):
            return None
        if not isinstance(error, errors.PortalError):
            _log.exception("unexpected error on %s", request.path)
            return render_message(request, messages.FAILED)
        return answer_to(cast(PortalRequest, request), error)


def answer_to(request: PortalRequest, error: errors.PortalError) -> HttpResponse:
    """The page, or the redirect, that a PortalError becomes."""
    if isinstance(error, errors.Problem) and error.code == "validation_error" and request.GET.get("cursor"):
        return render_message(request, replace(messages.STALE_LIST, href=request.path))
    if isinstance(error, errors.Problem) and error.code == "step_up_required":
        query = {"switch": "1", "next": page_wanted(request)}
        return render_message(request, replace(messages.MESSAGES[error.code], query=query))
    if isinstance(error, errors.Problem):
        return render_message(request, messages.message_for(error), retry_after=error.retry_after)
    if isinstance(error, errors.SignedOut):
        return redirect_to("signed_out", next=page_wanted(request), was=error.was, reason=error.why)
    if isinstance(error, errors.SignInNeeded):
        return render_message(request, replace(messages.SIGN_IN_NEEDED, query={"next": page_wanted(request)}))
    if isinstance(error, errors.PortalRefused):
        return render_message(request, messages.REFUSED)
    return render_message(request, messages.UNREACHABLE, retry_after=RETRY_AFTER_SECONDS)


def page_wanted(request: HttpRequest) -> str:
    """Where to go on after signing in: this page, or for a form the page it stood on."""
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    try:
        origin = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return reverse("home")
    if origin.netloc != request.get_host():
        return reverse("home")
    return f"{origin.path}?{origin.query}" if origin.query else origin.path


def _address(request: HttpRequest) -> str:
    """The browser's address; where a proxy ends TLS for us, the one that it names."""
    if settings.SECURE_PROXY_SSL_HEADER:
        return request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return str(request.META.get("REMOTE_ADDR", ""))
