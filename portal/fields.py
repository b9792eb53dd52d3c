"""The markup of a form's fields, by the macros of `portal/fields.html`. Django has several templates for each field."""

from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any

from django.forms import BoundField
from django.forms.widgets import ChoiceWidget
from django.template import engines
from jinja2 import Environment
from markupsafe import Markup, escape

# Stands for the value while what surrounds it is made.
_PLACE = "\ufffc"

_About = tuple[object, object, bool, bool]
_Attributes = tuple[tuple[str, Any], ...]


def field(one: BoundField) -> Markup:
    """A field with its label, what helps, and what is wrong with it."""
    return _render("field", one)


def control(one: BoundField, **attributes: str | bool) -> Markup:
    """The element alone; `attributes` are added to it."""
    return _render("control", one, **attributes)


def choices(one: BoundField) -> Markup:
    """A box or a button for each choice, alone."""
    return _render("choices", one)


def hidden(one: BoundField) -> Markup:
    """The field's value once more, where what was sent is to be confirmed."""
    value = one.value()
    return Markup('<input type="hidden" name="{}" value="{}">').format(one.html_name, "" if value is None else value)


def _render(macro: str, one: BoundField, **attributes: str | bool) -> Markup:
    """The macro of that name. What is the same on every page is made once: it takes as long as the rest of a form."""
    widget, value, errors = one.field.widget, one.value(), one.errors
    about = (one.label, one.help_text, one.field.required, one.use_fieldset)
    attrs = widget.attrs | one.build_widget_attrs(attributes | {"id": one.auto_id})
    if isinstance(widget, ChoiceWidget) and not errors:
        choices, given = tuple(widget.choices), widget.format_value(value)
        # What was typed may be anything, and must not fill the cache.
        chosen = tuple(str(offered) for offered, _ in choices if str(offered) in given)
        return _with_choices(macro, about, type(widget), choices, one.html_name, chosen, tuple(attrs.items()))
    made = widget.get_context(one.html_name, value, attrs)["widget"]
    kind = made.get("type", "")
    if not made.get("value"):
        made["value"] = "on" if kind == "checkbox" else ""
    if errors:
        return _call(macro, made, about, errors)
    before, after = _around(macro, about, kind, one.html_name, tuple(made["attrs"].items()))
    return before + escape(made["value"]) + after


@lru_cache(maxsize=1024)
def _around(macro: str, about: _About, kind: str, name: str, attrs: _Attributes) -> list[Markup]:
    return _call(macro, {"type": kind, "name": name, "attrs": dict(attrs), "value": _PLACE}, about).split(_PLACE)


@lru_cache(maxsize=1024)
def _with_choices(
    macro: str,
    about: _About,
    kind: type[ChoiceWidget],
    choices: tuple[Any, ...],
    name: str,
    chosen: tuple[str, ...],
    attrs: _Attributes,
) -> Markup:
    return _call(macro, kind(choices=choices).get_context(name, chosen, dict(attrs))["widget"], about)


def _call(macro: str, widget: dict[str, Any], about: _About, errors: Iterable[Any] = ()) -> Markup:
    return Markup(_macro(macro)(widget, about, errors))  # noqa: S704  # a template of ours, which escapes


@cache
def _macro(name: str) -> Any:
    environment: Environment = engines["jinja2"].env  # type: ignore[attr-defined]  # this engine has one
    return getattr(environment.get_template("portal/fields.html").module, name)
