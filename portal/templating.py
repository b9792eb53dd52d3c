from collections.abc import MutableMapping
from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.template.backends.utils import csrf_input
from django.template.defaultfilters import pluralize
from django.templatetags.static import static
from django.utils.functional import SimpleLazyObject
from jinja2 import Environment, Undefined, pass_context, pass_environment
from jinja2.runtime import Context
from markupsafe import Markup

from portal import fields, links, times, wording


@pass_environment
def icon(environment: Environment, name: str) -> Markup:
    """The markup of `portal/icons/<name>.svg`."""
    return Markup(environment.get_template(f"portal/icons/{name}.svg").render())  # noqa: S704  # a template of ours


@pass_context
def current(context: Context, path: str) -> Markup:
    """What marks a link of a menu as that of the page, or of the part that the page belongs to."""
    here: str = context["request"].path
    is_current = here == path or here.startswith(f"{path}/")
    return Markup(' aria-current="page"') if is_current else Markup("")


_FILTERS = (
    current,
    icon,
    fields.choices,
    fields.control,
    fields.field,
    fields.hidden,
    static,
    links.url,
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

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`; in an answer of the API the key, without trying an attribute first."""
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return {**self.globals, **d} if d else self.globals


def environment(**options: Any) -> Environment:
    """What the portal's templates may use: the deployment's settings, and the formatting functions as filters.

    A filter of constants is evaluated when its template is compiled: `{{ "bookings"|url }}` costs a page nothing.
    """
    made = _Environment(**options | {"undefined": Undefined})
    made.globals |= {"is_public": settings.PUBLIC_CALENDAR, "support": settings.SUPPORT}
    made.globals |= {"backend_url": settings.BACKEND_URL, "portal_url": settings.PORTAL_URL}
    made.filters |= {one.__name__: one for one in _FILTERS}
    return made


def form_token(request: HttpRequest) -> dict[str, Any]:
    """One token for all forms of an answer, masked anew for each answer: a mask takes sixty random numbers."""
    return {"csrf_input": SimpleLazyObject(partial(csrf_input, request))}
