import re
import secrets
import time
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponseBase

from config.observability.logs import begin_context
from config.observability.metrics import counters

GetResponse = Callable[[HttpRequest], HttpResponseBase]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
# A subset of the cookie names of RFC 6265 that holds all of ours.
_COOKIE_NAME = re.compile(r"[ \t]*[!-~]*[ \t]*")
# URL parameters that are credentials.
_SECRET_PARAMETERS = ("secret", "user_code")
# Requested every few seconds by machines: logged only when they fail.
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})

_log = structlog.get_logger("config.requests")


class RequestMiddleware:
    """Gives each request an id, logs one line and counts it.

    It is the outermost middleware, so it sees the final response, and every line logged inside carries the id.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        request_id = ensure_request_id(request.META)
        _drop_disguised_cookies(request)
        begin_context(request_id=request_id)
        response = self.get_response(request)
        response.headers["X-Request-ID"] = request_id
        if request.path.startswith("/api/"):
            # API responses are personal; no cache may store them.
            response.headers.setdefault("Cache-Control", "no-store")
            if settings.CLI_WANTED_VERSION and request.headers.get("User-Agent", "").startswith("insighta-cli/"):
                response.headers["Insighta-Cli-Version"] = settings.CLI_WANTED_VERSION
        if _has_unread_body(request):
            # granian closes such a connection; the client has to know.
            response.headers["Connection"] = "close"
        _record(request, response, seconds=time.perf_counter() - began)
        return response


def _has_unread_body(request: HttpRequest) -> bool:
    """Whether the response was made without reading the body, as after a refusal."""
    return request.META.get("CONTENT_LENGTH", "") not in {"", "0"} and not getattr(request, "_read_started", True)


def _record(request: HttpRequest, response: HttpResponseBase, *, seconds: float) -> None:
    code = _problem_code(response)
    counters.count_request(
        view=_view(request),
        method=request.method or "",
        status=response.status_code,
        seconds=seconds,
        code=code,
    )
    if request.path in _PROBES and response.status_code < 400:
        return
    # Without the query: those of sign-ins hold secrets.
    _log.info(
        "request",
        method=request.method,
        path=_path(request),
        status=response.status_code,
        milliseconds=round(seconds * 1000, 1),
        **({"code": code} if code else {}),
        **_caller(request),
    )


def _problem_code(response: HttpResponseBase) -> str:
    """The code of the API's problem; empty for any other response."""
    data = getattr(response, "data", None)
    return str(data.get("code", "")) if isinstance(data, dict) and response.status_code >= 400 else ""


def ensure_request_id(environ: dict[str, Any]) -> str:
    """The caller's `X-Request-ID` if it is well-formed, else a new one; stored in `environ` for later readers."""
    given = environ.get("HTTP_X_REQUEST_ID", "")
    request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
    environ["HTTP_X_REQUEST_ID"] = request_id
    return request_id


def _drop_disguised_cookies(request: HttpRequest) -> None:
    """Remove cookies whose names are not plain ASCII.

    Django strips Unicode spaces from cookie names, browsers do not: another site under the same domain cannot set
    `__Host-x`, but it can set `<U+2000>__Host-x`, which Django would read as `__Host-x`.
    """
    header = request.META.get("HTTP_COOKIE", "")
    kept = [part for part in header.split(";") if _COOKIE_NAME.fullmatch(part.partition("=")[0])]
    if header:
        request.META["HTTP_COOKIE"] = ";".join(kept)


def _view(request: HttpRequest) -> str:
    """The URL pattern, not the URL, so that the number of label values is bounded."""
    if request.resolver_match is not None:
        return request.resolver_match.route
    return "static" if request.path.startswith(settings.STATIC_URL) else "unmatched"


def _path(request: HttpRequest) -> str:
    path = request.path
    for name in _SECRET_PARAMETERS if request.resolver_match else ():
        secret = request.resolver_match.kwargs.get(name) if request.resolver_match else None
        path = path.replace(str(secret), f"{{{name}}}") if secret else path
    return path


def _caller(request: HttpRequest) -> dict[str, str]:
    """The authenticated caller: of a bearer credential, or of an admin session."""
    credential: Any = getattr(request, "auth", None)
    if credential is not None:
        known = {"user_id": credential.person.pk, "session_id": credential.session_id, "token_id": credential.token_id}
        return {name: str(value) for name, value in known.items() if value}
    session: Any = getattr(request, "session", None)
    if session is not None and session.accessed and SESSION_KEY in session:
        return {"user_id": str(session[SESSION_KEY])}
    return {}
