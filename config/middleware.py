"""Around every request of both servers: its id, its line in the log, and its place in the metrics."""

import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponseBase

from config.metrics import counters

GetResponse = Callable[[HttpRequest], HttpResponseBase]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
# What RFC 6265 lets a cookie be called, as far as any of ours goes.
_COOKIE_NAME = re.compile(r"[ \t]*[!-~]*[ \t]*")
# Parts of an address that let somebody in.
_SECRET_PARTS = ("secret", "user_code")
# Asked every few seconds by machines: a line only where the answer is not the usual one.
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})

_log = structlog.get_logger("config.requests")


class RequestMiddleware:
    """The outermost: it sees the answer that really leaves, and everything inside logs with its request's id."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        request_id = settle_request_id(request.META)
        _drop_disguised_cookies(request)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        response = self.get_response(request)
        response.headers["X-Request-ID"] = request_id
        if request.path.startswith("/api/"):
            # What the API answers is somebody's own; no cache on the way, and no browser's, may keep it.
            response.headers.setdefault("Cache-Control", "no-store")
        if _has_unread_body(request):
            # The server hangs up on it; a client that is not told sends its next request in vain.
            response.headers["Connection"] = "close"
        _conclude(request, response, seconds=time.perf_counter() - began)
        return response


def _has_unread_body(request: HttpRequest) -> bool:
    """Whether the answer was given without the body: somebody was refused, or it was too large."""
    return request.META.get("CONTENT_LENGTH", "") not in {"", "0"} and not getattr(request, "_read_started", True)


def _conclude(request: HttpRequest, response: HttpResponseBase, *, seconds: float) -> None:
    data = getattr(response, "data", None)
    counters.count_request(
        view=_view(request),
        method=request.method or "",
        status=response.status_code,
        seconds=seconds,
        code=str(data.get("code", "")) if isinstance(data, dict) and response.status_code >= 400 else "",
    )
    if request.path in _PROBES and response.status_code < 400:
        return
    # The path alone: queries of sign-ins hold secrets.
    _log.info(
        "request",
        method=request.method,
        path=_path(request),
        status=response.status_code,
        milliseconds=round(seconds * 1000, 1),
        **_caller(request),
    )


def settle_request_id(environ: dict[str, Any]) -> str:
    """The id that the caller gave, if it looks like one; written back, so that whoever passes it on finds this one."""
    given = environ.get("HTTP_X_REQUEST_ID", "")
    request_id = given if _REQUEST_ID.fullmatch(given) else str(uuid.uuid4())
    environ["HTTP_X_REQUEST_ID"] = request_id
    return request_id


def _drop_disguised_cookies(request: HttpRequest) -> None:
    """Leave out cookies whose names are not plain ASCII.

    Django trims every kind of Unicode space off a name, browsers do not: another site under the same domain may not set
    `__Host-x`, but it may set `<U+2000>__Host-x`, which would be read as the same.
    """
    header = request.META.get("HTTP_COOKIE", "")
    kept = [part for part in header.split(";") if _COOKIE_NAME.fullmatch(part.partition("=")[0])]
    if header:
        request.META["HTTP_COOKIE"] = ";".join(kept)


def _view(request: HttpRequest) -> str:
    """The pattern of the address, never the address: as many values as there are patterns."""
    if request.resolver_match is not None:
        return request.resolver_match.route
    return "static" if request.path.startswith(settings.STATIC_URL) else "unmatched"


def _path(request: HttpRequest) -> str:
    path = request.path
    for name in _SECRET_PARTS if request.resolver_match else ():
        secret = request.resolver_match.kwargs.get(name) if request.resolver_match else None
        path = path.replace(str(secret), f"{{{name}}}") if secret else path
    return path


def _caller(request: HttpRequest) -> dict[str, str]:
    """Who is known to have asked: by a bearer credential, or in the admin by its session."""
    credential: Any = getattr(request, "auth", None)
    if credential is not None:
        known = {"user_id": credential.person.pk, "session_id": credential.session_id, "token_id": credential.token_id}
        return {name: str(value) for name, value in known.items() if value}
    session: Any = getattr(request, "session", None)
    if session is not None and session.accessed and SESSION_KEY in session:
        return {"user_id": str(session[SESSION_KEY])}
    return {}
