"""A strict reader of iCalendar, written from the grammar of RFC 5545 without looking at the product or a library."""

import re
from dataclasses import dataclass, field

_NAME = r"[A-Za-z0-9-]+"
_VALUE = r'"[^"\x00-\x08\x0a-\x1f\x7f]*"|[^";:,\x00-\x08\x0a-\x1f\x7f]*'
_LINE = re.compile(rf"({_NAME})((?:;{_NAME}=(?:{_VALUE})(?:,(?:{_VALUE}))*)*):([^\x00-\x08\x0a-\x1f\x7f]*)")
_PARAMETER = re.compile(rf";({_NAME})=({_VALUE})")
_TEXT = re.compile(r"(?:[^\\;,]|\\[\\;,nN])*")
_INSTANT = re.compile(r"\d{8}T\d{6}Z")
ONCE = {"UID", "DTSTAMP", "SEQUENCE", "DTSTART", "DTEND", "SUMMARY", "STATUS", "URL", "LAST-MODIFIED", "ORGANIZER"}


@dataclass
class Component:
    name: str
    properties: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    parts: list["Component"] = field(default_factory=list)

    def __getitem__(self, name: str) -> str:
        (value,) = [value for found, _, value in self.properties if found == name]
        return value

    def parameters(self, name: str) -> dict[str, str]:
        (parameters,) = [parameters for found, parameters, _ in self.properties if found == name]
        return parameters


def read(content: bytes) -> Component:
    """The one calendar of `content`. AssertionError where a line or the nesting is not as the grammar has it."""
    assert content.endswith(b"\r\n")
    physical = content.removesuffix(b"\r\n").split(b"\r\n")
    assert all(len(line) <= 75 and line for line in physical), "section 3.1"
    lines = content.replace(b"\r\n ", b"").decode().removesuffix("\r\n").split("\r\n")
    open_ones = [Component("")]
    for line in lines:
        match = _LINE.fullmatch(line)
        assert match, line
        name, value = match[1].upper(), match[3]
        if name == "BEGIN":
            open_ones.append(Component(value))
        elif name == "END":
            done = open_ones.pop()
            assert done.name == value
            open_ones[-1].parts.append(done)
        else:
            parameters = {key.upper(): text.strip('"') for key, text in _PARAMETER.findall(match[2])}
            open_ones[-1].properties.append((name, parameters, value))
    (root,) = open_ones
    (calendar,) = root.parts
    _check(calendar)
    return calendar


def _check(calendar: Component) -> None:
    assert calendar.name == "VCALENDAR"
    assert calendar["VERSION"] == "2.0"
    assert calendar["PRODID"]
    for event in calendar.parts:
        names = [name for name, _, _ in event.properties]
        assert event.name == "VEVENT"
        assert {"UID", "DTSTAMP"} <= set(names)
        assert not [name for name in ONCE if names.count(name) > 1]
        assert all(_INSTANT.fullmatch(event[name]) for name in ("DTSTAMP", "DTSTART", "DTEND", "LAST-MODIFIED"))
        assert event["DTSTART"] < event["DTEND"]
        assert event["SEQUENCE"].isdecimal()
        assert _TEXT.fullmatch(event["SUMMARY"])
        assert event["STATUS"] in {"CONFIRMED", "CANCELLED"}
