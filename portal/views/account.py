from dataclasses import replace
from urllib.parse import quote
from uuid import UUID, uuid4

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal import messages
from portal.access_forms import PublisherForm, TokenForm
from portal.cookies import set_zone
from portal.errors import Problem
from portal.forms import SettingsForm, ZoneForm, form_key
from portal.links import cursor_after, local_path, url
from portal.rendering import ask_first, redirect_to, render_message, render_page, return_form, zone_for
from portal.times import months_of, zone_of
from portal.visitor import PortalRequest, SeeOther

PUBLISHER_ID = "publisher_%s"


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: PortalRequest) -> HttpResponse:
    """The person's name, time zone and emails."""
    if request.method != "POST":
        return _settings_page(request)
    form = SettingsForm(request.POST)
    if form.is_valid() and form.send(request.visitor, "PATCH", "/me", form.cleaned_data) is not None:
        return redirect_to("settings", notice="settings-saved")
    return return_form(request, "settings", form, lambda: _settings_page(request, form))


def _settings_page(request: PortalRequest, refused: SettingsForm | None = None) -> HttpResponse:
    page = request.visitor.get("/pages/settings")
    form = refused or SettingsForm.of(request.visitor.take_note()) or SettingsForm(initial=page["person"])
    context = {"form": form, "places": page["session_count"]}
    return render_page(request, "settings", context, me=page["person"], status=422 if refused else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def time_zone(request: PortalRequest) -> HttpResponse:
    """Change the time zone alone and go back to where it was shown; without a sign-in, for this browser."""
    if request.method != "POST":
        return _zone_page(request)
    wanted = request.POST.get("time_zone", "")
    response = SeeOther(local_path(request.POST.get("next")), notice="time-zone-saved")
    if request.visitor.is_reader:
        set_zone(response, zone_of(wanted).key)
    else:
        request.visitor.send("PATCH", "/me", {"time_zone": wanted})
    return response


def _zone_page(request: PortalRequest) -> HttpResponse:
    me = None if request.visitor.is_reader else request.visitor.get("/pages/settings")["person"]
    form = ZoneForm(initial={"time_zone": zone_for(request, me).key})
    return render_page(request, "zone", {"form": form, "next": local_path(request.GET.get("next"))}, me=me)


@require_http_methods(["GET", "HEAD", "POST"])
def deactivate(request: PortalRequest) -> HttpResponse:
    """Leave, after a list of what that cancels."""
    if request.method == "POST":
        request.visitor.send("POST", "/me/deactivate")
        request.visitor.forget()
        return redirect_to("signed_out", reason="left")
    page = request.visitor.get("/pages/deactivation")
    return render_page(request, "deactivate", page, me=page["person"])


@require_safe
def sessions(request: PortalRequest) -> HttpResponse:
    """Where the person is signed in."""
    page = request.visitor.get("/pages/sessions")
    found = sorted(page["sessions"], key=lambda session: not session["current"])
    return render_page(request, "sessions", {"sessions": found}, me=page["person"])


@require_http_methods(["GET", "HEAD", "POST"])
def revoke_session(request: PortalRequest, session_id: UUID) -> HttpResponse:
    """Sign one session out. Mails link here: looking shows that one session and asks."""
    if request.method != "POST":
        return _ask(request, f"/pages/sessions/{session_id}", "session_revoke")
    _end(request, f"/sessions/{session_id}")
    return redirect_to("sessions", notice="session-revoked")


@require_http_methods(["GET", "HEAD", "POST"])
def revoke_other_sessions(request: PortalRequest) -> HttpResponse:
    """Sign all sessions out but this one."""
    if request.method != "POST":
        page = request.visitor.get("/pages/sessions")
        others = [one["label"] or "one without a name" for one in page["sessions"] if not one["current"]]
        named = ", ".join(others[:5] or ["nothing else is signed in now"]) + (
            f" and {len(others) - 5} more" if len(others) > 5 else ""
        )
        return ask_first(request, "revoke_other_sessions", me=page["person"], back=url("sessions"), name=named)
    request.visitor.send("DELETE", "/sessions?keep=current")
    return redirect_to("sessions", notice="others-revoked")


@require_safe
def applications(request: PortalRequest) -> HttpResponse:
    """The applications that the person has signed in to, and what each may do."""
    page = request.visitor.get("/pages/applications")
    return render_page(request, "applications", {"applications": page["applications"]}, me=page["person"])


@require_safe
def activity(request: PortalRequest) -> HttpResponse:
    """What happened to the account: sign-ins, tokens and bookings, in words."""
    page = request.visitor.get("/pages/trail", cursor=request.GET.get("cursor"))
    zone = zone_of(page["person"]["time_zone"])
    context = {"months": months_of(page["events"]["results"], zone), "older": cursor_after(page["events"])}
    return render_page(request, "activity", context, me=page["person"])


@require_http_methods(["GET", "HEAD", "POST"])
def withdraw_application(request: PortalRequest, client_id: str) -> HttpResponse:
    """Withdraw what an application may do; its sign-ins end."""
    if request.method != "POST":
        page, back = request.visitor.get("/pages/applications"), url("applications")
        found = next((one for one in page["applications"] if one["client_id"] == client_id), None)
        if found is None:
            return redirect_to("applications", notice="gone")
        return ask_first(request, "withdraw_application", me=page["person"], back=back, name=found["name"])
    _end(request, f"/applications/{quote(client_id, safe='')}")
    return redirect_to("applications", notice="application-withdrawn")


@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: PortalRequest) -> HttpResponse:
    """The personal access tokens, and a form for a new one, whose key makes a second click harmless."""
    if request.method != "POST":
        return _tokens_page(request)
    form = TokenForm(request.POST)
    key = form_key(request)
    made = None
    if form.is_valid():
        made = form.send(request.visitor, "POST", "/personal-access-tokens", form.body(), idempotency_key=key)
    if made is None:
        return return_form(request, "tokens", form, lambda: _tokens_page(request, form))
    secret = {name: made.get(name) for name in ("name", "token", "scopes", "expires_at")}
    return SeeOther(url("tokens"), secret=secret)


def _tokens_page(
    request: PortalRequest, refused: TokenForm | None = None, publisher: PublisherForm | None = None
) -> HttpResponse:
    page, note = request.visitor.get("/pages/tokens"), request.visitor.take_note()
    form = refused or TokenForm.of(note) or TokenForm()
    form.name_ends(zone_of(page["person"]["time_zone"]), timezone.now())
    context = {
        "form": form,
        "publisher": publisher or PublisherForm.of(note, auto_id=PUBLISHER_ID) or PublisherForm(auto_id=PUBLISHER_ID),
        "key": str(uuid4()),
        "secret": note.get("secret"),
        "tokens": page["tokens"],
        # A backend of an earlier release has none.
        "publishers": page.get("publishers", []),
    }
    return render_page(request, "tokens", context, me=page["person"], status=422 if refused or publisher else 200)


@require_POST
def add_publisher(request: PortalRequest) -> HttpResponse:
    """Let a CI job act as the person without a secret."""
    form = PublisherForm(request.POST, auto_id=PUBLISHER_ID)
    if form.is_valid() and form.send(request.visitor, "POST", "/trusted-publishers", form.cleaned_data) is not None:
        return redirect_to("tokens", notice="publisher-added")
    return return_form(request, "tokens", form, lambda: _tokens_page(request, publisher=form))


@require_http_methods(["GET", "HEAD", "POST"])
def remove_publisher(request: PortalRequest, publisher_id: UUID) -> HttpResponse:
    """Remove a trusted publisher; what its jobs were given ends."""
    if request.method != "POST":
        page, back = request.visitor.get("/pages/tokens"), url("tokens")
        found = next((one for one in page.get("publishers", ()) if one["id"] == str(publisher_id)), None)
        if found is None:
            return redirect_to("tokens", notice="gone")
        name = f"{found['repository']} {found['workflow']}"
        return ask_first(request, "remove_publisher", me=page["person"], back=back, name=name)
    _end(request, f"/trusted-publishers/{publisher_id}")
    return redirect_to("tokens", notice="publisher-removed")


@require_http_methods(["GET", "HEAD", "POST"])
def revoke_token(request: PortalRequest, token_id: UUID) -> HttpResponse:
    """End one personal access token. Mails link here: looking shows that one token and asks."""
    if request.method != "POST":
        return _ask(request, f"/pages/tokens/{token_id}", "token_revoke")
    _end(request, f"/personal-access-tokens/{token_id}")
    return redirect_to("tokens", notice="token-revoked")


def _ask(request: PortalRequest, path: str, template: str) -> HttpResponse:
    """Show the one thing that would end. Somebody else's, and what is long gone, is not there."""
    try:
        page = request.visitor.get(path)
    except Problem as problem:
        if problem.status != 404:
            raise
        query = {"switch": "1", "next": request.path}
        return render_message(request, replace(messages.NOT_YOURS_TO_END, query=query))
    return render_page(request, template, page, me=page["person"])


def _end(request: PortalRequest, path: str) -> None:
    try:
        request.visitor.send("DELETE", path)
    except Problem as problem:
        # What is gone already, by a double click or in another tab, is as the person wants it.
        if problem.status != 404:
            raise
