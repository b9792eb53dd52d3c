from functools import cache
from typing import Any

from django.conf import settings
from django.template.defaultfilters import pluralize
from django.templatetags.static import static
from jinja2 import Environment, Undefined

from portal import links, times, wording

_FILTERS = (
    times.ago,
    times.clock,
    times.day,
    times.day_and_time,
    times.day_name,
    times.days_until,
    times.end_of_span,
    times.hours_before,
    times.is_ahead,
    times.iso_day,
    times.minutes,
    times.place,
    times.short_day,
    times.tenths_until,
    times.weekday_and_time,
    wording.client_name,
    wording.credits,
    wording.credits_back,
    wording.credits_kept,
    wording.entry_title,
    wording.event_title,
    wording.entry_verb,
    wording.initials,
    wording.made_late,
    wording.may_do,
    wording.ordinal,
    wording.person_name,
    wording.reason,
    wording.refusal,
    wording.scope_words,
    wording.signed,
    wording.weekday,
    pluralize,
)


def environment(**options: Any) -> Environment:
    """What the portal's templates may call: `url` and `static`, and the formatting functions as filters."""
    made = Environment(**options | {"undefined": Undefined})  # noqa: S701  # Django's backend turns autoescape on
    # An asset's address stays the same while the process runs.
    made.globals |= {"url": links.url, "static": cache(static), "is_public": settings.PUBLIC_CALENDAR}
    made.globals |= {"support": settings.SUPPORT, "backend_url": settings.BACKEND_URL}
    made.globals["portal_url"] = settings.PORTAL_URL
    made.filters |= {one.__name__: one for one in _FILTERS}
    return made
