"""How a page is put together: the template, who is signed in, and what a redirect before it had to say."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from portal import cookies
from portal.errors import PAGES, Page, Problem
from portal.forms import ApiForm
from portal.visitor import PortalRequest, with_query

NOTICES = {
    "signed-in": "You are signed in.",
    "settings-saved": "Your settings are saved.",
    "time-zone-saved": "Times are now shown in your time zone.",
    "session-revoked": "That session is signed out.",
    "others-revoked": "All other sessions are signed out.",
    "token-revoked": "The token is revoked. Programs that use it are refused from now on.",
    "device-approved": "The device is signed in. You can go back to it.",
    "device-denied": "The request is denied. The device is not signed in.",
    "booked": "Your seat is booked.",
    "waiting": "You are on the waitlist. A freed seat is booked for you while it can still be refunded.",
    "not-waiting": "You are no longer on the waitlist.",
    "cancelled": "The booking is cancelled.",
    "already-cancelled": "It is cancelled already.",
    "nothing-to-cancel": "This booking can no longer be cancelled.",
    "rescheduled": "The booking is moved to its new time.",
    "feed-rotated": "Your calendar has a new address. The old one no longer works.",
    "slot-created": "The session is open for booking.",
    "slot-cancelled": "The session is cancelled and everyone booked has their credit back.",
    "day-cancelled": "The day is cancelled and everyone booked has their credits back.",
    "rule-added": "The weekly hours are added.",
    "exception-added": "The date is added.",
    "rule-removed": "Removed. Sessions that were booked stay.",
    "no-show": "Marked as a no-show.",
}


def render_page(
    request: PortalRequest, name: str, context: dict[str, Any], *, me: dict[str, Any] | None, status: int = 200
) -> HttpResponse:
    """The template `portal/<name>.html`; `me` is the person signed in, None on pages for everybody."""
    notice = NOTICES.get(request.GET.get("notice", ""))
    if me is not None and "is_host" in me:
        request.visitor.is_host = bool(me["is_host"])
    everywhere = {"me": me, "notice": notice, "now": timezone.now()}
    if me is not None:
        # Every page of theirs has forms. Made when first asked for, as by Django, it takes longer than the navigation.
        everywhere["csrf_token"] = get_token(request)
    return render(request, f"portal/{name}.html", everywhere | context, status=status)


def render_error(
    request: HttpRequest, page: Page, *, retry_after: int | None = None, secret_address: bool = False
) -> HttpResponse:
    """One sentence, one link. With `secret_address` the address itself holds secrets and must not be told on."""
    context = {"page": page, "me": None, "is_signed_in": is_signed_in(request), "is_host": is_host(request)}
    response = render(request, "portal/message.html", context, status=page.status)
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    if secret_address:
        response.headers["Referrer-Policy"] = "no-referrer"
    return response


def is_signed_in(request: HttpRequest) -> bool:
    """Whether to show the navigation on a page that asks the backend nothing; what is refused early has no visitor."""
    visitor = getattr(request, "visitor", None)
    return visitor is not None and bool(visitor.has_tokens)


def is_host(request: HttpRequest) -> bool:
    """Whether that navigation has the pages for hosts, as the last page had."""
    visitor = getattr(request, "visitor", None)
    return visitor is not None and bool(visitor.is_host)


def render_sign_in_needed(request: HttpRequest, next_path: str) -> HttpResponse:
    """The page that asks to sign in first and returns to the page wanted."""
    page = Page(
        401, "Sign in to continue", "This page is for people who are signed in.", "Sign in with GitHub",
        with_query("/login", next=next_path), icon="person",
    )  # fmt: skip
    return render_error(request, page)


def redirect_with(path: str, notice: str = "") -> HttpResponse:
    """303 to a page of the portal, which then shows the notice of that name."""
    response = HttpResponseRedirect(with_query(path, notice=notice))
    response.status_code = 303
    return response


def return_form(path: str, form: ApiForm, at_once: Callable[[], HttpResponse]) -> HttpResponse:
    """303 to the page of a form that was refused; the page shows what was typed and why, and Back asks no question.

    `at_once` answers instead where too much was typed for a cookie.
    """
    response = redirect_with(path)
    return response if cookies.set_note(response, {"for": path, **form.note()}) else at_once()


def conflict_in(request: HttpRequest) -> Page | None:
    """What has changed meanwhile, where a redirect says so by its code."""
    return PAGES.get(request.GET.get("conflict", ""))


def redirect_with_conflict(path: str, problem: Problem) -> HttpResponse:
    """303 to the page that a refused form stood on, which then says what has changed. Raises Problem for a new code."""
    if problem.code not in PAGES:
        raise problem
    return redirect_with(with_query(path, conflict=problem.code))


def local_path(value: str | None) -> str:
    """`value` if it is a path of this portal and of sensible length, else the start page."""
    if not value or len(value) > 1000 or not value.startswith("/"):
        return "/"
    return value if url_has_allowed_host_and_scheme(value, allowed_hosts=None) else "/"
