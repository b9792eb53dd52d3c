from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.errors import Problem
from portal.forms import form_key
from portal.links import read_uuid, url
from portal.messages import MESSAGES, Message
from portal.picker import mark_overlaps, picker_context
from portal.rendering import (
    ask_first,
    redirect_to,
    redirect_with_conflict,
    render_message,
    render_page,
    zone_for,
)
from portal.subscriptions import paying_subscription, shown_price, usable_subscriptions
from portal.times import iso_days, read_day, read_instant, zone_of
from portal.visitor import PortalRequest, SeeOther
from portal.wording import person_name

USUAL_SERIES = timedelta(weeks=4)


@require_safe
def slots(request: PortalRequest) -> HttpResponse:
    """Weeks of days, and the sessions of one: `day`, or the first with a free seat; `host` narrows them down."""
    wanted, asked, cursor = request.GET.get("host", ""), _asked_days(request), request.GET.get("cursor")
    narrowed = {"host": read_uuid(wanted), "offering": read_uuid(request.GET.get("offering"))}
    zone = zone_of(request.visitor.zone).key if request.visitor.is_reader else None
    page = request.visitor.read("/pages/days", **asked, **narrowed, cursor=cursor, zone=zone)
    if wanted and narrowed["host"] not in {one["id"] for one in page["hosts"]}:
        return _host_called(request, wanted, page["hosts"])

    mark_overlaps([*page["slots"]["results"], *page["next_free"]], page.get("held", ()))

    def address(*, day: date | None = None, from_: date | None = None, cursor: str = "") -> str:
        return url("slots", **iso_days(day=day, from_=from_), **narrowed, cursor=cursor)

    context = {
        **picker_context(page, zone=zone_for(request, page["person"]), now=timezone.now(), address=address),
        **narrowed,
        "host_names": [(one["id"], person_name(one)) for one in page["hosts"]],
        "offering_names": [(one["id"], one["title"]) for one in page.get("offerings", ())],
        "kept": iso_days(day=date.fromisoformat(page["day"])),
        "here": request.get_full_path(),
    }
    return render_page(request, "slots", context, me=page["person"])


def _asked_days(request: PortalRequest) -> dict[str, str]:
    """The days that the address asks for, without what is none."""
    return iso_days(day=read_day(request.GET.get("day")), from_=read_day(request.GET.get("from")))


def _host_called(request: PortalRequest, login: str, hosts: Iterable[dict[str, Any]]) -> HttpResponse:
    """On to the host of that login, as people write it into an address, else a page that says there is none."""
    for one in hosts:
        if one["login"].lower() == login.lower():
            return redirect_to("slots", **{**_asked_days(request), "host": one["id"]})
    return render_message(request, _NO_SUCH_HOST)


_NO_SUCH_HOST = Message(
    404, "There is no such host", "Nobody who hosts has that name now.", "See all sessions", "slots", icon="people"
)


@require_safe
def slot(request: PortalRequest, slot_id: UUID) -> HttpResponse:
    """One session, for everybody; whoever is signed in can book it."""
    if request.visitor.has_tokens:
        return _book_page(request, slot_id)
    page = request.visitor.read(f"/pages/slots/{slot_id}")
    context = {"slot": page["slot"], "is_over": page["slot"]["status"] != "open"}
    return render_page(request, "slot", context | {"here": url("book", slot_id)}, me=None)


@require_http_methods(["GET", "HEAD", "POST"])
def book(request: PortalRequest, slot_id: UUID) -> HttpResponse:
    """What booking means, before it is done; then the booking. The form's key makes a second click harmless."""
    if request.method != "POST":
        return _book_page(request, slot_id)
    key = form_key(request)
    try:
        body = {"slot_id": str(slot_id), **shown_price(request)}
        made = request.visitor.send("POST", "/bookings", body, idempotency_key=key)
    except Problem as problem:
        return redirect_with_conflict(problem, "book", slot_id)
    # A form that is sent again answers with what it has booked before, whatever became of it.
    return redirect_to("booking", made["id"], notice="booked" if made["status"] == "active" else "booked-before")


def _book_page(request: PortalRequest, slot_id: UUID) -> HttpResponse:
    page = request.visitor.get(f"/pages/slots/{slot_id}")
    slot, me, usable = page["slot"], page["person"], usable_subscriptions(page["subscriptions"])
    cost = slot.get("price_credits", 1)
    context = {
        "slot": slot,
        "key": str(uuid4()),
        "cost": cost,
        "pays": paying_subscription(usable, cost=cost),
        "credits_left": sum(one["credits_remaining"] for one in usable),
        "is_over": slot["status"] != "open" or datetime.fromisoformat(slot["bookings_close_at"]) <= timezone.now(),
        "place": page["position"],
        "is_own": slot["host"]["id"] == me["id"],
        "series_until": _usual_end(slot, me) if page.get("repeats") else None,
    }
    return render_page(request, "book", context, me=me)


def _usual_end(slot: dict[str, Any], me: dict[str, Any]) -> date:
    """The day that is offered first as the last one of a series."""
    return read_instant(slot["starts_at"], zone_of(me["time_zone"])).date() + USUAL_SERIES


@require_http_methods(["GET", "HEAD", "POST"])
def series(request: PortalRequest, slot_id: UUID) -> HttpResponse:
    """The sessions of a slot's weekly hours up to a day: what booking them means, then the bookings."""
    if request.method != "POST":
        return _series_page(request, slot_id)
    body = {
        "slot_ids": [one for one in map(read_uuid, request.POST.getlist("slot_id")) if one],
        "seen": request.POST.get("seen", ""),
        **shown_price(request),
    }
    until, key = request.POST.get("until"), form_key(request)
    try:
        made = request.visitor.send("POST", f"/slots/{slot_id}/series", body, idempotency_key=key)
    except Problem as problem:
        if problem.status not in {400, 409}:
            raise
        code = problem.code if problem.code in MESSAGES and problem.status == 409 else "preview_changed"
        return redirect_to("series", slot_id, until=until, conflict=code)
    told = {"number": len(made["bookings"]), "credits_charged": made["credits_charged"]}
    return SeeOther(url("series", slot_id, until=until), notice="series-booked", made=told)


def _series_page(request: PortalRequest, slot_id: UUID) -> HttpResponse:
    until = read_day(request.GET.get("until"))
    if until is None:
        return redirect_to("book", slot_id, conflict="series_refused")
    try:
        page = request.visitor.get(f"/pages/slots/{slot_id}/series", until=until.isoformat())
    except Problem as problem:
        if problem.status != 400:
            raise
        return redirect_to("book", slot_id, conflict="series_refused")
    sessions, opened = page["series"]["sessions"], page["series"]["opened_until"]
    context = {
        "first": sessions[0]["slot"],
        "series": page["series"],
        "bookable": [one["slot"] for one in sessions if one["refusal"] is None],
        "credits_left": page["credits_available"],
        "until": until,
        "is_cut": opened is not None and date.fromisoformat(opened) + timedelta(days=7) <= until,
        "made": request.visitor.take_note().get("made"),
        "key": str(uuid4()),
    }
    return render_page(request, "series", context, me=page["person"])


@require_POST
def join_waitlist(request: PortalRequest, slot_id: UUID) -> HttpResponse:
    """Wait for a seat of a full session."""
    try:
        request.visitor.send("POST", f"/slots/{slot_id}/waitlist", shown_price(request))
    except Problem as problem:
        return redirect_with_conflict(problem, "book", slot_id)
    return redirect_to("book", slot_id, notice="waiting")


@require_http_methods(["GET", "HEAD", "POST"])
def leave_waitlist(request: PortalRequest, slot_id: UUID) -> HttpResponse:
    """Wait no longer."""
    if request.method != "POST":
        page = request.visitor.get(f"/pages/slots/{slot_id}")
        if not page["slot"]["waiting"]:
            return redirect_to("book", slot_id, notice="not-waiting")
        back, name = url("book", slot_id), page["slot"]["title"]
        return ask_first(request, "leave_waitlist", me=page["person"], back=back, name=name)
    request.visitor.send("DELETE", f"/slots/{slot_id}/waitlist")
    return redirect_to("book", slot_id, notice="not-waiting")
