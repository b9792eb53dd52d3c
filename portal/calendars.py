"""A booking as a file for a calendar program."""

from datetime import datetime
from typing import Any

from django.conf import settings
from icalendar import Calendar, Event


def event_file(booking: dict[str, Any], now: datetime) -> bytes:
    """RFC 5545. The UID is the one in the person's feed, so that file and feed are one event."""
    event = Event()
    event.add("uid", f"booking-{booking['id']}@insighta")
    event.add("dtstamp", now)
    event.add("sequence", len(booking["history"]) + (booking["status"] == "cancelled"))
    event.add("dtstart", datetime.fromisoformat(booking["scheduled_start_time"]))
    event.add("dtend", datetime.fromisoformat(booking["scheduled_end_time"]))
    event.add("summary", f"{booking['title']} with {booking['host']['display_name'] or booking['host']['login']}")
    event.add("status", "CANCELLED" if booking["status"] == "cancelled" else "CONFIRMED")
    event.add("url", f"{settings.PORTAL_URL}/bookings/{booking['id']}")
    calendar = Calendar()
    for name, value in (("prodid", "-//Insighta//Portal//EN"), ("version", "2.0"), ("method", "PUBLISH")):
        calendar.add(name, value)
    calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content
