"""What the backend offers in the place of an argument, for completion."""

from collections.abc import Callable
from typing import Any

from .api import Api
from .hosting import list_hosted
from .offerings import list_own
from .schedule import list_active_bookings, list_every_booking, list_slots, name_host
from .settings import read_settings
from .short_ids import Items, shorten
from .times import format_day, format_span, parse_instant

TIMEOUT_SECONDS = 2.0

Values = dict[str, str]


def find_values(command: str, argument: str) -> Values:
    """Each value with what it is; empty where the backend has none for this argument. Raises CliError."""
    source = SOURCES.get((command, argument))
    return source(Api(read_settings(), timeout=TIMEOUT_SECONDS)) if source else {}


def _with_ids(items: Items, describe: Callable[[dict[str, Any]], str]) -> Values:
    short = shorten(str(item["id"]) for item in items)
    return {short[item["id"]]: describe(item) for item in items}


def _list_hosts(api: Api) -> Values:
    return {host["login"]: host["display_name"] for host in api.list("/hosts")}


def _list_slots(api: Api) -> Values:
    return _with_ids(list_slots(api), lambda slot: _describe(slot, slot["starts_at"], slot["ends_at"]))


def _list_bookings(bookings: Items) -> Values:
    return _with_ids(bookings, lambda one: _describe(one, one["scheduled_start_time"], one["scheduled_end_time"]))


def _describe(item: dict[str, Any], starts_at: str, ends_at: str) -> str:
    start, end = parse_instant(starts_at), parse_instant(ends_at)
    return f"{format_day(start)}, {format_span(start, end)}, {item['title']} with {name_host(item)}"


def _describe_slot(slot: dict[str, Any]) -> str:
    return _describe(slot, slot["starts_at"], slot["ends_at"])


SOURCES: dict[tuple[str, str], Callable[[Api], Values]] = {
    ("slots list", "host"): _list_hosts,
    ("book", "slot"): _list_slots,
    ("waitlist join", "slot"): _list_slots,
    ("waitlist leave", "slot"): _list_slots,
    ("cancel", "booking"): lambda api: _list_bookings(list_active_bookings(api)),
    ("reschedule", "booking"): lambda api: _list_bookings(list_active_bookings(api)),
    ("reschedule", "slot"): _list_slots,
    ("hosting change", "session"): lambda api: _with_ids(list_hosted(api), _describe_slot),
    ("hosting cancel", "session"): lambda api: _with_ids(list_hosted(api), _describe_slot),
    ("hosting roster", "session"): lambda api: _with_ids(list_hosted(api, "upcoming", "past"), _describe_slot),
    ("hosting book", "session"): lambda api: _with_ids(list_hosted(api), _describe_slot),
    ("hosting reopen", "session"): lambda api: _with_ids(list_hosted(api, "cancelled"), _describe_slot),
    ("hosting new", "offering"): lambda api: _with_ids(list_own(api), lambda one: str(one["title"])),
    ("hours set", "offering"): lambda api: _with_ids(list_own(api), lambda one: str(one["title"])),
    ("offerings list", "host"): _list_hosts,
    ("offerings change", "offering"): lambda api: _with_ids(list_own(api), lambda one: str(one["title"])),
    ("offerings archive", "offering"): lambda api: _with_ids(list_own(api), lambda one: str(one["title"])),
    ("bookings show", "booking"): lambda api: _list_bookings(list_every_booking(api)),
    ("sessions revoke", "session"): lambda api: _with_ids(api.list("/sessions"), lambda one: str(one["label"])),
    ("applications withdraw", "application"): lambda api: {
        str(one["client_id"]): str(one["name"]) for one in api.list("/applications")
    },
    ("publishers remove", "publisher"): lambda api: _with_ids(
        api.list("/trusted-publishers"), lambda one: f"{one['repository']} {one['workflow']}"
    ),
    ("tokens revoke", "token"): lambda api: _with_ids(
        api.list("/personal-access-tokens"), lambda one: str(one["name"])
    ),
}
