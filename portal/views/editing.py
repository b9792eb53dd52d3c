"""What a host does with one session: change it, open it again, book somebody in, take somebody out."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.errors import Problem
from portal.forms import EditForm, form_key
from portal.rendering import redirect_to, redirect_with_conflict, render_page, return_form
from portal.subscriptions import shown_price
from portal.times import zone_of
from portal.visitor import PortalRequest


@require_http_methods(["GET", "HEAD", "POST"])
def edit_slot(request: PortalRequest, slot_id: UUID) -> HttpResponse:
    """Change a session: first say whom it concerns and how, then do it."""
    page = request.visitor.get(f"/pages/hosting/slots/{slot_id}")
    if request.method != "POST":
        return _edit_page(request, page)
    slot, zone = page["slot"], zone_of(page["person"]["time_zone"])
    form, is_agreed = EditForm.about(slot, zone, request.POST), "confirm" in request.POST
    body = form.body_of_changes(slot, zone) if form.is_valid() else {}
    body["preview"] = not is_agreed
    if is_agreed and (seen := request.POST.get("seen")):
        body["seen"] = seen
    change = form.send(request.visitor, "PATCH", f"/slots/{slot_id}", body) if form.is_valid() else None
    if change is None:
        return return_form(request, "edit_slot", form, lambda: _edit_page(request, page, form), slot_id)
    if is_agreed or not change["changed"]:
        return redirect_to("hosted_slot", slot_id, notice="slot-changed" if change["changed"] else None)
    context = {"slot": slot, "form": form, "change": change}
    return render_page(request, "hosting_edit_review", context, me=page["person"])


def _edit_page(request: PortalRequest, page: dict[str, Any], refused: EditForm | None = None) -> HttpResponse:
    slot, zone = page["slot"], zone_of(page["person"]["time_zone"])
    form = refused or EditForm.of(request.visitor.take_note()) or EditForm.about(slot, zone)
    context = {"slot": slot, "form": form}
    return render_page(request, "hosting_edit", context, me=page["person"], status=422 if refused else 200)


@require_safe
def roster_file(request: PortalRequest, slot_id: UUID) -> HttpResponse:
    """Who comes to a session, for a spreadsheet."""
    text = request.visitor.get(f"/pages/hosting/slots/{slot_id}/roster")["csv"]
    headers = {"Content-Disposition": 'attachment; filename="who-comes.csv"'}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


@require_POST
def reopen_slot(request: PortalRequest, slot_id: UUID) -> HttpResponse:
    """Open a cancelled session again."""
    return _send(request, slot_id, f"/slots/{slot_id}/reopen", {}, notice="slot-reopened")


@require_POST
def book_in(request: PortalRequest, slot_id: UUID) -> HttpResponse:
    """Give somebody a seat."""
    is_charged = "charge" in request.POST
    price = shown_price(request) if is_charged else {}
    body = {"login": request.POST.get("login", "").strip(), "charge": is_charged, **price}
    key = form_key(request)
    return _send(request, slot_id, f"/slots/{slot_id}/bookings", body, notice="booked-in", key=key)


@require_POST
def remove_client(request: PortalRequest, slot_id: UUID, booking_id: UUID) -> HttpResponse:
    """Take somebody out of a session."""
    body = {"message": request.POST.get("message", "")}
    return _send(request, slot_id, f"/bookings/{booking_id}/remove", body, notice="removed", wrong="message_refused")


def _send(
    request: PortalRequest,
    slot_id: UUID,
    path: str,
    body: dict[str, Any],
    *,
    notice: str,
    key: str = "",
    wrong: str = "nobody_named",
) -> HttpResponse:
    """303 to the session, which says what has been done or what was in the way."""
    try:
        request.visitor.send("POST", path, body, idempotency_key=key)
    except Problem as problem:
        if problem.status == 400:
            return redirect_to("hosted_slot", slot_id, conflict=wrong)
        if problem.status != 409:
            raise
        return redirect_with_conflict(problem, "hosted_slot", slot_id)
    return redirect_to("hosted_slot", slot_id, notice=notice)
