from datetime import datetime
from typing import Any

from .api import Api
from .errors import CliError
from .short_ids import Items, choose_item, describe_choice, find_whole, resolve_id
from .terminal import clean, say
from .times import (
    describe_zone_difference,
    format_day,
    format_distance,
    format_instant,
    format_moment,
    format_span,
    parse_instant,
    read_now,
    read_zone_name,
)

MOST_LISTED = 500


def list_slots(api: Api, *, only_open: bool = True) -> Items:
    """What can be booked from now on, soonest first; or full and cancelled slots, too."""
    query = {"from": format_instant(read_now()), "open": "true" if only_open else None}
    return api.list("/slots", most=MOST_LISTED, **query)


def list_active_bookings(api: Api) -> Items:
    """What can be cancelled or moved, soonest first."""
    found = api.list("/bookings", when="upcoming", status="active")
    return sorted(found, key=lambda booking: str(booking["scheduled_start_time"]))


def list_every_booking(api: Api) -> Items:
    """All of the person's bookings, the latest start first."""
    return sorted(api.list("/bookings"), key=lambda booking: str(booking["scheduled_start_time"]), reverse=True)


def resolve_slot(api: Api, text: str) -> str:
    """Raises as resolve_id."""
    return resolve_id(text, "slot", lambda: list_slots(api), describe_slot)


def get_slot(api: Api, text: str, *, only_open: bool = True) -> dict[str, Any]:
    """The whole slot: of the listed ones for a short id, asked for alone else. Raises as resolve_id, and Problem."""
    whole = find_whole(text)
    if whole:
        slot: dict[str, Any] = api.get(f"/slots/{whole}")
        return slot
    return choose_item(text, "slot", lambda: list_slots(api, only_open=only_open), describe_slot)


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
        raise describe_choice(f"Several hosts are called {text}", hosts, matches, _describe_host)
    if len(text) >= 4 and any(str(host["id"]).startswith(text.lower()) for host in hosts):
        return resolve_id(text, "host", lambda: hosts, _describe_host)
    names = ", ".join(sorted(str(host["login"]) for host in hosts)) or "nobody yet"
    raise CliError(f"No host is called {text}.", clean(f"Hosts: {names}"))


def _describe_host(host: dict[str, Any]) -> str:
    return str(host["display_name"])


def name_host(item: dict[str, Any]) -> str:
    """How the host of a slot or booking is shown."""
    host = item.get("host") or {}
    return str(host.get("display_name") or host.get("login") or "")


def name_status(booking: dict[str, Any]) -> str:
    """`active`, `no show`."""
    return str(booking["status"]).replace("_", " ")


def describe_booking(booking: dict[str, Any]) -> str:
    """`Interview practice with Grace, Tue 24 Nov, 14:00-15:00 (Africa/Lagos)`."""
    return _describe_session(booking, booking["scheduled_start_time"], booking["scheduled_end_time"])


def describe_slot(slot: dict[str, Any]) -> str:
    """In the words of describe_booking."""
    return _describe_session(slot, slot["starts_at"], slot["ends_at"])


def _describe_session(item: dict[str, Any], starts_at: str, ends_at: str) -> str:
    start, end = parse_instant(starts_at), parse_instant(ends_at)
    when = f"{format_day(start)}, {format_span(start, end)} ({read_zone_name(start)})"
    return f"{item['title']} with {name_host(item)}, {when}"


def is_refundable(slot: dict[str, Any]) -> bool:
    """Whether a booking of the slot made now could be cancelled for a refund."""
    return read_now() < parse_instant(slot["refund_deadline"])


def describe_refund(slot: dict[str, Any]) -> str:
    """Until when a booking of the slot can be cancelled for a refund, for someone who has not booked yet."""
    if not read_price(slot):
        return "It can be cancelled until it starts."
    deadline, start = parse_instant(slot["refund_deadline"]), parse_instant(slot["starts_at"])
    if is_refundable(slot):
        return f"Full refund until {format_moment(deadline)}, {format_distance(deadline - read_now())}."
    hours = round((start - deadline).total_seconds() / 3600)
    return f"This session cannot be refunded: it starts in less than {hours} hours."


def read_price(slot: dict[str, Any]) -> int:
    """What a booking of the slot costs now, in credits; 1 from a backend that knows no prices."""
    return int(slot.get("price_credits", 1))


def describe_price(credits: int) -> str:
    """`3 credits`, or `nothing`."""
    return count_credits(credits) if credits else "nothing"


def describe_place(item: dict[str, Any]) -> list[str]:
    """The place and the link of a slot or booking, as far as there are any."""
    return [str(item[name]) for name in ("place", "link") if item.get(name)]


def refunded_until(booking: dict[str, Any]) -> datetime:
    """Until when cancelling a booking refunds in full: its deadline, or later where its client is free to leave."""
    free = booking.get("free_to_leave_until")
    deadline = parse_instant(booking["refund_deadline"])
    return max(deadline, parse_instant(free)) if free else deadline


def describe_deadline(booking: dict[str, Any]) -> str:
    """Until when a cancellation costs nothing, or that it is too late for that."""
    paid = booking.get("credits_charged", 1)
    if not paid:
        return "It cost nothing. You can cancel it until it starts."
    if booking.get("free_to_leave_until") and read_now() < parse_instant(booking["free_to_leave_until"]):
        return "Cancel until it starts and get everything back."
    deadline = refunded_until(booking)
    if deadline <= read_now():
        return f"Cancelling gives no credit back: the deadline was {format_moment(deadline)}."
    back = "your credit" if paid == 1 else f"your {count_credits(paid)}"
    return f"Cancel before {format_moment(deadline)} and you get {back} back."


def say_zone_difference(account_zone: str | None) -> None:
    """Said where times shown here read otherwise in the portal."""
    difference = describe_zone_difference(account_zone)
    if difference:
        say(difference)


def count_credits(number: int) -> str:
    """`1 credit`, `3 credits`."""
    return f"{number} credit{'' if number == 1 else 's'}"
