"""The start page, the answer to load balancers, and the pages for what Django itself refuses."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from portal.errors import BAD_REQUEST, FAILED, FORM_EXPIRED, NOT_FOUND, OVERLOADED, PAGES
from portal.pages import render_error, render_page
from portal.visitor import PortalRequest


@require_safe
def home(request: PortalRequest) -> HttpResponse:
    """Who is signed in and what comes next; for everybody else what Insighta is."""
    if not request.visitor.has_tokens:
        return render_page(request, "welcome", {}, me=None)
    page = request.visitor.get("/pages/home")
    return render_page(request, "home", page, me=page["person"])


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers; the backend is not asked."""
    return JsonResponse({"status": "alive"})


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Any address that no page has."""
    return render_error(request, NOT_FOUND)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """A request that Django refused to read."""
    return render_error(request, BAD_REQUEST)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """A request that Django refused to serve."""
    return render_error(request, PAGES["permission_denied"])


def overloaded(request: HttpRequest) -> HttpResponse:
    """More requests than this process can serve; the cookies stay as they are."""
    return render_error(request, OVERLOADED)


def failed(request: HttpRequest) -> HttpResponse:
    """A mistake outside the views."""
    return render_error(request, FAILED)


def form_expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without the right CSRF token."""
    return render_error(request, FORM_EXPIRED)
