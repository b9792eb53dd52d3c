from datetime import date, datetime
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from portal.calendars import event_file, event_links, feed_code, feed_links
from portal.charts import credit_chart
from portal.errors import Problem
from portal.links import cursor_after, read_uuid, url
from portal.picker import picker_context
from portal.rendering import ask_first, redirect_to, redirect_with_conflict, render_page
from portal.subscriptions import shown_price, usable_subscriptions
from portal.times import iso_days, months_of, read_day, zone_of
from portal.visitor import PortalRequest
from portal.wording import credits_kept


@require_safe
def bookings(request: PortalRequest) -> HttpResponse:
    """Upcoming bookings and what the person waits for, or past ones with `show=past`."""
    page = request.visitor.get("/pages/bookings", cursor=request.GET.get("cursor"))
    is_past = request.GET.get("show") == "past"
    shown = page["past"]["results"] if is_past else page["upcoming"]
    feed = page["calendar_feed"]
    context = {"is_past": is_past, "bookings": shown, "waiting": page["waiting"], "feed": feed}
    context["subscribe"] = feed_links(feed) if feed else []
    return render_page(request, "bookings", context | {"older": cursor_after(page["past"])}, me=page["person"])


@require_safe
def booking(request: PortalRequest, booking_id: UUID) -> HttpResponse:
    """One booking; when it is over or cancelled, its receipt."""
    page = request.visitor.get(f"/pages/bookings/{booking_id}")
    links = event_links(page["booking"], address=f"{settings.PORTAL_URL}{url('booking', booking_id)}")
    return render_page(request, "booking", {"booking": page["booking"], "calendars": links}, me=page["person"])


@require_safe
def calendar_file(request: PortalRequest, booking_id: UUID) -> HttpResponse:
    """One booking for a calendar program (RFC 5545), under the identity it has in the person's feed."""
    found = request.visitor.get(f"/bookings/{booking_id}")
    content = event_file(found, address=f"{settings.PORTAL_URL}{url('booking', booking_id)}", now=timezone.now())
    headers = {"Content-Disposition": 'attachment; filename="insighta-booking.ics"'}
    return HttpResponse(content, content_type="text/calendar; charset=utf-8", headers=headers)


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
            return redirect_to("booking", booking_id)
        if problem.code != "refund_changed":
            raise
        return redirect_with_conflict(problem, "cancel", booking_id)
    return redirect_to("booking", booking_id, notice="cancelled")


def _cancel_page(request: PortalRequest, booking_id: UUID) -> HttpResponse:
    page = request.visitor.get(f"/pages/bookings/{booking_id}")
    if page["booking"]["refund_preview"] is None:
        is_done = page["booking"]["status"] == "cancelled"
        return redirect_to("booking", booking_id, notice="already-cancelled" if is_done else "nothing-to-cancel")
    context = {"booking": page["booking"], "preview": page["booking"]["refund_preview"]}
    return render_page(request, "cancel", context, me=page["person"])


@require_http_methods(["GET", "HEAD", "POST"])
def reschedule(request: PortalRequest, booking_id: UUID) -> HttpResponse:
    """The times a booking may move to; with `slot_id` in the address what that move changes; then the move."""
    if request.method != "POST":
        return _review_page(request, booking_id) if "slot_id" in request.GET else _reschedule_page(request, booking_id)
    slot_id = request.POST.get("slot_id", "")
    if not slot_id:
        return redirect_to("reschedule", booking_id, conflict="nothing_chosen")
    if _has_passed(request.POST.get("refund_until"), timezone.now()):
        return redirect_to("reschedule", booking_id, slot_id=slot_id, conflict="refund_changed")
    try:
        request.visitor.send("POST", f"/bookings/{booking_id}/reschedule", {"slot_id": slot_id, **shown_price(request)})
    except Problem as problem:
        if problem.code in {"late_reschedule", "booking_not_active"}:
            raise
        if problem.code == "price_changed":
            return redirect_to("reschedule", booking_id, slot_id=slot_id, conflict=problem.code)
        return redirect_with_conflict(problem, "reschedule", booking_id)
    return redirect_to("booking", booking_id, notice="rescheduled")


def _has_passed(shown: str | None, now: datetime) -> bool:
    """Whether the refund that the review promised has ended meanwhile; a form without a promise breaks none."""
    try:
        return datetime.fromisoformat(shown or "") <= now
    except (ValueError, TypeError):
        return False


def _review_page(request: PortalRequest, booking_id: UUID) -> HttpResponse:
    slot_id = read_uuid(request.GET.get("slot_id"))
    if not slot_id:
        return redirect_to("reschedule", booking_id, conflict="nothing_chosen")
    page = request.visitor.get(f"/pages/bookings/{booking_id}/reschedule/{slot_id}")
    slot = page["slot"]
    is_open = slot["status"] == "open" and datetime.fromisoformat(slot["bookings_close_at"]) > timezone.now()
    is_other = slot["id"] != page["booking"]["slot_id"] and slot["host"]["id"] != page["person"]["id"]
    is_free = is_open and is_other and slot["seats_left"] > 0
    cost, booking = slot.get("price_credits", 1), page["booking"]
    difference = max(cost - booking["credits_charged"], -credits_kept(booking))
    context = {"booking": booking, "slot": slot, "is_free": is_free, "cost": cost, "difference": difference}
    return render_page(request, "reschedule_review", context, me=page["person"])


def _reschedule_page(request: PortalRequest, booking_id: UUID) -> HttpResponse:
    others = "true" if request.GET.get("others") == "true" else ""
    asked = iso_days(day=read_day(request.GET.get("day")), from_=read_day(request.GET.get("from")))
    cursor = request.GET.get("cursor")
    page = request.visitor.get(f"/pages/bookings/{booking_id}/days", **asked, others=others, cursor=cursor)
    me = page["person"]

    def address(*, day: date | None = None, from_: date | None = None, cursor: str = "") -> str:
        return url("reschedule", booking_id, **iso_days(day=day, from_=from_), others=others, cursor=cursor)

    context = {
        **picker_context(page, zone=zone_of(me["time_zone"]), now=timezone.now(), address=address),
        "booking": page["booking"],
        "is_filtered": page["is_filtered"],
    }
    return render_page(request, "reschedule", context, me=me)


@require_safe
def calendar_code(request: PortalRequest) -> HttpResponse:
    """The address of the calendar as a picture for a phone's camera; it is fetched only when somebody asks for it."""
    feed = request.visitor.get("/calendar-feed")["url"]
    return HttpResponse(feed_code(feed), content_type="image/svg+xml")


@require_http_methods(["GET", "HEAD", "POST"])
def rotate_feed(request: PortalRequest) -> HttpResponse:
    """Give the calendar a new secret address."""
    if request.method != "POST":
        page = request.visitor.get("/pages/settings")
        return ask_first(request, "rotate_feed", me=page["person"], back=url("bookings"))
    request.visitor.send("POST", "/calendar-feed/rotate")
    return redirect_to("bookings", notice="feed-rotated")


@require_safe
def credits(request: PortalRequest) -> HttpResponse:
    """The balance, what is used next, and the ledger as a statement and a chart."""
    cursor = request.GET.get("cursor", "")
    page = request.visitor.get("/pages/credits", cursor=cursor)
    found, entries = page["subscriptions"], page["entries"]["results"]
    plans = {one["id"]: one["plan"] for one in found}
    zone, usable = zone_of(page["person"]["time_zone"]), usable_subscriptions(found)
    total = sum(one["credits_remaining"] for one in found)
    context = {
        "balance": page["credits_available"],
        "next_used": usable[0] if usable else None,
        "subscriptions": found,
        "entries": entries,
        "months": months_of([one | {"plan": plans.get(one["subscription_id"])} for one in entries], zone),
        "older": cursor_after(page["entries"]),
        "chart": None if cursor else credit_chart(entries, total, zone=zone, now=timezone.now()),
    }
    return render_page(request, "credits", context, me=page["person"])
