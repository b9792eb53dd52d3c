"""Slots and bookings, as several commands need them."""

from typing import Any

from . import clock
from .api import Api
from .credentials import format_instant
from .errors import CliError
from .ids import Items, choose_item, describe_choice, find_whole, resolve_id
from .terminal import clean
from .times import format_day, format_distance, format_moment, format_span, parse_instant, read_zone_name

MOST_LISTED = 500


def list_open_slots(api: Api) -> Items:
    """What can be booked from now on, soonest first."""
    return api.list("/slots", most=MOST_LISTED, **{"from": format_instant(clock.read_now()), "open": "true"})


def list_active_bookings(api: Api) -> Items:
    """What can be cancelled or moved, soonest first."""
    found = api.list("/bookings", when="upcoming", status="active")
    return sorted(found, key=lambda booking: str(booking["scheduled_start_time"]))


def resolve_slot(api: Api, text: str) -> str:
    """Raises as resolve_id."""
    return resolve_id(text, "slot", lambda: list_open_slots(api), describe_slot)


def get_slot(api: Api, text: str) -> dict[str, Any]:
    """The whole slot: of the listed ones for a short id, asked for alone else. Raises as resolve_id, and Problem."""
    whole = find_whole(text)
    if whole:
        slot: dict[str, Any] = api.get(f"/slots/{whole}")
        return slot
    return choose_item(text, "slot", lambda: list_open_slots(api), describe_slot)


def resolve_active_booking(api: Api, text: str) -> str:
    """Raises as resolve_id."""
    return resolve_id(text, "booking", lambda: list_active_bookings(api), describe_booking)


def resolve_host(api: Api, text: str) -> str:
    """The id of the host with that login, or whose id starts so. Raises CliError, and UsageError for several."""
    hosts = api.list("/hosts")
    matches = [host for host in hosts if str(host["login"]).lower() == text.lower()]
    if len(matches) == 1:
        return str(matches[0]["id"])
    if len(matches) > 1:
        raise describe_choice(f"Several hosts are called {clean(text)}", hosts, matches, _describe_host)
    if len(text) >= 4 and any(str(host["id"]).startswith(text.lower()) for host in hosts):
        return resolve_id(text, "host", lambda: hosts, _describe_host)
    names = ", ".join(sorted(clean(host["login"]) for host in hosts)) or "nobody yet"
    raise CliError(f"No host is called {clean(text)}.", f"Hosts: {names}")


def _describe_host(host: dict[str, Any]) -> str:
    return clean(host["display_name"])


def name_host(item: dict[str, Any]) -> str:
    """How the host of a slot or booking is shown."""
    host = item.get("host") or {}
    return clean(host.get("display_name") or host.get("login") or "")


def describe_booking(booking: dict[str, Any]) -> str:
    """`Interview practice with Grace, Tue 24 Nov, 14:00-15:00 (Africa/Lagos)`."""
    return _describe_session(booking, booking["scheduled_start_time"], booking["scheduled_end_time"])


def describe_slot(slot: dict[str, Any]) -> str:
    """In the words of describe_booking."""
    return _describe_session(slot, slot["starts_at"], slot["ends_at"])


def _describe_session(item: dict[str, Any], starts_at: str, ends_at: str) -> str:
    start, end = parse_instant(starts_at), parse_instant(ends_at)
    when = f"{format_day(start).replace('  ', ' ')}, {format_span(start, end)} ({read_zone_name(start)})"
    return f"{clean(item['title'])} with {name_host(item)}, {when}"


def is_refundable(slot: dict[str, Any]) -> bool:
    """Whether a booking of the slot made now could be cancelled for a refund."""
    return clock.read_now() < parse_instant(slot["refund_deadline"])


def describe_refund(slot: dict[str, Any]) -> str:
    """Until when a booking of the slot can be cancelled for a refund, for someone who has not booked yet."""
    deadline, start = parse_instant(slot["refund_deadline"]), parse_instant(slot["starts_at"])
    if is_refundable(slot):
        return f"Full refund until {format_moment(deadline)}, {format_distance(deadline - clock.read_now())}."
    hours = round((start - deadline).total_seconds() / 3600)
    return f"This session cannot be refunded: it starts in less than {hours} hours."


def describe_deadline(booking: dict[str, Any]) -> str:
    """Until when a cancellation costs nothing, or that it is too late for that."""
    deadline = parse_instant(booking["refund_deadline"])
    if deadline <= clock.read_now():
        return f"Cancelling gives no credit back: the deadline was {format_moment(deadline)}."
    return f"Cancel before {format_moment(deadline)} and you get your credit back."


def count_credits(number: int) -> str:
    """`1 credit`, `3 credits`."""
    return f"{number} credit{'' if number == 1 else 's'}"
