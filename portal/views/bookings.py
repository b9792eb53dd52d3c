"""A person's bookings: the lists, one booking and its receipt, cancelling, moving, the calendar."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.calendars import event_file
from portal.errors import Problem
from portal.pages import conflict_in, redirect_with, redirect_with_conflict, render_page
from portal.plots import balances, plot_of
from portal.templatetags.portal import read_instant, zone_of
from portal.views.slots import cursor_after, read_uuid, usable_subscriptions
from portal.visitor import PortalRequest, with_query

CHOICE_DAYS = 14


@require_safe
def bookings(request: PortalRequest) -> HttpResponse:
    """Upcoming bookings and what the person waits for, or past ones with `show=past`."""
    path = with_query("/pages/bookings", cursor=request.GET.get("cursor"))
    data = request.visitor.fetch(page=path, feed="/calendar-feed")
    page, is_past = data["page"], request.GET.get("show") == "past"
    shown = page["past"]["results"] if is_past else page["upcoming"]
    context = {"is_past": is_past, "bookings": shown, "waiting": page["waiting"], "feed": data["feed"]["url"]}
    return render_page(request, "bookings", context | {"older": cursor_after(page["past"])}, me=page["person"])


@require_safe
def booking(request: PortalRequest, booking_id: UUID) -> HttpResponse:
    """One booking; when it is over or cancelled, its receipt."""
    page = request.visitor.get(f"/pages/bookings/{booking_id}")
    return render_page(request, "booking", {"booking": page["booking"]}, me=page["person"])


@require_safe
def calendar_file(request: PortalRequest, booking_id: UUID) -> HttpResponse:
    """One booking for a calendar program (RFC 5545), under the identity it has in the person's feed."""
    found = request.visitor.get(f"/bookings/{booking_id}")
    headers = {"Content-Disposition": 'attachment; filename="insighta-booking.ics"'}
    return HttpResponse(event_file(found, timezone.now()), content_type="text/calendar; charset=utf-8", headers=headers)


@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: PortalRequest, booking_id: UUID) -> HttpResponse:
    """What comes back, then the cancellation; it happens only if the refund is still the one that was shown."""
    if request.method != "POST":
        return _cancel_page(request, booking_id)
    shown = request.POST.get("expected_credits_refunded", "")
    body = {"expected_credits_refunded": int(shown) if shown.isdecimal() and len(shown) < 5 else 0}
    try:
        request.visitor.send("POST", f"/bookings/{booking_id}/cancel", body)
    except Problem as problem:
        if problem.code == "booking_not_active":
            return redirect_with(f"/bookings/{booking_id}")
        if problem.code != "refund_changed":
            raise
        return redirect_with_conflict(f"/bookings/{booking_id}/cancel", problem)
    return redirect_with(f"/bookings/{booking_id}", "cancelled")


def _cancel_page(request: PortalRequest, booking_id: UUID) -> HttpResponse:
    page = request.visitor.get(f"/pages/bookings/{booking_id}")
    if page["booking"]["refund_preview"] is None:
        is_done = page["booking"]["status"] == "cancelled"
        return redirect_with(f"/bookings/{booking_id}", "already-cancelled" if is_done else "nothing-to-cancel")
    preview = page["booking"]["refund_preview"]
    context = {"booking": page["booking"], "preview": preview, "conflict": conflict_in(request)}
    return render_page(request, "cancel", context, me=page["person"])


@require_http_methods(["GET", "HEAD", "POST"])
def reschedule(request: PortalRequest, booking_id: UUID) -> HttpResponse:
    """The times a booking may move to; with `slot_id` in the address what that move changes; then the move."""
    if request.method != "POST":
        return _review_page(request, booking_id) if "slot_id" in request.GET else _reschedule_page(request, booking_id)
    path, slot_id = f"/bookings/{booking_id}/reschedule", request.POST.get("slot_id", "")
    if not slot_id:
        return redirect_with(with_query(path, conflict="nothing_chosen"))
    if _has_passed(request.POST.get("refund_until"), timezone.now()):
        return redirect_with(with_query(path, slot_id=slot_id, conflict="refund_changed"))
    try:
        request.visitor.send("POST", f"/bookings/{booking_id}/reschedule", {"slot_id": slot_id})
    except Problem as problem:
        if problem.status != 409 or problem.code in {"late_reschedule", "booking_not_active"}:
            raise
        return redirect_with_conflict(path, problem)
    return redirect_with(f"/bookings/{booking_id}", "rescheduled")


def _has_passed(shown: str | None, now: datetime) -> bool:
    """Whether the refund that the review promised has ended meanwhile; a form without a promise breaks none."""
    try:
        return datetime.fromisoformat(shown or "") <= now
    except (ValueError, TypeError):
        return False


def _review_page(request: PortalRequest, booking_id: UUID) -> HttpResponse:
    slot_id = read_uuid(request.GET.get("slot_id"))
    if not slot_id:
        return redirect_with(f"/bookings/{booking_id}/reschedule?conflict=nothing_chosen")
    data = request.visitor.fetch(page=f"/pages/bookings/{booking_id}", slot=f"/slots/{slot_id}")
    page, slot = data["page"], data["slot"]
    is_open = slot["status"] == "open" and datetime.fromisoformat(slot["bookings_close_at"]) > timezone.now()
    is_free = is_open and _is_choice(slot, page["booking"], [], page["person"])
    context = {"booking": page["booking"], "slot": slot, "is_free": is_free}
    return render_page(request, "reschedule_review", context | {"conflict": conflict_in(request)}, me=page["person"])


def _reschedule_page(request: PortalRequest, booking_id: UUID) -> HttpResponse:
    until = timezone.now() + timedelta(days=CHOICE_DAYS)
    path = with_query(
        f"/pages/bookings/{booking_id}/reschedule", to=until.isoformat(), cursor=request.GET.get("cursor")
    )
    data = request.visitor.fetch(page=path, others="/bookings?when=upcoming")
    page, me = data["page"], data["page"]["person"]
    others = [one for one in data["others"]["results"] if one["id"] != str(booking_id)]
    same, rest = ([one for one in found if _is_choice(one, page["booking"], others, me)] for found in _groups(page))
    named = (("Other times of this session", same), ("Other sessions", rest))
    groups = [(name, _by_day(found, me["time_zone"])) for name, found in named if found]
    context = {"booking": page["booking"], "groups": groups}
    context |= {"later": cursor_after(page["slots"]), "conflict": conflict_in(request)}
    return render_page(request, "reschedule", context, me=me)


def _is_choice(slot: dict[str, Any], moved: dict[str, Any], others: list[dict[str, Any]], me: dict[str, Any]) -> bool:
    if slot["id"] == moved["slot_id"] or not slot["seats_left"] or slot["host"]["id"] == me["id"]:
        return False
    starts, ends = datetime.fromisoformat(slot["starts_at"]), datetime.fromisoformat(slot["ends_at"])
    return not any(
        datetime.fromisoformat(one["scheduled_start_time"]) < ends
        and starts < datetime.fromisoformat(one["scheduled_end_time"])
        for one in others
    )


def _groups(page: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Other times of the same session, and the rest: few people who move want another subject."""
    booked, found = (page["booking"]["title"], page["booking"]["host"]["id"]), page["slots"]["results"]
    same = [one for one in found if (one["title"], one["host"]["id"]) == booked]
    # A backend of the release before leaves it to this page of slots to have them all.
    return page.get("same", same), [one for one in found if one not in same]


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


@require_safe
def credits(request: PortalRequest) -> HttpResponse:
    """The balance, what is used next, and the ledger as a table and a plot."""
    cursor = request.GET.get("cursor", "")
    page = request.visitor.get(with_query("/pages/credits", cursor=cursor))
    found, entries = page["subscriptions"], page["entries"]["results"]
    plans = {one["id"]: one["plan"] for one in found}
    usable, total = usable_subscriptions(found), sum(one["credits_remaining"] for one in found)
    context = {
        "balance": page["credits_available"],
        "next_used": usable[0] if usable else None,
        "subscriptions": found,
        "entries": [one | {"plan": plans.get(one["subscription_id"])} for one in entries],
        "older": cursor_after(page["entries"]),
        "plot": None if cursor else plot_of(balances(entries, total), timezone.now()),
        "zone": zone_of(page["person"]["time_zone"]),
    }
    return render_page(request, "credits", context, me=page["person"])
