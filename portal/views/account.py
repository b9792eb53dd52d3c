"""Settings, sessions and access tokens: what a person controls about the account."""

from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal import cookies
from portal.errors import Problem
from portal.forms import SettingsForm, TokenForm
from portal.pages import local_path, redirect_with, render_page, return_form
from portal.visitor import PortalRequest

VALIDATION = "validation_error"


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: PortalRequest) -> HttpResponse:
    """The person's name, time zone and emails."""
    if request.method == "POST":
        return _save_settings(request)
    return _settings_page(request)


def _save_settings(request: PortalRequest) -> HttpResponse:
    form = SettingsForm(request.POST)
    if form.is_valid():
        try:
            request.visitor.send("PATCH", "/me", form.cleaned_data)
            return redirect_with("/settings", "settings-saved")
        except Problem as problem:
            if problem.code != VALIDATION:
                raise
            form.take(problem)
    return return_form("/settings", form, lambda: _settings_page(request, form))


def _settings_page(request: PortalRequest, refused: SettingsForm | None = None) -> HttpResponse:
    data = request.visitor.fetch(me="/me", sessions="/sessions")
    form = refused or SettingsForm.of(request.visitor.take_note("/settings")) or SettingsForm(initial=data["me"])
    context = {"form": form, "places": len(data["sessions"]["results"])}
    return render_page(request, "settings", context, me=data["me"], status=422 if refused else 200)


@require_POST
def time_zone(request: PortalRequest) -> HttpResponse:
    """Change the time zone alone, from the offer that any page may make."""
    request.visitor.send("PATCH", "/me", {"time_zone": request.POST.get("time_zone", "")})
    return redirect_with(local_path(request.POST.get("next")), "time-zone-saved")


@require_http_methods(["GET", "HEAD", "POST"])
def deactivate(request: PortalRequest) -> HttpResponse:
    """Leave, after a list of what that cancels."""
    if request.method == "POST":
        request.visitor.send("POST", "/me/deactivate")
        request.visitor.forget()
        return redirect_with("/signed-out?reason=left")
    page = request.visitor.get("/pages/deactivation")
    return render_page(request, "deactivate", page, me=page["person"])


@require_safe
def sessions(request: PortalRequest) -> HttpResponse:
    """Where the person is signed in."""
    data = request.visitor.fetch(me="/me", sessions="/sessions")
    found = sorted(data["sessions"]["results"], key=lambda session: not session["current"])
    return render_page(request, "sessions", {"sessions": found}, me=data["me"])


@require_POST
def revoke_session(request: PortalRequest, session_id: UUID) -> HttpResponse:
    """Sign one session out."""
    _end(request, f"/sessions/{session_id}")
    return redirect_with("/sessions", "session-revoked")


@require_POST
def revoke_other_sessions(request: PortalRequest) -> HttpResponse:
    """Sign all sessions out but this one."""
    request.visitor.send("DELETE", "/sessions?keep=current")
    return redirect_with("/sessions", "others-revoked")


@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: PortalRequest) -> HttpResponse:
    """The personal access tokens, and a form for a new one. A new secret is shown once."""
    if request.method == "POST":
        return _create_token(request)
    return _tokens_page(request)


def _create_token(request: PortalRequest) -> HttpResponse:
    form = TokenForm(request.POST)
    if form.is_valid():
        try:
            made = request.visitor.send("POST", "/personal-access-tokens", form.body())
        except Problem as problem:
            if problem.code != VALIDATION:
                raise
            form.take(problem)
        else:
            response = redirect_with("/tokens")
            cookies.set_note(response, {"for": "/tokens", "secret": {"name": made["name"], "token": made["token"]}})
            return response
    return return_form("/tokens", form, lambda: _tokens_page(request, form))


def _tokens_page(request: PortalRequest, refused: TokenForm | None = None) -> HttpResponse:
    data = request.visitor.fetch(me="/me", tokens="/personal-access-tokens")
    note = request.visitor.take_note("/tokens")
    form = refused or TokenForm.of(note) or TokenForm()
    context = {"form": form, "secret": note.get("secret"), "tokens": data["tokens"]["results"]}
    return render_page(request, "tokens", context, me=data["me"], status=422 if refused else 200)


@require_POST
def revoke_token(request: PortalRequest, token_id: UUID) -> HttpResponse:
    """End one personal access token."""
    _end(request, f"/personal-access-tokens/{token_id}")
    return redirect_with("/tokens", "token-revoked")


def _end(request: PortalRequest, path: str) -> None:
    try:
        request.visitor.send("DELETE", path)
    except Problem as problem:
        # What is gone already, by a double click or in another tab, is as the person wants it.
        if problem.status != 404:
            raise
