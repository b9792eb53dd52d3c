from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from portal.errors import Problem
from portal.forms import ApiForm
from portal.links import url
from portal.messages import MESSAGES, Message
from portal.notices import NOTICES
from portal.questions import QUESTIONS
from portal.times import zone_of
from portal.visitor import PortalRequest, SeeOther


def render_page(
    request: PortalRequest, name: str, context: dict[str, Any], *, me: dict[str, Any] | None, status: int = 200
) -> HttpResponse:
    """The template `portal/<name>.html`; `me` is the person signed in, None on pages for everybody."""
    note = request.visitor.take_note()
    said: dict[str, Any] = {
        "notice": NOTICES.get(note.get("notice", "")),
        "conflict": MESSAGES.get(note.get("conflict", "")),
    }
    said["wrong"] = [form for form in context.values() if isinstance(form, forms.BaseForm) and form.errors]
    everywhere = {"me": me, "now": timezone.now(), "zone": zone_for(request, me), **said}
    if me is not None:
        request.visitor.is_host = bool(me["is_host"])
    return render(request, f"portal/{name}.html", everywhere | context, status=status)


def zone_for(request: PortalRequest, me: dict[str, Any] | None) -> ZoneInfo:
    """The zone that times are shown in: the person's, or for nobody the browser's."""
    return zone_of(request.visitor.zone if me is None else me["time_zone"])


def ask_first(
    request: PortalRequest, question: str, *, me: dict[str, Any] | None, back: str, name: str = ""
) -> HttpResponse:
    """The page that asks whether to do what its address does when it is sent; `back` is where it is left alone."""
    asked = QUESTIONS[question]
    said = {field: getattr(asked, field).format(name=name) for field in ("title", "text", "back")}
    return render_page(request, "question", {"question": asked, "asked": said, "home": back}, me=me)


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


def redirect_to(
    name: str, *args: object, notice: str | None = None, conflict: str | None = None, **query: str | None
) -> SeeOther:
    """303 to the portal's page of that name; `notice` and `conflict` name a sentence that it says once."""
    return SeeOther(url(name, *args, **query), notice=notice, conflict=conflict)


def return_form(
    request: PortalRequest,
    name: str,
    form: ApiForm,
    at_once: Callable[[], HttpResponse],
    *args: object,
    **query: str,
) -> HttpResponse:
    """303 to the page of a form that was refused; the page shows what was typed and why, and Back asks no question.

    `at_once` answers instead where too much was typed for a cookie.
    """
    response = SeeOther(url(name, *args, **query), **form.as_note())
    return response if request.visitor.leave_note(response) else at_once()


def redirect_with_conflict(problem: Problem, name: str, *args: object) -> HttpResponse:
    """303 to the page that a refused form stood on, which then says what has changed.

    Raises the problem where it is no conflict or has no message.
    """
    if problem.status != 409 or problem.code not in MESSAGES:
        raise problem
    return redirect_to(name, *args, conflict=problem.code)
