"""For hosts: what is coming up, who has booked, weekly hours and exceptions, one-off sessions, cancelling."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.errors import Problem
from portal.forms import ApiForm, DayForm, ExceptionForm, HoursForm, SlotForm
from portal.pages import redirect_with, render_page, return_form
from portal.templatetags.portal import read_instant, zone_of
from portal.views.slots import cursor_after
from portal.visitor import PortalRequest, with_query

# Two forms on one page: their fields need ids of their own.
NEXT_OPEN = 5
EXCEPTION_ID = "exception_%s"


@require_safe
def hosting(request: PortalRequest) -> HttpResponse:
    """The host's open sessions by day."""
    page = request.visitor.get(with_query("/pages/hosting", cursor=request.GET.get("cursor")))
    context = {"days": _open_days(page), "later": cursor_after(page["slots"])}
    return render_page(request, "hosting", context, me=page["person"])


def _open_days(page: dict[str, Any]) -> list[tuple[date, list[dict[str, Any]]]]:
    """The open sessions of `/pages/hosting` by the host's days."""
    days: dict[date, list[dict[str, Any]]] = {}
    for slot in page["slots"]["results"]:
        if slot["status"] == "open":
            days.setdefault(read_instant(slot["starts_at"], page["person"]["time_zone"]).date(), []).append(slot)
    return sorted(days.items())


@require_http_methods(["GET", "HEAD", "POST"])
def new_slot(request: PortalRequest) -> HttpResponse:
    """Open a one-off session. The host's zone comes with the form, so that saving is one call."""
    if request.method != "POST":
        return _new_slot_page(request)
    form = SlotForm(request.POST)
    zone = zone_of(request.POST.get("zone", ""))
    if form.is_valid() and _accepted(request, form, "/slots", form.body(zone)):
        return redirect_with("/hosting", "slot-created")
    return return_form("/hosting/new", form, lambda: _new_slot_page(request, form))


def _new_slot_page(request: PortalRequest, refused: SlotForm | None = None) -> HttpResponse:
    page = request.visitor.get("/pages/hosting")
    form = refused or SlotForm.of(request.visitor.take_note("/hosting/new")) or SlotForm()
    opened = [slot for slot in page["slots"]["results"] if slot["status"] == "open"][:NEXT_OPEN]
    context = {"form": form, "opened": opened}
    return render_page(request, "hosting_new", context, me=page["person"], status=422 if refused else 200)


def _accepted(request: PortalRequest, form: ApiForm, path: str, body: dict[str, Any]) -> bool:
    try:
        request.visitor.send("POST", path, body)
    except Problem as problem:
        if problem.status in {400, 409}:
            form.take(problem)
            return False
        raise
    return True


@require_safe
def hours(request: PortalRequest) -> HttpResponse:
    """Weekly hours and the dates that differ."""
    return _hours_page(request)


@require_POST
def add_hours(request: PortalRequest) -> HttpResponse:
    """Receive every week at these hours."""
    form = HoursForm(request.POST)
    if form.is_valid() and _accepted(request, form, "/availability-rules", form.body()):
        return redirect_with("/hosting/hours", "rule-added")
    return return_form("/hosting/hours", form, lambda: _hours_page(request, weekly=form))


@require_POST
def add_exception(request: PortalRequest) -> HttpResponse:
    """Take a day off, or receive at extra hours."""
    form = ExceptionForm(request.POST, auto_id=EXCEPTION_ID)
    if form.is_valid() and _accepted(request, form, "/availability-rules", form.body()):
        return redirect_with("/hosting/hours", "exception-added")
    return return_form("/hosting/hours", form, lambda: _hours_page(request, exception=form))


@require_http_methods(["GET", "HEAD", "POST"])
def remove_rule(request: PortalRequest, rule_id: UUID) -> HttpResponse:
    """Say what removing weekly hours or an exception closes, then do it."""
    if request.method != "POST":
        return _remove_page(request, str(rule_id))
    request.visitor.send("DELETE", f"/availability-rules/{rule_id}")
    return redirect_with("/hosting/hours", "rule-removed")


def _remove_page(request: PortalRequest, rule_id: str) -> HttpResponse:
    data = request.visitor.fetch(me="/me", rules="/availability-rules")
    rule = next((one for one in data["rules"]["results"] if one["id"] == rule_id), None)
    if rule is None:
        # Removed in another tab, or never there: the list says what there is.
        return redirect_with("/hosting/hours")
    return render_page(request, "hosting_remove", {"rule": rule}, me=data["me"])


def _hours_page(
    request: PortalRequest, *, weekly: HoursForm | None = None, exception: ExceptionForm | None = None
) -> HttpResponse:
    data = request.visitor.fetch(me="/me", rules="/availability-rules")
    rules, note = data["rules"]["results"], request.visitor.take_note("/hosting/hours")
    by_day = sorted((one for one in rules if one["kind"] == "weekly"), key=lambda r: (r["weekday"], r["start_time"]))
    dates = sorted((one for one in rules if one["kind"] != "weekly"), key=lambda rule: str(rule["date"]))
    context = {
        "weekly_rules": by_day,
        "exceptions": dates,
        "weekly": weekly or HoursForm.of(note) or HoursForm(),
        "exception": exception or ExceptionForm.of(note, auto_id=EXCEPTION_ID) or ExceptionForm(auto_id=EXCEPTION_ID),
    }
    return render_page(request, "hosting_hours", context, me=data["me"], status=422 if weekly or exception else 200)


@require_safe
def slot(request: PortalRequest, slot_id: UUID) -> HttpResponse:
    """Who has booked a session, and what cancelling it gives back."""
    page = request.visitor.get(f"/pages/hosting/slots/{slot_id}")
    roster = sorted(page["bookings"]["results"], key=lambda one: one["status"] == "cancelled")
    active = [one for one in roster if one["status"] == "active"]
    context = {
        "slot": page["slot"],
        "roster": roster,
        "active": active,
        "started": datetime.fromisoformat(page["slot"]["starts_at"]) <= timezone.now(),
        "waiting": page["waiting"],
        "refund": sum(one["credits_charged"] for one in active),
    }
    return render_page(request, "hosting_slot", context, me=page["person"])


@require_POST
def cancel_slot(request: PortalRequest, slot_id: UUID) -> HttpResponse:
    """Cancel one session; everybody who booked gets the credit back."""
    request.visitor.send("POST", f"/slots/{slot_id}/cancel")
    return redirect_with("/hosting", "slot-cancelled")


@require_POST
def mark_no_show(request: PortalRequest, slot_id: UUID, booking_id: UUID) -> HttpResponse:
    """Note that somebody did not come."""
    request.visitor.send("POST", f"/bookings/{booking_id}/no-show")
    return redirect_with(f"/hosting/slots/{slot_id}", "no-show")


@require_http_methods(["GET", "HEAD", "POST"])
def cancel_day(request: PortalRequest) -> HttpResponse:
    """Say what cancelling a whole day means, then do it."""
    form = DayForm(request.POST if request.method == "POST" else request.GET or None)
    if not form.is_valid():
        page = request.visitor.get("/pages/hosting")
        context = {"form": form, "days": _open_days(page)[:NEXT_OPEN]}
        return render_page(request, "hosting_day", context, me=page["person"], status=422 if form.is_bound else 200)
    day = form.cleaned_data["date"]
    if request.method == "POST":
        request.visitor.send("POST", "/hosts/me/cancel-day", {"date": day.isoformat()})
        return redirect_with("/hosting", "day-cancelled")
    page = request.visitor.get("/pages/hosting/day", date=day.isoformat())
    return render_page(request, "hosting_day", page | {"form": form, "day": day}, me=page["person"])
