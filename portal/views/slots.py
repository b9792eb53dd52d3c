"""Find a session, see its refund deadline, book it or wait for it."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.errors import Page, Problem
from portal.pages import conflict_in, redirect_with, redirect_with_conflict, render_error, render_page
from portal.templatetags.portal import read_instant, zone_of
from portal.visitor import PortalRequest, with_query

DAYS = 7
# A local day begins up to 14 hours before, and ends up to 12 hours after, the day of the same date in UTC.
EDGE = timedelta(hours=14)


@require_safe
def slots(request: PortalRequest) -> HttpResponse:
    """Seven days of sessions, from today or from `from`, in the person's time zone; `host` narrows them down."""
    now, wanted, asked = timezone.now(), request.GET.get("host", ""), _date(request.GET.get("from"))
    host, cursor = read_uuid(wanted), request.GET.get("cursor", "")
    page = request.visitor.get("/pages/slots", **_window(asked, now), **_given(host=host, cursor=cursor))
    if wanted and host not in {one["id"] for one in page["hosts"]}:
        return _host_called(request, wanted, page["hosts"])
    zone = page["person"]["time_zone"]
    today = now.astimezone(zone_of(zone)).date()
    first = max(asked or today, today)
    days = _by_day(page["slots"]["results"], first, zone, now)
    context = {
        "days": days,
        "first": first,
        "last": first + timedelta(days=DAYS - 1),
        "today": today,
        "busy": [(anchor, day) for anchor, day, found in days if found],
        "host": host,
        "hosts": page["hosts"],
        "earlier": _week_link(max(first - timedelta(days=DAYS), today), host) if first > today else "",
        "later": _week_link(first + timedelta(days=DAYS), host),
        "rest": with_query(_week_link(first, host), cursor=cursor_after(page["slots"])),
        "is_cut": bool(page["slots"]["next"]),
        "is_rest": bool(cursor),
    }
    return render_page(request, "slots", context, me=page["person"])


def _host_called(request: PortalRequest, login: str, hosts: Iterable[dict[str, Any]]) -> HttpResponse:
    """On to the host of that login, as people write it into an address, else a page that says there is none."""
    for one in hosts:
        if one["login"].lower() == login.lower():
            return redirect_with(with_query("/slots", **{"from": request.GET.get("from"), "host": one["id"]}))
    return render_error(request, _NO_SUCH_HOST)


_NO_SUCH_HOST = Page(
    404, "There is no such host", "Nobody who hosts has that name now.", "See all sessions", "/slots", icon="people"
)


def _window(asked: date | None, now: datetime) -> dict[str, str]:
    # Until the person's zone is known, today may be yesterday or tomorrow; what is too much is left out later.
    is_later = asked is not None and asked > now.date()
    start = datetime.combine(asked if asked and is_later else now.date(), datetime.min.time(), tzinfo=UTC)
    begin, end = max(start - EDGE, now), start + timedelta(days=DAYS if is_later else DAYS + 1) + EDGE
    return {"from": begin.isoformat(), "to": end.isoformat()}


def _given(**query: str) -> dict[str, str]:
    return {name: value for name, value in query.items() if value}


def cursor_after(page: dict[str, Any]) -> str:
    """The cursor of the page that follows; empty at the end."""
    query = parse_qs(urlsplit(page["next"] or "").query)
    return query.get("cursor", [""])[0]


def _week_link(first: date, host: str) -> str:
    return with_query("/slots", **{"from": first.isoformat(), "host": host})


def _by_day(
    found: Iterable[dict[str, Any]], first: date, zone: str, now: datetime
) -> list[tuple[str, date, list[Any]]]:
    """Each day with its heading's id on the page and what is open on it."""
    days: dict[date, list[Any]] = {first + timedelta(days=day): [] for day in range(DAYS)}
    for slot in found:
        starts_at = read_instant(slot["starts_at"], zone)
        is_shown = slot["status"] == "open" and starts_at > now
        if is_shown and starts_at.date() in days:
            days[starts_at.date()].append(slot)
    return [(f"day-{number}", day, on_it) for number, (day, on_it) in enumerate(days.items(), start=1)]


@require_http_methods(["GET", "HEAD", "POST"])
def book(request: PortalRequest, slot_id: UUID) -> HttpResponse:
    """What booking means, before it is done; then the booking. The form's key makes a second click harmless."""
    if request.method != "POST":
        return _book_page(request, slot_id)
    key = read_uuid(request.POST.get("key")) or str(uuid4())
    try:
        made = request.visitor.send("POST", "/bookings", {"slot_id": str(slot_id)}, idempotency_key=key)
    except Problem as problem:
        if problem.status != 409:
            raise
        return redirect_with_conflict(f"/slots/{slot_id}/book", problem)
    return redirect_with(f"/bookings/{made['id']}", "booked")


def _book_page(request: PortalRequest, slot_id: UUID) -> HttpResponse:
    page = _slot_page(request, slot_id)
    slot, me, usable = page["slot"], page["person"], usable_subscriptions(page["subscriptions"])
    context = {
        "slot": slot,
        "conflict": conflict_in(request),
        "key": str(uuid4()),
        "pays": usable[0] if usable else None,
        "credits_left": sum(one["credits_remaining"] for one in usable),
        "is_over": slot["status"] != "open" or datetime.fromisoformat(slot["bookings_close_at"]) <= timezone.now(),
        "place": page["position"],
        "is_own": slot["host"]["id"] == me["id"],
    }
    return render_page(request, "book", context, me=me)


def _slot_page(request: PortalRequest, slot_id: UUID) -> dict[str, Any]:
    try:
        return request.visitor.get(f"/pages/slots/{slot_id}")
    except Problem as problem:
        if problem.status != 404:
            raise
    # A backend of the release before has no such page; of a slot that is not there it says so once more.
    parts = request.visitor.fetch(person="/me", slot=f"/slots/{slot_id}", subscriptions="/subscriptions")
    return parts | {"subscriptions": parts["subscriptions"]["results"], "position": None}


def usable_subscriptions(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those with a credit to spend, in the order in which they are charged: the one that ends first is used first."""
    usable = [one for one in found if one["active"] and one["credits_remaining"] > 0]
    return sorted(usable, key=lambda one: str(one["ends_at"]))


@require_POST
def join_waitlist(request: PortalRequest, slot_id: UUID) -> HttpResponse:
    """Wait for a seat of a full session."""
    try:
        request.visitor.send("POST", f"/slots/{slot_id}/waitlist")
    except Problem as problem:
        if problem.status != 409:
            raise
        return redirect_with_conflict(f"/slots/{slot_id}/book", problem)
    return redirect_with(f"/slots/{slot_id}/book", "waiting")


@require_POST
def leave_waitlist(request: PortalRequest, slot_id: UUID) -> HttpResponse:
    """Wait no longer."""
    request.visitor.send("DELETE", f"/slots/{slot_id}/waitlist")
    return redirect_with(f"/slots/{slot_id}/book", "not-waiting")


def read_uuid(value: str | None) -> str:
    """`value` as a UUID is written; empty when it is none."""
    try:
        return str(UUID(value or ""))
    except ValueError:
        return ""


def _date(value: str | None) -> date | None:
    try:
        found = date.fromisoformat(value or "")
    except ValueError:
        return None
    # Far enough from the calendar's ends to count a week and a zone on.
    return found if 2000 < found.year < 9000 else None
