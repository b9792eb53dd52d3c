from datetime import datetime
from typing import Any

from icalendar import Calendar, Event


def event_file(booking: dict[str, Any], *, address: str, now: datetime) -> bytes:
    """RFC 5545. The UID is the one in the person's feed, so that file and feed are one event."""
    event = Event()
    event.add("uid", f"booking-{booking['id']}@insighta")
    event.add("dtstamp", now)
    event.add("sequence", len(booking["history"]) + (booking["status"] == "cancelled"))
    event.add("dtstart", datetime.fromisoformat(booking["scheduled_start_time"]))
    event.add("dtend", datetime.fromisoformat(booking["scheduled_end_time"]))
    event.add("summary", f"{booking['title']} with {booking['host']['display_name'] or booking['host']['login']}")
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
