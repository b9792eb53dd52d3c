from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods, require_safe

from portal.hosting_forms import DayForm, DayOffForm, SlotForm
from portal.hours_forms import told
from portal.links import cursor_after, read_uuid, url
from portal.rendering import redirect_to, render_page, return_form
from portal.times import read_instant, zone_of
from portal.visitor import PortalRequest, SeeOther

NEXT_OPEN = 5


@require_safe
def hosting(request: PortalRequest) -> HttpResponse:
    """The host's sessions: what is open and not over by day, or what is over or cancelled as a list."""
    wanted = request.GET.get("when", "")
    tab = wanted if wanted in {"past", "cancelled"} else ""
    page = request.visitor.get("/pages/hosting", when=tab, cursor=request.GET.get("cursor"))
    shown = {"slots": page["slots"]["results"]} if tab else {"spans": _spans(_by_day(page))}
    context = {"tab": tab, "more": cursor_after(page["slots"]), "needs": page.get("needs", []), **shown}
    return render_page(request, "hosting", context, me=page["person"])


def _by_day(page: dict[str, Any]) -> list[tuple[date, list[dict[str, Any]]]]:
    """The sessions of `/pages/hosting` by the host's days."""
    days: dict[date, list[dict[str, Any]]] = {}
    zone = zone_of(page["person"]["time_zone"])
    for slot in page["slots"]["results"]:
        days.setdefault(read_instant(slot["starts_at"], zone).date(), []).append(slot)
    return sorted(days.items())


@dataclass
class Span:
    """A day with what is booked on it and what is free, or days on end that nobody has booked anything on."""

    first: date
    last: date
    booked: list[dict[str, Any]]
    free: list[dict[str, Any]]
    days: int = 1


def _spans(days: list[tuple[date, list[dict[str, Any]]]]) -> list[Span]:
    spans: list[Span] = []
    for day, found in days:
        booked = [slot for slot in found if slot["seats_taken"]]
        free = [slot for slot in found if not slot["seats_taken"]]
        if spans and not booked and not spans[-1].booked:
            before = spans[-1]
            before.last, before.free, before.days = day, [*before.free, *free], before.days + 1
        else:
            spans.append(Span(day, day, booked, free))
    return spans


@require_http_methods(["GET", "HEAD", "POST"])
def new_slot(request: PortalRequest) -> HttpResponse:
    """Open a one-off session. The host's zone comes with the form, so that saving is one call."""
    if request.method != "POST":
        return _new_slot_page(request)
    form = SlotForm(request.POST)
    zone, offering_id = zone_of(request.POST.get("zone", "")), read_uuid(request.GET.get("offering"))
    made_from = {"offering_id": offering_id} if offering_id else {}
    if form.is_valid() and form.send(request.visitor, "POST", "/slots", form.body(zone) | made_from) is not None:
        return redirect_to("hosting", notice="slot-created")
    if form.is_there:
        return redirect_to("hosting", notice="slot-there")
    if offering_id:
        return _new_slot_of(request, offering_id, form)
    return return_form(request, "new_slot", form, lambda: _new_slot_page(request, form))


def _new_slot_page(request: PortalRequest, refused: SlotForm | None = None) -> HttpResponse:
    if offering_id := read_uuid(request.GET.get("offering")):
        return _new_slot_of(request, offering_id, refused)
    page = request.visitor.get("/pages/hosting")
    form = refused or SlotForm.of(request.visitor.take_note()) or SlotForm()
    context = {"form": form, "offering": None, "opened": page["slots"]["results"][:NEXT_OPEN]}
    return render_page(request, "hosting_new", context, me=page["person"], status=422 if refused else 200)


def _new_slot_of(request: PortalRequest, offering_id: str, refused: SlotForm | None) -> HttpResponse:
    """A session of an offering; what the form does not ask is the offering's."""
    page = request.visitor.get(f"/pages/hosting/offerings/{offering_id}")
    offering = page["offering"]
    form = refused or SlotForm(initial={name: offering[name] for name in ("title", "minutes", "capacity")})
    context = {"form": form, "offering": offering, "opened": []}
    return render_page(request, "hosting_new", context, me=page["person"], status=422 if refused else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def cancel_day(request: PortalRequest) -> HttpResponse:
    """Say what is on a day and what may become of it, then take the day off; what is booked stays or is cancelled."""
    if request.method != "POST":
        asked = DayForm(request.GET or None)
        return _day_page(request, asked.cleaned_data["date"]) if asked.is_valid() else _choose_day(request, asked)
    form, done = DayOffForm(request.POST), None
    if form.is_valid():
        done = form.send(
            request.visitor,
            "POST",
            "/hosts/me/cancel-day" if form.is_cancelling else "/availability-rules",
            form.body(),
        )
    if done is not None and form.is_cancelling:
        return redirect_to("hosting", notice="day-cancelled")
    day = form.cleaned_data.get("date")
    if day is None:
        return redirect_to("cancel_day")
    if done is not None:
        return SeeOther(url("cancel_day", date=day.isoformat()), notice="day-off", change=told(done))
    if form.is_there:
        return SeeOther(url("cancel_day", date=day.isoformat()), notice="day-off-already", change={"closed": None})
    at_once = partial(_day_page, request, day, form)
    return return_form(request, "cancel_day", form, at_once, date=day.isoformat())


def _choose_day(request: PortalRequest, form: DayForm) -> HttpResponse:
    page = request.visitor.get("/pages/hosting")
    context = {"form": form, "days": _by_day(page)[:NEXT_OPEN], "day": None}
    return render_page(request, "hosting_day", context, me=page["person"], status=422 if form.is_bound else 200)


def _day_page(request: PortalRequest, day: date, refused: DayOffForm | None = None) -> HttpResponse:
    page, note = request.visitor.get("/pages/hosting/day", date=day.isoformat()), request.visitor.take_note()
    form = refused or DayOffForm.of(note) or DayOffForm(initial={"date": day})
    form.say(people=page["people"], credits_back=page["credits"])
    booked = [slot for slot in page["slots"] if slot["seats_taken"]]
    context = {"form": form, "day": day, "booked": booked, "free": len(page["slots"]) - len(booked)}
    context |= {"change": note.get("change")}
    return render_page(request, "hosting_day", context, me=page["person"], status=422 if refused else 200)
