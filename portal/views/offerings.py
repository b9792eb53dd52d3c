from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods, require_safe

from portal.errors import Problem
from portal.forms import form_key
from portal.links import cursor_after, url
from portal.offering_forms import OfferingChangeForm, OfferingForm
from portal.rendering import ask_first, redirect_to, render_page, return_form
from portal.visitor import PortalRequest, SeeOther


@require_safe
def offerings(request: PortalRequest) -> HttpResponse:
    """What the host offers."""
    page = request.visitor.get("/pages/hosting/offerings", cursor=request.GET.get("cursor"))
    context = {"offerings": page["offerings"]["results"], "more": cursor_after(page["offerings"])}
    return render_page(request, "hosting_offerings", context, me=page["person"])


@require_http_methods(["GET", "HEAD", "POST"])
def new_offering(request: PortalRequest) -> HttpResponse:
    """Offer something; the form's key makes a second click harmless."""
    if request.method != "POST":
        return _new_page(request)
    form, key = OfferingForm(request.POST), form_key(request)
    sent = form.is_valid() and form.send(request.visitor, "POST", "/offerings", form.body(), idempotency_key=key)
    if sent:
        return redirect_to("offerings", notice="offering-added")
    return return_form(request, "new_offering", form, lambda: _new_page(request, form))


def _new_page(request: PortalRequest, refused: OfferingForm | None = None) -> HttpResponse:
    page = request.visitor.get("/pages/hosting/offerings")
    form = refused or OfferingForm.of(request.visitor.take_note()) or OfferingForm()
    context = {"form": form, "offering": None, "key": str(uuid4())}
    return render_page(request, "hosting_offering", context, me=page["person"], status=422 if refused else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def offering(request: PortalRequest, offering_id: UUID) -> HttpResponse:
    """Change an offering; first say whom it concerns, if anybody. The page then says once how many sessions follow."""
    if request.method != "POST":
        return _offering_page(request, offering_id)
    form, seen = OfferingChangeForm(request.POST), request.POST.get("seen", "")
    if not seen:
        preview = _sent(request, offering_id, form, preview=True)
        if preview and _concerns_people(preview):
            return _review_page(request, offering_id, form, preview)
        seen = preview["seen"] if preview else ""
    changed = _sent(request, offering_id, form, seen=seen)
    if changed is None:
        return return_form(request, "offering", form, lambda: _offering_page(request, offering_id, form), offering_id)
    told = {name: changed.get(name, 0) for name in ("coming_slots", "booked_slots", "opened", "closed", "left_count")}
    return SeeOther(url("offering", offering_id), notice="offering-changed", change=told)


def _sent(request: PortalRequest, offering_id: UUID, form: OfferingChangeForm, **more: Any) -> dict[str, Any] | None:
    """What the API answers to a change; None where the form is wrong, or was refused before."""
    if not form.is_valid():
        return None
    return form.send(request.visitor, "PATCH", f"/offerings/{offering_id}", form.body() | more)


def _concerns_people(preview: Mapping[str, Any]) -> bool:
    """Whether anybody has booked or waits for what follows, or has booked what does not."""
    return any(preview[name] for name in ("booked_slots", "waiting_told", "promoted", "left_count"))


def _review_page(
    request: PortalRequest, offering_id: UUID, form: OfferingChangeForm, preview: Mapping[str, Any]
) -> HttpResponse:
    page = request.visitor.get(f"/pages/hosting/offerings/{offering_id}")
    is_elsewhere = page["offering"]["place"] != preview["place"]
    context = {"offering": page["offering"], "form": form, "change": preview, "is_elsewhere": is_elsewhere}
    return render_page(request, "hosting_offering_review", context, me=page["person"])


def _offering_page(
    request: PortalRequest, offering_id: UUID, refused: OfferingChangeForm | None = None
) -> HttpResponse:
    page, note = request.visitor.get(f"/pages/hosting/offerings/{offering_id}"), request.visitor.take_note()
    form = refused or OfferingChangeForm.of(note) or OfferingChangeForm.about(page["offering"])
    context = {"form": form, "offering": page["offering"], "change": note.get("change")}
    return render_page(request, "hosting_offering", context, me=page["person"], status=422 if refused else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def archive_offering(request: PortalRequest, offering_id: UUID) -> HttpResponse:
    """Make nothing new of an offering; refused while hours are made from it."""
    if request.method != "POST":
        page = request.visitor.get(f"/pages/hosting/offerings/{offering_id}")
        if page["offering"]["archived_at"]:
            return redirect_to("offerings", notice="offering-archived")
        back, name = url("offering", offering_id), page["offering"]["title"]
        return ask_first(request, "archive_offering", me=page["person"], back=back, name=name)
    try:
        request.visitor.send("POST", f"/offerings/{offering_id}/archive")
    except Problem as problem:
        if problem.status != 400:
            raise
        return redirect_to("offering", offering_id, conflict="hours_use_it")
    return redirect_to("offerings", notice="offering-archived")
