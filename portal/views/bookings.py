"""A person's bookings: the lists, one booking and its receipt, cancelling, moving, the calendar."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.errors import Page, Problem, page_for
from portal.pages import redirect_with, render_page
from portal.plots import balances, plot_of
from portal.templatetags.portal import read_instant, zone_of
from portal.views.slots import usable_subscriptions
from portal.visitor import PortalRequest, with_query

CHOICE_DAYS = 14


@require_GET
def bookings(request: PortalRequest) -> HttpResponse:
    """Upcoming bookings, or past ones with `show=past`."""
    show = "past" if request.GET.get("show") == "past" else "upcoming"
    path = with_query("/bookings", when=show, cursor=request.GET.get("cursor"))
    data = request.visitor.fetch(me="/me", bookings=path, feed="/calendar-feed")
    context = {"show": show, "bookings": data["bookings"]["results"], "feed": data["feed"].get("url")}
    return render_page(request, "bookings", context | {"older": _cursor(data["bookings"])}, me=data["me"])


def _cursor(page: dict[str, Any]) -> str:
    return (page.get("next") or "").partition("cursor=")[2].partition("&")[0]


@require_GET
def booking(request: PortalRequest, booking_id: UUID) -> HttpResponse:
    """One booking; when it is over or cancelled, its receipt."""
    data = request.visitor.fetch(me="/me", booking=f"/bookings/{booking_id}", entries="/credit-entries?limit=200")
    entries = [one for one in data["entries"]["results"] if one["booking_id"] == str(booking_id)]
    context = {"booking": data["booking"], "entries": entries} | _times(data["booking"])
    return render_page(request, "booking", context, me=data["me"])


def _times(found: dict[str, Any]) -> dict[str, bool]:
    now = timezone.now()
    started = datetime.fromisoformat(found["scheduled_start_time"]) <= now
    active = found["status"] == "active" and not started
    return {"may_cancel": active, "may_move": active and datetime.fromisoformat(found["refund_deadline"]) > now}


@require_http_methods(["GET", "POST"])
def cancel(request: PortalRequest, booking_id: UUID) -> HttpResponse:
    """What comes back, then the cancellation; it happens only if the refund is still the one that was shown."""
    if request.method == "GET":
        return _cancel_page(request, booking_id)
    shown = request.POST.get("expected_credits_refunded", "")
    body = {"expected_credits_refunded": int(shown) if shown.isdecimal() and len(shown) < 5 else 0}
    try:
        request.visitor.send("POST", f"/bookings/{booking_id}/cancel", body)
    except Problem as problem:
        if problem.code != "refund_changed":
            raise
        return _cancel_page(request, booking_id, conflict=page_for(problem))
    return redirect_with(f"/bookings/{booking_id}", "cancelled")


def _cancel_page(request: PortalRequest, booking_id: UUID, conflict: Page | None = None) -> HttpResponse:
    path = f"/bookings/{booking_id}"
    data = request.visitor.fetch(me="/me", booking=path, preview=f"{path}/refund-preview")
    context = {"booking": data["booking"], "preview": data["preview"], "conflict": conflict}
    return render_page(request, "cancel", context, me=data["me"], status=conflict.status if conflict else 200)


@require_http_methods(["GET", "POST"])
def reschedule(request: PortalRequest, booking_id: UUID) -> HttpResponse:
    """The times a booking may move to, then the move."""
    if request.method == "GET":
        return _reschedule_page(request, booking_id)
    slot_id = request.POST.get("slot_id", "")
    if not slot_id:
        return _reschedule_page(request, booking_id, conflict=_CHOOSE)
    try:
        request.visitor.send("POST", f"/bookings/{booking_id}/reschedule", {"slot_id": slot_id})
    except Problem as problem:
        if problem.status != 409 or problem.code in {"late_reschedule", "booking_not_active"}:
            raise
        return _reschedule_page(request, booking_id, conflict=page_for(problem))
    return redirect_with(f"/bookings/{booking_id}", "rescheduled")


_CHOOSE = Page(422, "Choose a new time", "Nothing has been changed yet.")


def _reschedule_page(request: PortalRequest, booking_id: UUID, conflict: Page | None = None) -> HttpResponse:
    now = timezone.now()
    until = now + timedelta(days=CHOICE_DAYS)
    query = {"from": now.isoformat(), "to": until.isoformat(), "open": "true", "limit": "200"}
    data = request.visitor.fetch(
        me="/me",
        booking=f"/bookings/{booking_id}",
        slots=with_query("/slots", **query),
        others="/bookings?when=upcoming",
    )
    others = [one for one in data["others"]["results"] if one["id"] != str(booking_id)]
    free = [one for one in data["slots"]["results"] if _is_choice(one, data["booking"], others, data["me"])]
    context = {"booking": data["booking"], "days": _by_day(free, data["me"]["time_zone"]), "conflict": conflict}
    status = conflict.status if conflict else 200
    return render_page(request, "reschedule", context | _times(data["booking"]), me=data["me"], status=status)


def _is_choice(slot: dict[str, Any], moved: dict[str, Any], others: list[dict[str, Any]], me: dict[str, Any]) -> bool:
    if slot["id"] == moved["slot_id"] or not slot["seats_left"] or slot["host"]["id"] == me["id"]:
        return False
    starts, ends = datetime.fromisoformat(slot["starts_at"]), datetime.fromisoformat(slot["ends_at"])
    return not any(
        datetime.fromisoformat(one["scheduled_start_time"]) < ends
        and starts < datetime.fromisoformat(one["scheduled_end_time"])
        for one in others
    )


def _by_day(found: list[dict[str, Any]], zone: str) -> list[tuple[Any, list[dict[str, Any]]]]:
    days: dict[Any, list[dict[str, Any]]] = {}
    for slot in found:
        days.setdefault(read_instant(slot["starts_at"], zone).date(), []).append(slot)
    return sorted(days.items())


@require_POST
def rotate_feed(request: PortalRequest) -> HttpResponse:
    """Give the calendar a new secret address."""
    request.visitor.send("POST", "/calendar-feed/rotate")
    return redirect_with("/bookings", "feed-rotated")


@require_GET
def credits(request: PortalRequest) -> HttpResponse:
    """The balance, what is used next, and the ledger as a table and a plot."""
    path = with_query("/credit-entries", cursor=request.GET.get("cursor"))
    data = request.visitor.fetch(me="/me", subscriptions="/subscriptions", entries=path)
    found, entries = data["subscriptions"]["results"], data["entries"]["results"]
    total, now = sum(one["credits_remaining"] for one in found), timezone.now()
    usable = usable_subscriptions(found)
    is_newest = not request.GET.get("cursor")
    plot = plot_of(balances(entries, total), now) if is_newest else None
    context = {
        "balance": sum(one["credits_remaining"] for one in usable),
        "next_used": usable[0] if usable else None,
        "subscriptions": found,
        "entries": entries,
        "older": _cursor(data["entries"]),
        "plot": plot,
        "zone": zone_of(data["me"]["time_zone"]),
    }
    return render_page(request, "credits", context, me=data["me"])
