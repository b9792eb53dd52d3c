"""Errors as HTTP answers: the status of each kind of error, and RFC 9457 problems."""

from collections.abc import Iterator
from http import HTTPStatus
from importlib import import_module
from typing import Any

from django.apps import apps
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.module_loading import module_has_submodule
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from config.http.support import with_support

MEDIA_TYPE = "application/problem+json"

STATUS = {
    "invalid": HTTPStatus.BAD_REQUEST,
    "unauthenticated": HTTPStatus.UNAUTHORIZED,
    "forbidden": HTTPStatus.FORBIDDEN,
    "missing": HTTPStatus.NOT_FOUND,
    "conflict": HTTPStatus.CONFLICT,
    "busy": HTTPStatus.CONFLICT,
    "throttled": HTTPStatus.TOO_MANY_REQUESTS,
    "unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The status of each kind of error."""

_FRAMEWORK: list[tuple[type[Exception], str, HTTPStatus]] = [
    (RequestDataTooBig, "request_too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (exceptions.NotAuthenticated, "not_authenticated", HTTPStatus.UNAUTHORIZED),
    (exceptions.AuthenticationFailed, "not_authenticated", HTTPStatus.UNAUTHORIZED),
    (exceptions.PermissionDenied, "permission_denied", HTTPStatus.FORBIDDEN),
    (PermissionDenied, "permission_denied", HTTPStatus.FORBIDDEN),
    (exceptions.NotFound, "not_found", HTTPStatus.NOT_FOUND),
    (Http404, "not_found", HTTPStatus.NOT_FOUND),
    (exceptions.MethodNotAllowed, "method_not_allowed", HTTPStatus.METHOD_NOT_ALLOWED),
    (exceptions.NotAcceptable, "not_acceptable", HTTPStatus.NOT_ACCEPTABLE),
    (exceptions.UnsupportedMediaType, "unsupported_media_type", HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (exceptions.ValidationError, "validation_error", HTTPStatus.BAD_REQUEST),
    (exceptions.ParseError, "validation_error", HTTPStatus.BAD_REQUEST),
    # JSON that is nested without end.
    (RecursionError, "validation_error", HTTPStatus.BAD_REQUEST),
]
_UNAVAILABLE = "We cannot answer at this moment. Nothing is half done; try again in a second."
_BROKEN = "Something broke on our side. Nothing is half done; try again later."
_SENTENCES = {
    "not_authenticated": "The access token is missing, expired or revoked. Refresh it or sign in again.",
    "not_found": "There is no such thing, or it is not yours.",
    "permission_denied": "This token lacks the scope that this call needs.",
    "request_too_large": "The request body is too large.",
    "unsupported_media_type": "The body must be JSON, and Content-Type must say so.",
    "validation_error": "Some fields are not as they should be; see errors.",
}


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: problem+json with a stable `code`. None (a 500) for what nobody foresaw."""
    found = _code_and_status(error)
    if found is None:
        return None
    set_rollback()
    code, status = found
    body = _problem(code, status, _detail(error, code))
    if isinstance(error, exceptions.ValidationError):
        body["errors"] = _field_errors(error.detail)
    body.update(getattr(error, "extra", {}))
    return Response(body, status=status, headers=_headers(error, code), content_type=MEDIA_TYPE)


def _problem(code: str, status: HTTPStatus, detail: str) -> dict[str, Any]:
    """An RFC 9457 object."""
    return {
        "type": f"urn:insighta:problem:{code}",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": code,
    }


def error_classes() -> Iterator[Any]:
    """Every error class of the apps; one without a `code` is the base of others."""
    for app in apps.get_app_configs():
        if module_has_submodule(app.module, "errors"):
            members = vars(import_module(f"{app.name}.errors")).values()
            yield from (member for member in members if hasattr(member, "sentence"))


def documented_problems() -> dict[str, dict[str, Any]]:
    """Every code that the API answers with, and a problem that has it."""
    found = {
        code: (status, _SENTENCES.get(code) or str(getattr(error, "default_detail", "")))
        for error, code, status in _FRAMEWORK
    }
    found |= {
        "internal_error": (HTTPStatus.INTERNAL_SERVER_ERROR, _BROKEN),
        "unavailable": (STATUS["unavailable"], _UNAVAILABLE),
    }
    for error in error_classes():
        if hasattr(error, "code") and error.in_api:
            found.setdefault(error.code, (STATUS[error.kind], error.sentence))
    return {code: _problem(code, status, sentence) for code, (status, sentence) in sorted(found.items())}


# The API takes no cookies, so nothing here is a form of another site; refused as one, a mistyped id would get a page.
@csrf_exempt
def not_found(request: HttpRequest) -> JsonResponse:
    """The answer for an API address that is not there, whatever the method."""
    return _plain_problem("not_found", STATUS["missing"], "There is nothing at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    """The answer when something broke that nobody foresaw: a problem for the API, a page for people."""
    if not request.path.startswith("/api/"):
        # Without the request: what fills in a page from it may be what broke.
        page = render_to_string("500.html")
        return HttpResponse(page, status=HTTPStatus.INTERNAL_SERVER_ERROR)
    return _plain_problem("internal_error", HTTPStatus.INTERNAL_SERVER_ERROR, _BROKEN)


def unavailable(request: HttpRequest) -> HttpResponse:
    """The answer where the server has too much to do or its database is away; RFC 6749 §5.2 for OAuth's callers."""
    if request.path.startswith("/api/"):
        sentence = f"{_UNAVAILABLE} With the same Idempotency-Key it is the same request."
        return _plain_problem("unavailable", STATUS["unavailable"], sentence)
    if request.path.startswith("/oauth/") and request.method == "POST":
        refusal = {"error": "temporarily_unavailable", "error_description": "try again in a moment"}
        return JsonResponse(refusal, status=STATUS["unavailable"])
    return render(request, "503.html", {"sentence": _UNAVAILABLE}, status=STATUS["unavailable"])


def _plain_problem(code: str, status: HTTPStatus, detail: str) -> JsonResponse:
    return JsonResponse(_problem(code, status, detail), status=status, content_type=MEDIA_TYPE)


def _code_and_status(error: Exception) -> tuple[str, HTTPStatus] | None:
    if (kind := getattr(error, "kind", None)) in STATUS:
        return getattr(error, "code", kind), STATUS[kind]
    return next(((code, status) for type_, code, status in _FRAMEWORK if isinstance(error, type_)), None)


def _detail(error: Exception, code: str) -> str:
    if isinstance(error, exceptions.ParseError | RecursionError):
        return "The body is not valid JSON."
    if code in _SENTENCES and not hasattr(error, "sentence"):
        return _SENTENCES[code]
    detail = getattr(error, "detail", None)
    return with_support(str(detail or error), error)


def _headers(error: Exception, code: str) -> dict[str, str]:
    if code == "not_authenticated":
        # RFC 6750 §3.1: no error code for a request that had no credential.
        detail = "" if isinstance(error, exceptions.NotAuthenticated) else ', error="invalid_token"'
        return {"WWW-Authenticate": f'Bearer realm="insighta"{detail}'}
    if getattr(getattr(error, "detail", None), "code", "") == "insufficient_scope":
        return {"WWW-Authenticate": 'Bearer realm="insighta", error="insufficient_scope"'}
    if code == "step_up_required":
        challenge = 'error="insufficient_user_authentication", error_description="A more recent sign-in is required"'
        max_age = getattr(error, "extra", {}).get("max_age")
        return {"WWW-Authenticate": f'Bearer realm="insighta", {challenge}, max_age="{max_age}"'}
    seconds = getattr(error, "retry_after_seconds", None)
    return {} if seconds is None else {"Retry-After": str(seconds)}


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
