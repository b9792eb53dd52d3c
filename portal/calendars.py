from collections.abc import Mapping
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import segno
from icalendar import Calendar, Event

from portal.wording import person_name

_GOOGLE_EVENT = "https://calendar.google.com/calendar/render?action=TEMPLATE&"
_GOOGLE_FEED = "https://calendar.google.com/calendar/r?"
_OUTLOOK_EVENT = "https://outlook.live.com/calendar/0/deeplink/compose?path=/calendar/action/compose&rru=addevent&"
_OUTLOOK_FEED = "https://outlook.live.com/calendar/0/addfromweb?"
# RFC 5545's form of an instant in UTC.
_BASIC = "%Y%m%dT%H%M%SZ"


def event_file(booking: dict[str, Any], *, address: str, now: datetime) -> bytes:
    """RFC 5545. The UID is the one in the person's feed, so that file and feed are one event."""
    event = Event()
    event.add("uid", f"booking-{booking['id']}@insighta")
    event.add("dtstamp", now)
    event.add("sequence", len(booking["history"]) + (booking["status"] == "cancelled"))
    event.add("dtstart", datetime.fromisoformat(booking["scheduled_start_time"]))
    event.add("dtend", datetime.fromisoformat(booking["scheduled_end_time"]))
    event.add("summary", f"{booking['title']} with {person_name(booking['host'])}")
    event.add("status", "CANCELLED" if booking["status"] == "cancelled" else "CONFIRMED")
    place, link, text = (booking.get(name) or "" for name in ("place", "link", "description"))
    event.add("url", "".join(link.split()) or address)
    if place:
        event.add("location", place)
    event.add("description", "\n\n".join(filter(None, [text, link, address])))
    calendar = Calendar()
    for name, value in (("prodid", "-//Insighta//Portal//EN"), ("version", "2.0"), ("method", "PUBLISH")):
        calendar.add(name, value)
    calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content


def event_links(booking: Mapping[str, Any], *, address: str) -> list[tuple[str, str]]:
    """Name and address of the calendars on the web that take one event from a link."""
    begin, end = (
        datetime.fromisoformat(booking[f"scheduled_{name}_time"]).astimezone(UTC) for name in ("start", "end")
    )
    summary, place = f"{booking['title']} with {person_name(booking['host'])}", booking.get("place") or ""
    google = {"text": summary, "dates": "/".join(f"{one:{_BASIC}}" for one in (begin, end))}
    outlook = {"subject": summary, "startdt": begin.isoformat(), "enddt": end.isoformat()}
    return [
        ("Google", _GOOGLE_EVENT + urlencode(google | {"details": address, "location": place})),
        ("Outlook", _OUTLOOK_EVENT + urlencode(outlook | {"body": address, "location": place})),
    ]


def feed_links(feed: str) -> list[tuple[str, str]]:
    """Name and address of what subscribes to a calendar in one tap; `webcal` is what programs of a device open."""
    return [
        ("This device", webcal(feed)),
        ("Google", _GOOGLE_FEED + urlencode({"cid": webcal(feed)})),
        ("Outlook", _OUTLOOK_FEED + urlencode({"url": feed, "name": "Insighta"})),
    ]


def webcal(feed: str) -> str:
    """The address of a feed by which a browser opens a calendar program."""
    return f"webcal://{feed.partition('://')[2]}"


def feed_code(feed: str) -> bytes:
    """An SVG picture of the feed's address for a phone's camera: dark on light, whatever the page's colours."""
    picture = BytesIO()
    segno.make(webcal(feed), error="m", micro=False).save(picture, kind="svg", scale=4, dark="#000", light="#fff")
    return picture.getvalue()
