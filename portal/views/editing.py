"""What a host does with one session: see who comes, change it, cancel it, book somebody in, take somebody out."""

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.errors import Problem
from portal.forms import form_key
from portal.hosting_forms import BookInForm, EditForm, GiveBackForm, MessageForm
from portal.links import cursor_after, url
from portal.rendering import redirect_to, redirect_with_conflict, render_page, return_form
from portal.subscriptions import shown_price
from portal.times import zone_of
from portal.visitor import PortalRequest, SeeOther
from portal.wording import credits, credits_kept


@require_safe
def hosted_slot(request: PortalRequest, slot_id: UUID) -> HttpResponse:
    """Who has booked a session, who came, and what the host may do with it."""
    return _slot_page(request, slot_id)


def _slot_page(request: PortalRequest, slot_id: UUID, refused: BookInForm | None = None) -> HttpResponse:
    page = request.visitor.get(f"/pages/hosting/slots/{slot_id}", cursor=request.GET.get("cursor"))
    note, slot, found = request.visitor.take_note(), page["slot"], page["bookings"]["results"]
    form = refused or BookInForm.of(note) or BookInForm()
    form.fields["charge"].label = f"Charge {credits(slot.get('price_credits', 1))}"
    context = {
        "slot": slot,
        "started": has_begun(slot),
        "roster": sorted(found, key=lambda one: one["status"] == "cancelled"),
        "cursor": request.GET.get("cursor", ""),
        "more": cursor_after(page["bookings"]),
        "waiting": page["waiting"],
        "form": form,
        "marked": next((one for one in found if one["id"] == note.get("marked")), None),
        "key": str(uuid4()),
    }
    return render_page(request, "hosting_slot", context, me=page["person"], status=422 if refused else 200)


def has_begun(slot: dict[str, Any]) -> bool:
    """Whether a slot of the API has started."""
    return datetime.fromisoformat(slot["starts_at"]) <= timezone.now()


def _refund(page: dict[str, Any]) -> int | None:
    """The credits that those booked would get back; None where more are booked than one page of them says."""
    if cursor_after(page["bookings"]):
        return None
    return sum(credits_kept(one) for one in page["bookings"]["results"] if one["status"] == "active")


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
    try:
        request.visitor.send("POST", f"/slots/{slot_id}/reopen", {})
    except Problem as problem:
        return redirect_with_conflict(problem, "hosted_slot", slot_id)
    return redirect_to("hosted_slot", slot_id, notice="slot-reopened")


@require_POST
def book_in(request: PortalRequest, slot_id: UUID) -> HttpResponse:
    """Give somebody a seat. The form's key makes a second click harmless."""
    form, made = BookInForm(request.POST), None
    if form.is_valid():
        price, key = shown_price(request) if form.cleaned_data["charge"] else {}, form_key(request)
        body = {**form.cleaned_data, **price}
        made = form.send(request.visitor, "POST", f"/slots/{slot_id}/bookings", body, idempotency_key=key)
    if made is not None:
        return redirect_to("hosted_slot", slot_id, notice="booked-in")
    return return_form(request, "hosted_slot", form, lambda: _slot_page(request, slot_id, form), slot_id)


@require_http_methods(["GET", "HEAD", "POST"])
def cancel_slot(request: PortalRequest, slot_id: UUID) -> HttpResponse:
    """Say who gets what back, then cancel one session with the host's message."""
    if request.method != "POST":
        return _cancel_page(request, slot_id)
    form = MessageForm(request.POST)
    try:
        done = form.is_valid() and form.tell(request.visitor, f"/slots/{slot_id}/cancel")
    except Problem as problem:
        if problem.code == "slot_cancelled":
            return redirect_to("hosted_slot", slot_id, notice="already-cancelled")
        return redirect_with_conflict(problem, "hosted_slot", slot_id)
    if done:
        return redirect_to("hosting", notice="slot-cancelled")
    return return_form(request, "cancel_slot", form, lambda: _cancel_page(request, slot_id, form), slot_id)


def _cancel_page(request: PortalRequest, slot_id: UUID, refused: MessageForm | None = None) -> HttpResponse:
    page = request.visitor.get(f"/pages/hosting/slots/{slot_id}")
    slot = page["slot"]
    if slot["status"] == "cancelled":
        return redirect_to("hosted_slot", slot_id, notice="already-cancelled")
    if has_begun(slot):
        return redirect_to("hosted_slot", slot_id, conflict="session_started")
    form = refused or MessageForm.of(request.visitor.take_note()) or MessageForm()
    context = {"slot": slot, "form": form, "waiting": page["waiting"], "refund": _refund(page)}
    return render_page(request, "hosting_cancel", context, me=page["person"], status=422 if refused else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def remove_client(request: PortalRequest, slot_id: UUID, booking_id: UUID) -> HttpResponse:
    """Say what they get back, then take somebody out of a session with the host's message."""
    if request.method != "POST":
        return _remove_page(request, slot_id, booking_id)
    form = MessageForm(request.POST)
    try:
        done = form.is_valid() and form.tell(request.visitor, f"/bookings/{booking_id}/remove")
    except Problem as problem:
        if problem.code == "booking_not_active":
            return redirect_to("hosted_slot", slot_id, notice="already-removed")
        return redirect_with_conflict(problem, "hosted_slot", slot_id)
    if done:
        return redirect_to("hosted_slot", slot_id, notice="removed")
    at_once = partial(_remove_page, request, slot_id, booking_id, form)
    return return_form(request, "remove_client", form, at_once, slot_id, booking_id, cursor=_cursor_of(request))


def _remove_page(
    request: PortalRequest, slot_id: UUID, booking_id: UUID, refused: MessageForm | None = None
) -> HttpResponse:
    page, found = _find_booked(request, slot_id, booking_id)
    if found is None or found["status"] != "active":
        return redirect_to("hosted_slot", slot_id, notice="already-removed")
    form = refused or MessageForm.of(request.visitor.take_note()) or MessageForm()
    context = {"slot": page["slot"], "booking": found, "form": form, "cursor": _cursor_of(request)}
    return render_page(request, "hosting_take_out", context, me=page["person"], status=422 if refused else 200)


def _cursor_of(request: PortalRequest) -> str:
    """Which page of the roster somebody was chosen on; empty for the first."""
    return request.GET.get("cursor", "")


def _find_booked(
    request: PortalRequest, slot_id: UUID, booking_id: UUID
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The page of a session, and its booking of that id; None where that page of the roster has none."""
    page = request.visitor.get(f"/pages/hosting/slots/{slot_id}", cursor=_cursor_of(request))
    return page, next((one for one in page["bookings"]["results"] if one["id"] == str(booking_id)), None)


@require_http_methods(["GET", "HEAD", "POST"])
def give_back(request: PortalRequest, slot_id: UUID, booking_id: UUID) -> HttpResponse:
    """Say what can go back, then what would, then give back credits of a booking.

    What is looked at is shown after a redirect, so that Back asks nothing and shows what is left now.
    """
    if request.method != "POST":
        return _give_back_page(request, slot_id, booking_id)
    form = GiveBackForm(request.POST)
    if form.is_valid() and "confirm" in request.POST:
        if notice := _give_back(request, booking_id, form):
            return redirect_to("hosted_slot", slot_id, notice=notice, cursor=_cursor_of(request))
    elif form.is_valid():
        _page, found = _find_booked(request, slot_id, booking_id)
        if found is None:
            return redirect_to("hosted_slot", slot_id, notice="nothing-to-give-back")
        if form.is_at_most(credits_kept(found)):
            address = url("give_back", slot_id, booking_id, cursor=_cursor_of(request))
            return SeeOther(address, **form.as_note(), looked=True)
    at_once = partial(_give_back_page, request, slot_id, booking_id, form)
    return return_form(request, "give_back", form, at_once, slot_id, booking_id, cursor=_cursor_of(request))


def _give_back(request: PortalRequest, booking_id: UUID, form: GiveBackForm) -> str:
    """Give credits back; the notice that says so, empty where the API refuses, with its reasons in the form.

    The form's key makes a second click harmless.
    """
    key = form_key(request)
    try:
        request.visitor.send("POST", f"/bookings/{booking_id}/give-back", form.cleaned_data, idempotency_key=key)
    except Problem as problem:
        if problem.code == "idempotency_conflict":
            return "given-back-before"
        if problem.status not in {400, 409}:
            raise
        form.take(problem)
        return ""
    return "given-back"


def _give_back_page(
    request: PortalRequest, slot_id: UUID, booking_id: UUID, refused: GiveBackForm | None = None
) -> HttpResponse:
    page, found = _find_booked(request, slot_id, booking_id)
    left = credits_kept(found) if found else 0
    if found is None or not left:
        return redirect_to("hosted_slot", slot_id, notice="nothing-to-give-back", cursor=_cursor_of(request))
    note = request.visitor.take_note()
    form = refused or GiveBackForm.of(note) or GiveBackForm(initial={"credits": left})
    form.fields["credits"].help_text = f"{credits(left)} at most."
    is_looked_at = bool(note.get("looked")) and form.cleaned_data.get("credits", 0) <= left
    context = {"slot": page["slot"], "booking": found, "form": form, "left": left, "cursor": _cursor_of(request)}
    context |= {"looked_at": form.cleaned_data if is_looked_at else None, "key": str(uuid4())}
    return render_page(request, "hosting_give_back", context, me=page["person"], status=422 if refused else 200)


@require_POST
def mark_no_show(request: PortalRequest, slot_id: UUID, booking_id: UUID) -> HttpResponse:
    """Note that somebody did not come; the page then offers to take it back."""
    try:
        request.visitor.send("POST", f"/bookings/{booking_id}/no-show")
    except Problem as problem:
        if problem.code != "booking_not_active":
            raise
        # Marked already, or cancelled meanwhile: the page says which.
        return redirect_to("hosted_slot", slot_id)
    return SeeOther(url("hosted_slot", slot_id), notice="no-show", marked=str(booking_id))


@require_POST
def undo_no_show(request: PortalRequest, slot_id: UUID, booking_id: UUID) -> HttpResponse:
    """Note that they came after all."""
    try:
        request.visitor.send("DELETE", f"/bookings/{booking_id}/no-show")
    except Problem as problem:
        if problem.code != "overlapping_booking":
            raise
        return redirect_to("hosted_slot", slot_id, conflict="no_show_stays")
    return redirect_to("hosted_slot", slot_id, notice="no-show-undone")
