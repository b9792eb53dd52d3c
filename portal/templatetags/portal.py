"""What the portal's templates can say: people's names, instants in their time zone, links that know where they are."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.template.loader import get_template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """The inline SVG `icons/<name>.svg`, hidden from screen readers."""
    return SafeString(get_template(f"portal/icons/{name}.svg").render())


@register.simple_tag(takes_context=True)
def nav_link(context: template.Context, path: str, text: str) -> SafeString:
    """A link that marks itself as the current page on `path` and everything below it."""
    here = context["request"].path
    current = mark_safe(' aria-current="page"') if here == path or here.startswith(f"{path}/") else ""
    return format_html('<a href="{}"{}>{}</a>', path, current, text)


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


def day_and_time(instant: datetime, now: datetime) -> str:
    """`Tue 24 Nov, 14:00`; with the year where it is not this one. Both instants are in the reader's zone."""
    year = f" {instant.year}" if instant.year != now.year else ""
    return f"{instant:%a} {instant.day} {instant:%b}{year}, {instant:%H:%M}"
