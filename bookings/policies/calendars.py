"""iCalendar (RFC 5545) as text. A library writes an event in about a millisecond; a host's year has 35,000."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

PRODUCT = "-//Insighta//Bookings//EN"
LINE_OCTETS = 75
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_ESCAPED = re.compile(r"[\\;,]")


@dataclass(frozen=True)
class Party:
    """Somebody at an address, for ORGANIZER and ATTENDEE."""

    name: str
    email: str


class Event(NamedTuple):
    """`sequence` and `changed_at` rise with every change of what the event shows. What is empty is left out."""

    uid: str
    sequence: int
    changed_at: datetime
    starts_at: datetime
    ends_at: datetime
    summary: str
    is_cancelled: bool
    url: str
    location: str = ""
    description: str = ""


def write_feed(events: Iterable[Event], *, refresh_every: timedelta) -> bytes:
    """A calendar to subscribe to. Without METHOD, DTSTAMP is the last change (section 3.8.7.2), so that the same
    events are the same bytes."""
    refresh = f"PT{int(refresh_every.total_seconds() // 60)}M"
    head = ["X-WR-CALNAME:Insighta", f"REFRESH-INTERVAL;VALUE=DURATION:{refresh}", f"X-PUBLISHED-TTL:{refresh}"]
    return _calendar(head, [_event(event, stamp=event.changed_at) for event in events])


def write_message(event: Event, *, organizer: Party, attendee: Party, now: datetime) -> tuple[str, bytes]:
    """What a mail tells a calendar program (RFC 5546): its method, `REQUEST` or `CANCEL`, and the calendar."""
    method = "CANCEL" if event.is_cancelled else "REQUEST"
    answered = "" if event.is_cancelled else ";ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=FALSE"
    parties = [
        _organizer(organizer),
        f'ATTENDEE;CN="{_parameter(attendee.name)}"{answered}:mailto:{attendee.email}',
    ]
    return method, _calendar([f"METHOD:{method}"], [_event(event, stamp=now, parties=parties)])


def write_publication(events: Iterable[Event], *, organizer: Party, now: datetime) -> tuple[str, bytes]:
    """As `write_message`, of several events: a REQUEST is about one (RFC 5546 sections 3.2.1 and 3.2.2)."""
    parties = [_organizer(organizer)]
    return "PUBLISH", _calendar(["METHOD:PUBLISH"], [_event(event, stamp=now, parties=parties) for event in events])


def _organizer(organizer: Party) -> str:
    return f'ORGANIZER;CN="{_parameter(organizer.name)}":mailto:{organizer.email}'


def _calendar(head: list[str], events: list[str]) -> bytes:
    lines = ["BEGIN:VCALENDAR", f"PRODID:{PRODUCT}", "VERSION:2.0", *head, *events, "END:VCALENDAR", ""]
    return "\r\n".join(lines).encode()


def _event(event: Event, *, stamp: datetime, parties: Iterable[str] = ()) -> str:
    """Only the lines that may be long are folded."""
    more = "".join([f"\r\n{_fold(party)}" for party in parties])
    if event.location:
        more += f"\r\n{_fold(f'LOCATION:{_text(event.location)}')}"
    if event.description:
        more += f"\r\n{_fold_again(f'DESCRIPTION:{_text(event.description)}')}"
    return (
        f"BEGIN:VEVENT\r\nUID:{event.uid}\r\nDTSTAMP:{_instant(stamp)}\r\nLAST-MODIFIED:{_instant(event.changed_at)}\r\n"
        f"SEQUENCE:{event.sequence}\r\nDTSTART:{_instant(event.starts_at)}\r\nDTEND:{_instant(event.ends_at)}\r\n"
        f"{_fold(f'SUMMARY:{_text(event.summary)}')}\r\nSTATUS:{'CANCELLED' if event.is_cancelled else 'CONFIRMED'}\r\n"
        f"{_fold(f'URL:{_uri(event.url)}')}{more}\r\nEND:VEVENT"
    )


def _instant(instant: datetime) -> str:
    """In UTC, to the second: no time in a calendar of ours happens twice."""
    written = instant.astimezone(UTC).isoformat(timespec="seconds")
    return f"{written.replace('-', '').replace(':', '')[:15]}Z"


def _text(value: str) -> str:
    """TEXT of section 3.3.11."""
    escaped = _ESCAPED.sub(r"\\\g<0>", value.replace("\r\n", "\n"))
    return _CONTROLS.sub("", escaped.replace("\n", "\\n"))


def _uri(value: str) -> str:
    """A URI of section 3.3.13, which has no escapes and no spaces."""
    return _CONTROLS.sub("", "".join(value.split()))


def _parameter(value: str) -> str:
    """The inside of a quoted parameter, which has no escapes (section 3.2)."""
    return _CONTROLS.sub("", value.replace("\n", " ").replace('"', "'"))


def _fold(line: str) -> str:
    """Lines of at most 75 octets (section 3.1); no character is split."""
    if line.isascii():
        rest = [line[at : at + LINE_OCTETS - 1] for at in range(LINE_OCTETS, len(line), LINE_OCTETS - 1)]
        return "\r\n ".join([line[:LINE_OCTETS], *rest])
    folded, room = "", LINE_OCTETS
    for character in line:
        size = len(character.encode())
        if size > room:
            folded, room = f"{folded}\r\n ", LINE_OCTETS - 1
        folded, room = folded + character, room - size
    return folded


# A host says the same of many sessions.
_fold_again = lru_cache(maxsize=32)(_fold)
