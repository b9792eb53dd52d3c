"""What the portal's templates can say: people's names, instants in their time zone, links that know where they are."""

import calendar
from datetime import date, datetime
from functools import cache, lru_cache
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.forms import BoundField
from django.template.loader import get_template
from django.templatetags.static import static
from django.utils.dateformat import format as format_date
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """The inline SVG `icons/<name>.svg`, hidden from screen readers."""
    return _drawing(name)


@cache
def _drawing(name: str) -> SafeString:
    return SafeString(get_template(f"portal/icons/{name}.svg").render())


@register.simple_tag
def asset(path: str) -> SafeString:
    """The address of a static file. It stays the same while the process runs; Django puts it together each time."""
    return _address_of(path)


@cache
def _address_of(path: str) -> SafeString:
    return SafeString(escape(static(path)))


@register.simple_tag(takes_context=True)
def nav_link(context: template.Context, path: str, text: str, more: str = "") -> SafeString:
    """A link that marks itself as the current page on `path` and everything below it; `more` is for wide screens."""
    here = context["request"].path
    return _link(path, text, more, is_current=here == path or here.startswith(f"{path}/"))


@cache
def _link(path: str, text: str, more: str, *, is_current: bool) -> SafeString:
    current = ' aria-current="page"' if is_current else ""
    rest = f'<span class="wide-only">{escape(more)}</span>' if more else ""
    return SafeString(f'<a href="{escape(path)}"{current}><span>{escape(text)}{rest}</span></a>')


@register.simple_tag
def field(bound: BoundField) -> SafeString:
    """A form's field with its label, hint and errors. As an included template it took as long as the page around it."""
    name, errors = bound.auto_id, " ".join(str(error) for error in bound.errors)
    hint = f'<span class="hint" id="{name}_helptext">{escape(str(bound.help_text))}</span>' if bound.help_text else ""
    wrong = f'<span class="field-error" id="{name}_error">{escape(errors)}</span>' if errors else ""
    label = f'<label for="{bound.id_for_label}">{escape(str(bound.label))}</label>'
    return SafeString(f'<div class="field">{label}{hint}{wrong}{bound}</div>')


@register.filter
def person_name(person: dict[str, Any]) -> str:
    """The name a person chose, or else the login."""
    return str(person.get("display_name") or person.get("login") or "")


@register.filter
def initials(person: dict[str, Any]) -> str:
    """One or two letters for a person."""
    words = person_name(person).replace("-", " ").replace("_", " ").split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


def zone_of(name: str) -> ZoneInfo:
    """The IANA zone, or UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def place_of(zone: str) -> str:
    """The part of an IANA name that people say: `America/New_York` is New York."""
    return zone.rsplit("/", 1)[-1].replace("_", " ")


@register.filter
def place(zone: str) -> str:
    """`place_of` for templates."""
    return place_of(zone)


def read_instant(value: str, zone: str) -> datetime:
    """An RFC 3339 instant of the API on the wall clock of `zone`."""
    return datetime.fromisoformat(value).astimezone(zone_of(zone))


def day_of(instant: datetime, now: datetime) -> str:
    """`Tue 24 Nov`; with the year where it is not this one."""
    year = f" {instant.year}" if instant.year != now.year else ""
    return f"{instant:%a} {instant.day} {instant:%b}{year}"


def day_and_time(instant: datetime, now: datetime) -> str:
    """`Tue 24 Nov, 14:00`. Both instants are aware; the first is in the reader's zone."""
    return f"{day_of(instant, now)}, {_clock(instant)}"


def _clock(instant: datetime) -> str:
    return f"{instant.hour:02}:{instant.minute:02}"


@register.simple_tag(takes_context=True)
def when(context: template.Context, value: str | None) -> SafeString:
    """`Tue 24 Nov, 14:00` in the reader's zone, the instant itself in `datetime`; `never` where there is none."""
    if not value:
        return SafeString("never")
    return _time(value, day_and_time(read_instant(value, _zone(context)), context["now"]))


def _time(value: str, text: str) -> SafeString:
    """An instant of the API with what people read; written straight out, since a page has a hundred of them."""
    return SafeString(f'<time datetime="{escape(value)}">{escape(text)}</time>')


@register.simple_tag(takes_context=True)
def span(context: template.Context, start: str, end: str) -> SafeString:
    """`Tue 24 Nov, 14:00–15:00 (Lagos)`: a session's time in the reader's zone, with its place."""
    zone = _zone(context)
    begins, ends = read_instant(start, zone), read_instant(end, zone)
    until = _clock(ends) if ends.date() == begins.date() else day_and_time(ends, context["now"])
    both = f"{_time(start, day_and_time(begins, context['now']))}–{_time(end, until)}"
    return SafeString(f"{both} ({escape(place_of(zone))})")


@register.simple_tag(takes_context=True)
def hours(context: template.Context, start: str, end: str) -> SafeString:
    """`14:00–15:00` in the reader's zone, for lists that name the day already."""
    return _hours(start, end, zone_of(_zone(context)))


def _hours(start: str, end: str, zone: ZoneInfo) -> SafeString:
    begins, ends = (datetime.fromisoformat(value).astimezone(zone) for value in (start, end))
    return SafeString(f"{_time(start, _clock(begins))}–{_time(end, _clock(ends))}")


@register.simple_tag(takes_context=True)
def slot_cards(context: template.Context, slots: list[dict[str, Any]]) -> SafeString:
    """A day's sessions as links, in list items. With a template for each, fifty took as long as asking for them."""
    zone, now = zone_of(_zone(context)), context["now"]
    return SafeString("".join(f"<li>{_slot_card(slot, zone, now)}</li>" for slot in slots))


def _slot_card(slot: dict[str, Any], zone: ZoneInfo, now: datetime) -> str:
    own = slot.get("booking_id")
    look = " slot-mine" if own else "" if slot["seats_left"] else " slot-full"
    where = f"/bookings/{escape(own)}" if own else f"/slots/{escape(slot['id'])}/book"
    return (
        f'<a class="slot{look}" href="{where}">\n'
        f'  <p class="slot-time">{_hours(slot["starts_at"], slot["ends_at"], zone)}</p>\n'
        f'  <p class="strong slot-title">{escape(slot["title"])}</p>\n'
        f"  <p>{escape(person_name(slot['host']))}</p>\n"
        f"  <p>{_seats(slot, now)}</p>\n</a>\n"
    )


def _seats(slot: dict[str, Any], now: datetime) -> str:
    """What a session's card says about its seats."""
    if slot.get("booking_id"):
        return f"{_drawing('check')} You are booked"
    free = int(slot["seats_left"])
    ends = "" if not free or is_ahead(slot["refund_deadline"], now) else " · no refund"
    if slot.get("waiting"):
        return f"{_drawing('clock')} You are on the waitlist{ends}"
    return f"{free} of {int(slot['capacity'])} seats left{ends}" if free else "Full · join the waitlist"


@register.filter
@lru_cache(maxsize=1024)
def dated(day: date, words: str) -> str:
    """Django's `date` filter for days: a page names the same few over and over."""
    return format_date(day, words)


@register.filter
def is_ahead(value: str, now: datetime) -> bool:
    """Whether an instant of the API still lies ahead."""
    return datetime.fromisoformat(value) > now


@register.filter
def hours_before(deadline: str, start: str) -> int:
    """How many whole hours before `start` the `deadline` lies: the refund window of a slot or booking."""
    return int((datetime.fromisoformat(start) - datetime.fromisoformat(deadline)).total_seconds() // 3600)


@register.filter
def made_late(booking: dict[str, Any]) -> str:
    """`booked` or `moved here` if that was after the refund deadline, so that there never was a refund; else empty."""
    deadline, moves = datetime.fromisoformat(booking["refund_deadline"]), booking.get("history")
    if datetime.fromisoformat(booking["created_at"]) >= deadline:
        return "moved here" if moves else "booked"
    return "moved here" if moves and datetime.fromisoformat(moves[-1]["moved_at"]) >= deadline else ""


@register.filter
def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `11th`."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}th" if number % 100 in {11, 12, 13} else f"{number}{ending}"


def _zone(context: template.Context) -> str:
    return str((context.get("me") or {}).get("time_zone") or "UTC")


@register.filter
def credits(number: int) -> str:
    """`1 credit`, `3 credits`."""
    return f"{number} credit" if number == 1 else f"{number} credits"


@register.filter
def client_name(client_id: str) -> str:
    """What people call an OAuth client."""
    return {"insighta-portal": "Portal, in a browser", "insighta-cli": "Command line"}.get(client_id, client_id)


_REASONS = {
    "welcome": "Welcome credits",
    "grant": "Added by our staff",
    "booking": "Booking",
    "refund": "Refund",
    "plan": "Plan started",
    "renewal": "Plan renewed",
}


@register.filter
def reason(code: str) -> str:
    """What a ledger entry was for, in words."""
    return _REASONS.get(code, code.replace("_", " ").capitalize())


@register.filter
def signed(number: int) -> str:
    """A change with its sign; the minus is as wide as the plus."""
    return f"+{number}" if number > 0 else f"\N{MINUS SIGN}{-number}" if number else "0"


@register.filter
def weekday(number: int) -> str:
    """ISO 8601's weekday as a word; Monday is 1."""
    return calendar.day_name[number - 1]


@register.filter
def day(value: str) -> str:
    """A date of the API as `Thu 24 Dec 2026`."""
    found = datetime.fromisoformat(value)
    return f"{found:%a} {found.day} {found:%b %Y}"
