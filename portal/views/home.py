from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from portal.errors import PortalError
from portal.messages import BAD_REQUEST, FAILED, FORM_EXPIRED, MESSAGES, NOT_FOUND, OVERLOADED
from portal.rendering import render_message, render_page
from portal.visitor import PortalRequest


@require_safe
def home(request: PortalRequest) -> HttpResponse:
    """Who is signed in and what comes next; for everybody else what Insighta is."""
    if not request.visitor.has_tokens:
        return render_page(request, "welcome", {"next_free": _next_free(request)}, me=None)
    page = request.visitor.get("/pages/home")
    changed = [booking for booking in page["upcoming"] if booking.get("free_to_leave_until")]
    shown = {**page, "changed": changed, "passed_over": page.get("passed_over", [])}
    return render_page(request, "home", shown, me=page["person"])


def _next_free(request: PortalRequest) -> list[dict[str, Any]] | None:
    """The next three sessions with a free seat; None where everybody may not see them, or nobody can now."""
    if not request.visitor.is_reader:
        return None
    try:
        found = request.visitor.read("/slots", open="true", free="true")["results"]
    except PortalError:
        return None
    return list(found[:3])


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers; the backend is not asked."""
    return JsonResponse({"status": "alive"})


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Any address that no page has."""
    return render_message(request, NOT_FOUND)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """A request that Django refused to read."""
    return render_message(request, BAD_REQUEST)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """A request that Django refused to serve."""
    return render_message(request, MESSAGES["permission_denied"])


def overloaded(request: HttpRequest) -> HttpResponse:
    """More requests than this process can serve; the cookies stay as they are."""
    return render_message(request, OVERLOADED)


def failed(request: HttpRequest) -> HttpResponse:
    """A mistake outside the views."""
    return render_message(request, FAILED)


def form_expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without the right CSRF token."""
    return render_message(request, FORM_EXPIRED)
