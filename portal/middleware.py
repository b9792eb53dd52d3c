"""Around every page: the visitor, the cookies, and the pages that errors become."""

import gzip
import logging
from collections.abc import Callable
from dataclasses import replace
from secrets import randbelow, token_hex
from typing import cast
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers

from portal import errors
from portal.client import Caller
from portal.pages import redirect_with, render_error, render_sign_in_needed
from portal.visitor import PortalRequest, Visitor, with_query

WORTH_COMPRESSING, MOST_PADDING = 200, 100
# The flag of RFC 1952 section 2.3.1 that says: a file name follows the header.
_HAS_A_NAME = b"\x08"

GetResponse = Callable[[HttpRequest], HttpResponseBase]

RETRY_AFTER_SECONDS = 2
_LEFT_TO_DJANGO = (Http404, PermissionDenied, SuspiciousOperation, BadRequest)

_log = logging.getLogger("portal.requests")


class VisitorMiddleware:
    """Gives the request its visitor and the answer the visitor's cookies; nothing but static files may be cached."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # The outermost middleware has seen to it that there is an id, and that it is a harmless one.
        caller = Caller(request_id=request.headers.get("X-Request-ID", ""), address=_address(request))
        visitor = cast(PortalRequest, request).visitor = Visitor(request, caller)
        response = self.get_response(request)
        visitor.write_cookies(response)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """The page for an error that a view let through; Django's own refusals keep Django's handling."""
        if isinstance(error, _LEFT_TO_DJANGO):
            return None
        if not isinstance(error, errors.PortalError):
            _log.exception("unexpected error on %s", request.path)
            return render_error(request, errors.FAILED)
        return answer_to(cast(PortalRequest, request), error)


class CompressionMiddleware:
    """Gzip at the quickest level: for the settings' list of time zones Django's own level takes as long as the backend.

    Like Django's, it adds up to a hundred random bytes (RFC 1952's file name), so that the length of an answer tells
    nothing about the CSRF token in it.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not isinstance(response, HttpResponse) or len(response.content) < WORTH_COMPRESSING:
            return response
        patch_vary_headers(response, ("Accept-Encoding",))
        if "gzip" in request.headers.get("Accept-Encoding", "") and not response.has_header("Content-Encoding"):
            response.content = compress(response.content)
            response.headers["Content-Length"] = str(len(response.content))
            response.headers["Content-Encoding"] = "gzip"
        return response


def compress(content: bytes) -> bytes:
    """`content` as gzip, of a length that differs from time to time."""
    plain = gzip.compress(content, compresslevel=1, mtime=0)
    name = token_hex(randbelow(MOST_PADDING // 2 + 1)).encode()
    return plain[:3] + _HAS_A_NAME + plain[4:10] + name + b"\0" + plain[10:]


def answer_to(request: PortalRequest, error: errors.PortalError) -> HttpResponse:
    """The page, or the redirect, that a PortalError becomes."""
    if isinstance(error, errors.Problem) and error.code == "validation_error" and request.GET.get("cursor"):
        return render_error(request, replace(errors.STALE_LIST, href=request.path))
    if isinstance(error, errors.Problem):
        return render_error(request, errors.page_for(error), retry_after=error.retry_after)
    if isinstance(error, errors.SignedOut):
        return redirect_with(with_query("/signed-out", next=page_wanted(request), was=error.was))
    if isinstance(error, errors.SignInNeeded):
        return render_sign_in_needed(request, page_wanted(request))
    return render_error(request, errors.UNREACHABLE, retry_after=RETRY_AFTER_SECONDS)


def page_wanted(request: HttpRequest) -> str:
    """Where to go on after signing in: this page, or for a form the page it stood on."""
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    try:
        origin = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return "/"
    if origin.netloc != request.get_host():
        return "/"
    return f"{origin.path}?{origin.query}" if origin.query else origin.path


def _address(request: HttpRequest) -> str:
    """The browser's address; where a proxy ends TLS for us, the one that it names."""
    if settings.SECURE_PROXY_SSL_HEADER:
        return request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return str(request.META.get("REMOTE_ADDR", ""))
