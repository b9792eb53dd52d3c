from django.http import HttpResponse
from django.views.decorators.http import require_http_methods, require_safe

from portal.cookies import set_zone
from portal.forms import SettingsForm, ZoneForm
from portal.links import cursor_after, local_path
from portal.rendering import redirect_to, render_page, return_form, zone_for
from portal.times import months_of, zone_of
from portal.visitor import PortalRequest, SeeOther


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
    return render_page(request, "settings", {"form": form}, me=page["person"], status=422 if refused else 200)


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
def activity(request: PortalRequest) -> HttpResponse:
    """What happened to the account: sign-ins, tokens and bookings, in words."""
    page = request.visitor.get("/pages/trail", cursor=request.GET.get("cursor"))
    zone = zone_of(page["person"]["time_zone"])
    context = {"months": months_of(page["events"]["results"], zone), "older": cursor_after(page["events"])}
    return render_page(request, "activity", context, me=page["person"])
