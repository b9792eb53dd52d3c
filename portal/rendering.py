from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone

from portal.errors import Problem
from portal.forms import ApiForm
from portal.links import url
from portal.messages import MESSAGES, Message
from portal.notices import NOTICES
from portal.times import zone_of
from portal.visitor import PortalRequest


def render_page(
    request: PortalRequest, name: str, context: dict[str, Any], *, me: dict[str, Any] | None, status: int = 200
) -> HttpResponse:
    """The template `portal/<name>.html`; `me` is the person signed in, None on pages for everybody."""
    notice = NOTICES.get(request.GET.get("notice", ""))
    everywhere = {"me": me, "notice": notice, "now": timezone.now(), "zone": zone_for(request, me)}
    if me is not None:
        request.visitor.is_host = bool(me["is_host"])
    return render(request, f"portal/{name}.html", everywhere | context, status=status)


def zone_for(request: PortalRequest, me: dict[str, Any] | None) -> ZoneInfo:
    """The zone that times are shown in: the person's, or for nobody the browser's."""
    return zone_of(request.visitor.zone if me is None else me["time_zone"])


def render_message(
    request: HttpRequest, message: Message, *, retry_after: int | None = None, secret_address: bool = False
) -> HttpResponse:
    """One sentence, one link. With `secret_address` the address itself holds secrets and must not be told on."""
    # What is refused early has no visitor.
    visitor = getattr(request, "visitor", None)
    context = {
        "message": message,
        "me": None,
        "is_signed_in": visitor is not None and visitor.has_tokens,
        "is_host": visitor is not None and visitor.is_host,
    }
    response = render(request, "portal/message.html", context, status=message.status)
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    if secret_address:
        response.headers["Referrer-Policy"] = "no-referrer"
    return response


def redirect_to(name: str, *args: object, **query: str | None) -> HttpResponse:
    """303 to the portal's page of that name; `notice` and `conflict` in the query name a sentence that it shows."""
    return see_other(url(name, *args, **query))


def see_other(address: str) -> HttpResponse:
    """303 to an address of the portal."""
    response = HttpResponseRedirect(address)
    response.status_code = 303
    return response


def return_form(
    request: PortalRequest, name: str, form: ApiForm, at_once: Callable[[], HttpResponse], *args: object
) -> HttpResponse:
    """303 to the page of a form that was refused; the page shows what was typed and why, and Back asks no question.

    `at_once` answers instead where too much was typed for a cookie.
    """
    response = redirect_to(name, *args)
    return response if request.visitor.leave_note(response, {"for": url(name, *args), **form.note()}) else at_once()


def conflict_in(request: HttpRequest) -> Message | None:
    """What has changed meanwhile, where a redirect says so by its code."""
    return MESSAGES.get(request.GET.get("conflict", ""))


def redirect_with_conflict(problem: Problem, name: str, *args: object) -> HttpResponse:
    """303 to the page that a refused form stood on, which then says what has changed. Raises Problem for a new code."""
    if problem.code not in MESSAGES:
        raise problem
    return redirect_to(name, *args, conflict=problem.code)
