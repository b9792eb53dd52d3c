"""The API's one table from error codes to HTTP, and the RFC 9457 answer made of it."""

from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

MEDIA_TYPE = "application/problem+json"

STATUS = {
    "validation_error": 400,
    "invalid_request": 400,
    "not_authenticated": 401,
    "permission_denied": 403,
    "account_pending": 403,
    "account_suspended": 403,
    "account_inactive": 403,
    "not_a_host": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    "unsupported_media_type": 415,
    "request_too_large": 413,
    "throttled": 429,
    "internal_error": 500,
    "unavailable": 503,
    "slot_full": 409,
    "slot_cancelled": 409,
    "slot_started": 409,
    "slot_overlaps": 409,
    "already_booked": 409,
    "insufficient_credits": 409,
    "booking_not_active": 409,
    "session_started": 409,
    "late_reschedule": 409,
    "idempotency_conflict": 409,
    "own_slot": 409,
    "overlapping_booking": 409,
    "refund_changed": 409,
    "busy": 409,
    "already_decided": 409,
}
BUSY_RETRY_SECONDS = 1

_FRAMEWORK_CODES: list[tuple[type[Exception], str]] = [
    (RequestDataTooBig, "request_too_large"),
    (exceptions.NotAuthenticated, "not_authenticated"),
    (exceptions.AuthenticationFailed, "not_authenticated"),
    (exceptions.PermissionDenied, "permission_denied"),
    (PermissionDenied, "permission_denied"),
    (exceptions.NotFound, "not_found"),
    (Http404, "not_found"),
    (exceptions.MethodNotAllowed, "method_not_allowed"),
    (exceptions.NotAcceptable, "not_acceptable"),
    (exceptions.UnsupportedMediaType, "unsupported_media_type"),
    (exceptions.Throttled, "throttled"),
    (exceptions.ValidationError, "validation_error"),
    (exceptions.ParseError, "validation_error"),
    # JSON that is nested without end.
    (RecursionError, "validation_error"),
]
_UNAVAILABLE = "We cannot answer at this moment. Nothing is half done; try again in a second."
_SENTENCES = {
    "not_authenticated": "The access token is missing, expired or revoked. Refresh it or sign in again.",
    "not_found": "There is no such thing, or it is not yours.",
    "request_too_large": "The request body is too large.",
    "validation_error": "Some fields are not as they should be; see errors.",
}


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: problem+json with a stable `code`. None (a 500) for what nobody foresaw."""
    code = _code(error)
    if code is None:
        return None
    set_rollback()
    body = problem(code, _detail(error, code))
    if isinstance(error, exceptions.ValidationError):
        body["errors"] = _field_errors(error.detail)
    body.update(getattr(error, "extra", {}))
    return Response(body, status=body["status"], headers=_headers(error, code), content_type=MEDIA_TYPE)


def problem(code: str, detail: str) -> dict[str, Any]:
    """An RFC 9457 object."""
    status = STATUS[code]
    return {
        "type": f"urn:insighta:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }


# The API takes no cookies, so nothing here is a form of another site; refused as one, a mistyped id would get a page.
@csrf_exempt
def not_found(request: HttpRequest) -> JsonResponse:
    """The answer for an API address that is not there, whatever the method."""
    body = problem("not_found", "There is nothing at this address.")
    return JsonResponse(body, status=body["status"], content_type=MEDIA_TYPE)


def server_error(request: HttpRequest) -> HttpResponse:
    """The answer when something broke that nobody foresaw: a problem for the API, a page for people."""
    if not request.path.startswith("/api/"):
        return defaults.server_error(request)
    body = problem("internal_error", "Something broke on our side. Nothing is half done; try again later.")
    return JsonResponse(body, status=body["status"], content_type=MEDIA_TYPE)


def unavailable(request: HttpRequest) -> HttpResponse:
    """The answer where the server has too much to do or its database is away; RFC 6749 §5.2 for OAuth's callers."""
    if request.path.startswith("/api/"):
        body = problem("unavailable", f"{_UNAVAILABLE} With the same Idempotency-Key it is the same request.")
        return JsonResponse(body, status=body["status"], content_type=MEDIA_TYPE)
    if request.path.startswith("/oauth/") and request.method == "POST":
        refusal = {"error": "temporarily_unavailable", "error_description": "try again in a moment"}
        return JsonResponse(refusal, status=STATUS["unavailable"])
    return render(request, "503.html", {"sentence": _UNAVAILABLE}, status=STATUS["unavailable"])


def _code(error: Exception) -> str | None:
    code = getattr(error, "code", None)
    if isinstance(code, str) and code in STATUS:
        return code
    return next((name for kind, name in _FRAMEWORK_CODES if isinstance(error, kind)), None)


def _detail(error: Exception, code: str) -> str:
    if isinstance(error, exceptions.ParseError | RecursionError):
        return "The body is not valid JSON."
    if code in _SENTENCES and not hasattr(error, "sentence"):
        return _SENTENCES[code]
    detail = getattr(error, "detail", None)
    return str(detail or error)


def _headers(error: Exception, code: str) -> dict[str, str]:
    if code == "not_authenticated":
        # RFC 6750 §3.1: no error code for a request that had no credential.
        detail = "" if isinstance(error, exceptions.NotAuthenticated) else ', error="invalid_token"'
        return {"WWW-Authenticate": f'Bearer realm="insighta"{detail}'}
    if getattr(getattr(error, "detail", None), "code", "") == "insufficient_scope":
        return {"WWW-Authenticate": 'Bearer realm="insighta", error="insufficient_scope"'}
    if code == "busy":
        return {"Retry-After": str(BUSY_RETRY_SECONDS)}
    wait = getattr(error, "wait", None)
    if code == "throttled" and wait is not None:
        return {"Retry-After": str(max(1, round(wait)))}
    return {}


def _field_errors(detail: Any) -> dict[str, list[str]]:
    if isinstance(detail, dict):
        return {str(field): _messages(messages) for field, messages in detail.items()}
    return {"non_field_errors": _messages(detail)}


def _messages(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [message for nested in value.values() for message in _messages(nested)]
    return [_sendable(item) for item in value] if isinstance(value, list) else [_sendable(value)]


def _sendable(value: Any) -> str:
    # A message may repeat what was sent, and JSON can name half of a character, which no encoding can write.
    return str(value).encode(errors="replace").decode()
