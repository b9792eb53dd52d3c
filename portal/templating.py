from collections.abc import MutableMapping
from functools import cache, partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.template.backends.utils import csrf_input
from django.template.defaultfilters import pluralize
from django.templatetags.static import static
from django.utils.functional import SimpleLazyObject
from jinja2 import Environment, Undefined
from markupsafe import Markup

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
    times.place_time,
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


class _Environment(Environment):
    """All templates share one dict of globals. Jinja2 gives each a chain of two, and each include copies it slowly."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return {**self.globals, **d} if d else self.globals


def environment(**options: Any) -> Environment:
    """What the portal's templates may call: `url` and `static`, and the formatting functions as filters."""
    made = _Environment(**options | {"undefined": Undefined})
    # An asset's address stays the same while the process runs.
    made.globals |= {"url": links.url, "static": cache(static), "is_public": settings.PUBLIC_CALENDAR}
    made.globals |= {"support": settings.SUPPORT, "backend_url": settings.BACKEND_URL}
    made.globals |= {"portal_url": settings.PORTAL_URL, "icon": cache(partial(_icon, made))}
    made.filters |= {one.__name__: one for one in _FILTERS}
    return made


def _icon(environment: Environment, name: str) -> Markup:
    """The markup of `portal/icons/<name>.svg`, which is the same on every page."""
    return Markup(environment.get_template(f"portal/icons/{name}.svg").render())  # noqa: S704  # a template of ours


def form_token(request: HttpRequest) -> dict[str, Any]:
    """One token for all forms of an answer, masked anew for each answer: a mask takes sixty random numbers."""
    return {"csrf_input": SimpleLazyObject(partial(csrf_input, request))}
