"""When a host receives: the weekly hours of each offering as one grid, and the dates that differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods, require_POST

from portal.errors import Problem
from portal.hours_forms import ExceptionForm, told
from portal.links import read_uuid, url
from portal.messages import MESSAGES
from portal.rendering import redirect_to, render_page, return_form
from portal.visitor import PortalRequest, SeeOther
from portal.week_forms import WeekForm, base_of, fingerprint_of, week_of

# Two forms on one page: their fields need ids of their own.
EXCEPTION_ID = "exception_%s"
_EDITS = ("add_", "drop_", "copy_")


@dataclass
class _Shown:
    """What the page of the hours shows besides what there is: forms that were sent, and a preview."""

    week: WeekForm | None = None
    exception: ExceptionForm | None = None
    preview: Mapping[str, Any] | None = None
    conflict: str = ""
    status: int = 200


@require_http_methods(["GET", "HEAD", "POST"])
def hours(request: PortalRequest) -> HttpResponse:
    """The weekly hours of one offering: fill them in, see what that opens and closes, save them all at once."""
    if request.method != "POST":
        return _page(request, _Shown())
    form, do = WeekForm(request.POST), request.POST.get("do", "")
    offering_id = read_uuid(request.GET.get("offering"))
    if do.startswith(_EDITS):
        return _edit(request, form, do, offering_id)
    if not form.is_valid():
        return _refused(request, form, do, offering_id)
    body = form.body()
    is_agreed = do == "save" and form.cleaned_data["shown"] == fingerprint_of(body)
    try:
        if is_agreed:
            agreed = body | form.words | {"seen": form.cleaned_data["seen"]}
            return _saved(request.visitor.send("PUT", f"/offerings/{offering_id}/weekly-hours", agreed), offering_id)
        conflict = ""
    except Problem as problem:
        if problem.code != "preview_changed":
            raise
        conflict = problem.code
    looked = body | {"preview": True}
    preview = form.send(request.visitor, "PUT", f"/offerings/{offering_id}/weekly-hours", looked)
    if preview is None:
        return _refused(request, form, do, offering_id)
    if not preview["changed"] and do == "save":
        return _saved(preview, offering_id)
    return _page(request, _Shown(week=form, preview=preview | {"shown": fingerprint_of(body)}, conflict=conflict))


def _edit(request: PortalRequest, form: WeekForm, do: str, offering_id: str) -> HttpResponse:
    """303 to the grid with a range more or less, or a day's ranges on other days; nothing is saved yet."""
    return _again(request, form.after(do), offering_id)


def _refused(request: PortalRequest, form: WeekForm, do: str, offering_id: str) -> HttpResponse:
    """The form again with what is wrong; what looks while the form is filled in is answered at once."""
    if do == "preview":
        return _page(request, _Shown(week=form, status=422))
    return _again(request, form, offering_id, status=422)


def _again(request: PortalRequest, form: WeekForm, offering_id: str, status: int = 200) -> HttpResponse:
    """303 to the grid of the offering with what was typed for it; at once where that is too much for a cookie."""
    address = url("hours", offering=offering_id)
    response = SeeOther(address, **form.as_note(), focus=form.focus, offering=offering_id)
    if request.visitor.leave_note(response):
        return response
    return _page(request, _Shown(week=form, status=status))


def _saved(change: Mapping[str, Any], offering_id: str) -> HttpResponse:
    """303 to the hours, which say once what the change opened, closed, and left because it is booked."""
    address = url("hours", offering=offering_id)
    if not change["changed"]:
        return SeeOther(address, notice="hours-same")
    return SeeOther(address, notice="hours-saved", change=told(change))


@require_POST
def add_exception(request: PortalRequest) -> HttpResponse:
    """Take a day off, or receive at extra hours."""
    form = ExceptionForm(request.POST, auto_id=EXCEPTION_ID)
    change = form.send(request.visitor, "POST", "/availability-rules", form.body()) if form.is_valid() else None
    if change is not None:
        return SeeOther(url("hours"), notice="exception-added", change=told(change))
    if form.is_there:
        return redirect_to("hours", notice="exception-there")
    return return_form(request, "hours", form, lambda: _page(request, _Shown(exception=form, status=422)))


@require_http_methods(["GET", "HEAD", "POST"])
def remove_exception(request: PortalRequest, rule_id: UUID) -> HttpResponse:
    """Say what removing a date that differs closes, then do it."""
    if request.method != "POST":
        return _remove_page(request, str(rule_id))
    change = request.visitor.send("DELETE", f"/availability-rules/{rule_id}")
    return SeeOther(url("hours"), notice="rule-removed", change=told(change))


def _remove_page(request: PortalRequest, rule_id: str) -> HttpResponse:
    page = request.visitor.get("/pages/hosting/hours")
    rule = next((one for one in page["rules"] if one["id"] == rule_id and not _is_in_a_grid(one)), None)
    if rule is None:
        # Removed in another tab, or never there: the list says what there is.
        return redirect_to("hours")
    return render_page(request, "hosting_remove", {"rule": rule}, me=page["person"])


def _is_in_a_grid(rule: Mapping[str, Any]) -> bool:
    """Whether these are weekly hours of an offering; those that the release before makes have none yet."""
    return bool(rule["kind"] == "weekly" and rule["offering_id"])


def _typed(shown: _Shown, note: dict[str, Any], wanted: str, chosen: str) -> WeekForm | None:
    """What was typed for the offering that the page shows, sent with this request or left by the one before."""
    if shown.week is not None:
        return shown.week if wanted == chosen else None
    week = WeekForm.of(note) if note.get("offering") == chosen else None
    if week is not None:
        week.focus = note.get("focus", "")
    return week


def _page(request: PortalRequest, shown: _Shown) -> HttpResponse:
    page, note = request.visitor.get("/pages/hosting/hours"), request.visitor.take_note()
    weekly = [one for one in page["rules"] if _is_in_a_grid(one)]
    others = [one for one in page["rules"] if not _is_in_a_grid(one)]
    offered = {one["id"]: one for one in page.get("offerings", ())}
    for rule in weekly:
        offered.setdefault(rule["offering_id"], {"id": rule["offering_id"], "title": rule["title"]})
    wanted = read_uuid(request.GET.get("offering"))
    if request.GET.get("offering") and wanted not in offered:
        # Archived in another tab: what was typed for it does not fit into the week of another.
        return redirect_to("hours", notice="hours-gone")
    chosen = wanted if wanted in offered else next((one["offering_id"] for one in weekly), next(iter(offered), ""))
    rules = [one for one in weekly if one["offering_id"] == chosen]
    week = _typed(shown, note, wanted, chosen) or WeekForm.about(rules)
    conflict = "hours_changed" if week.is_bound and week["base"].value() != base_of(rules) else shown.conflict
    again = shown.exception or ExceptionForm.of(note, auto_id=EXCEPTION_ID) or ExceptionForm(auto_id=EXCEPTION_ID)
    context = {
        "change": note.get("change"),
        "offerings": offered.values(),
        "offered": {one["id"]: one["title"] for one in offered.values()},
        "chosen": offered.get(chosen),
        "week": week,
        "focus": week.focus,
        "preview": shown.preview,
        "base": base_of(rules),
        "is_now": week_of(rules),
        "exceptions": sorted(others, key=lambda one: (one["date"] or "", one["weekday"] or 0)),
        "exception": again.offer(page.get("offerings", ())),
    }
    if conflict:
        context["conflict"] = MESSAGES[conflict]
    return render_page(request, "hosting_hours", context, me=page["person"], status=shown.status)
