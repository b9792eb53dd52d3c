from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Any, ClassVar, Self
from urllib.parse import quote
from uuid import uuid4

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import HttpRequest, QueryDict
from django.template.loader import get_template
from django.utils.html import format_html
from django.utils.safestring import mark_safe

from portal.errors import Problem
from portal.links import read_uuid
from portal.times import read_clock
from portal.visitor import Visitor

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)
DAY_HINT = "Choose a date from 2000 to 2199."


class TimeZoneSelect(forms.Widget):
    """The IANA zones that people live in, by region; a choice for each of the 400 would take longer than a page."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """What the template shows; the value is the markup of the options."""
        chosen = str(value or "UTC")
        if chosen in ("UTC", *zones()):
            options = _zone_options().replace(f'"{chosen}">', f'"{chosen}" selected>')
        else:
            options = format_html('<option value="{0}" selected>{0}</option>', chosen) + _zone_options()
        shown = {"type": "zones", "name": name, "attrs": self.build_attrs(self.attrs, attrs)}
        return {"widget": shown | {"value": mark_safe(options)}}  # noqa: S308  # of names that were looked up, or are escaped


@cache
def zones() -> list[str]:
    """One name for each place that has people, without the old names that IANA keeps for programs."""
    lines = files("tzdata").joinpath("zoneinfo/zone.tab").read_text().splitlines()
    return sorted(line.split("\t")[2] for line in lines if not line.startswith("#"))


@cache
def _zone_options() -> str:
    """The markup of the options, none of them chosen: rendering four hundred takes longer than the rest of a page."""
    return get_template("portal/zone_options.html").render({"regions": _zones_by_region()})


def _zones_by_region() -> list[tuple[str, list[tuple[str, str]]]]:
    regions = groupby(zones(), key=lambda zone: zone.partition("/")[0])
    named = [(region, [(zone, _town(zone)) for zone in found]) for region, found in regions]
    return [("", [("UTC", "UTC")]), *named]


def _town(zone: str) -> str:
    return zone.partition("/")[2].replace("_", " ").replace("/", ", ")


def text_input(**attributes: str) -> forms.TextInput:
    return forms.TextInput(attrs={"class": "input", **attributes})


def paragraphs_input() -> forms.Textarea:
    return forms.Textarea(attrs={"class": "input", "rows": 4})


def number_input() -> forms.NumberInput:
    return forms.NumberInput(attrs={"class": "input input-short", "inputmode": "numeric"})


class ClockField(forms.CharField):
    """A time of day, typed as people write it, as `09:00`. A browser's own field would ask for AM and PM by its locale.

    `is_end` allows 24:00.
    """

    default_error_messages = {"invalid": "Enter a time, like 9:00 or 17:30."}

    def __init__(self, *, is_end: bool = False, **options: Any) -> None:
        widget = text_input(inputmode="numeric", autocomplete="off")
        widget.attrs["class"] += " input-clock"
        super().__init__(empty_value=None, widget=widget, **options)
        self.is_end = is_end

    def to_python(self, value: Any) -> str | None:
        typed: str | None = super().to_python(value)
        if typed is None:
            return None
        clock = read_clock(typed, is_end=self.is_end)
        if clock is None:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return clock


def day_field(widget: forms.Widget | None = None) -> forms.DateField:
    """A date that the backend takes. At the calendar's ends an instant of another zone does not exist."""
    bounds = [MinValueValidator(FIRST_DAY, DAY_HINT), MaxValueValidator(LAST_DAY, DAY_HINT)]
    picker = forms.DateInput(attrs={"class": "input input-short", "type": "date"})
    return forms.DateField(label="Date", widget=widget or picker, validators=bounds)


def message_field(help_text: str) -> forms.CharField:
    """The host's own words to those whom a change concerns."""
    return forms.CharField(
        label="Your message", max_length=1000, required=False, widget=paragraphs_input(), help_text=help_text
    )


def form_key(request: HttpRequest) -> str:
    """The key of the form that was sent, which makes a second click harmless; a new one where it has none."""
    return read_uuid(request.POST.get("key")) or str(uuid4())


_LIKE: dict[type[forms.Field], str] = {
    forms.DateField: "a date, like 2026-12-24",
    ClockField: "a time, like 9:00 or 17:30",
}


def wordings(what: str, *, field: forms.Field) -> dict[str, str]:
    """What a field says that is empty or cannot be so: a sentence of its own, because a summary shows it alone."""
    verb = "Choose" if isinstance(field, forms.ChoiceField) else "Enter"
    limits = {
        "min_value": f"Enter {what}: %(limit_value)s or more.",
        "max_value": f"Enter {what}: %(limit_value)s or less.",
    }
    return (limits if isinstance(field, forms.IntegerField) else {}) | {
        "required": f"{verb} {what}.",
        "invalid": f"Enter {what} as {_LIKE.get(type(field), 'a whole number')}.",
        "invalid_choice": f"Choose {what} from the list.",
        "max_length": f"Shorten {what}: %(limit_value)d characters at most, now %(show_value)d.",
    }


class ApiForm(forms.Form):
    """A form that the backend has the last word on; it keeps what was typed.

    The browser checks nothing: what is wrong is said in one place, the summary above the page.
    """

    use_required_attribute = False
    # What a field asks for, as its messages say it, where that is not "the" and its label.
    asked: ClassVar[Mapping[str, str]] = {}
    # Whether the API has refused what was sent because it is there, exactly so.
    is_there = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, field in self.fields.items():
            words = wordings(self.asked.get(name, f"the {str(field.label).lower()}"), field=field)
            defaults = [getattr(kind, "default_error_messages", {}) for kind in type(field).__mro__]
            usual = [said for default in defaults for said in default.values()]
            own = {code: said for code, said in field.error_messages.items() if said not in usual}
            field.error_messages = {**field.error_messages, **words, **own}

    def send(
        self, visitor: Visitor, method: str, path: str, body: Mapping[str, Any], *, idempotency_key: str = ""
    ) -> dict[str, Any] | None:
        """The API's answer; None where it refuses, with its messages in the form. Raises any other PortalError."""
        try:
            return visitor.send(method, path, body, idempotency_key=idempotency_key)
        except Problem as problem:
            if problem.status not in {400, 409}:
                raise
            self.take(problem)
            return None

    def take(self, problem: Problem) -> None:
        """Put the API's messages beside their fields, what fits none of them above the form."""
        self.is_there = problem.is_there
        for name, messages in problem.errors.items():
            self.add_error(name if name in self.fields else None, [str(message) for message in messages])
        if not problem.errors:
            self.add_error(None, problem.detail or "That did not work. Please check what you entered.")

    def as_note(self) -> dict[str, Any]:
        """What was typed and what is wrong with it, for the page that the person is sent back to."""
        typed = QueryDict(mutable=True)
        for name in self.fields:
            typed.setlist(self.add_prefix(name), self.data.getlist(name) if isinstance(self.data, QueryDict) else [])
        wrong = {name: [str(message) for message in messages] for name, messages in self.errors.items()}
        return {"form": type(self).__name__, "typed": typed.urlencode(), "wrong": wrong}

    @classmethod
    def of(cls, note: dict[str, Any], **options: Any) -> Self | None:
        """The form again as `note` has it; None where there is none, or it is another form's."""
        if note.get("form") != cls.__name__:
            return None
        form = cls(QueryDict(note["typed"]), **options)
        form.full_clean()
        form.errors.clear()
        for name, messages in note.get("wrong", {}).items():
            form.add_error(name if name in form.fields else None, messages)
        return form


class ZoneForm(ApiForm):
    """The zone that times are shown in."""

    time_zone = forms.CharField(
        label="Time zone", max_length=64, widget=TimeZoneSelect(attrs={"class": "select"}),
        help_text="Every time on these pages is shown in it.",
    )  # fmt: skip


class SettingsForm(ZoneForm):
    """The person's own choices."""

    field_order = ("display_name", "time_zone")
    asked = {"display_name": "your name", "time_zone": "your time zone"}
    display_name = forms.CharField(
        label="Name", max_length=100, required=False, widget=text_input(autocomplete="name"),
        help_text="Hosts and other people see it; at most 100 characters. Empty: you are shown by your GitHub login.",
    )  # fmt: skip
    email_notifications = forms.BooleanField(
        label="Send me emails",
        required=False,
        help_text="Reminders, waitlist news and cancellations by hosts.",
    )
    email_for_hosts = forms.BooleanField(
        label="Let hosts write to me",
        required=False,
        help_text="Hosts of sessions that you have booked see your email address.",
    )
    hosting_notifications = forms.ChoiceField(
        label="Mails about the sessions you host",
        choices=[("daily", "One a day"), ("each", "One for each change"), ("none", "None")],
        required=False,
        widget=forms.Select(attrs={"class": "select"}),
        help_text="Who has booked, moved or cancelled. They come only while you are sent emails at all.",
    )

    def clean(self) -> dict[str, Any]:
        """What was not asked is not sent: only hosts are asked how they are told."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not data.get("hosting_notifications"):
            data.pop("hosting_notifications", None)
        return data


_CODE_LOOK = {
    "class": "input input-code",
    "autocomplete": "off",
    "autocapitalize": "characters",
    "spellcheck": "false",
}


class DeviceForm(ApiForm):
    """The code that a device shows, as it was typed: the API reads it, with any spaces, dashes and case."""

    # A segment of a path; everything else about a code is the API's to know.
    user_code = forms.RegexField(
        r"^(?!\.+$)[^/]+$", label="Code", max_length=64, widget=forms.TextInput(attrs=_CODE_LOOK),
        help_text="Eight letters, shown by the device: for example BCDF-GHJK.",
        error_messages={"invalid": "A code has eight letters, like BCDF-GHJK. Look at the device again."},
    )  # fmt: skip

    @property
    def segment(self) -> str:
        """The code as a segment of a path."""
        return quote(self.cleaned_data["user_code"], safe="")


def unix_lines(value: Any) -> Any:
    """Browsers end lines of text with CR LF."""
    return value.replace("\r\n", "\n") if isinstance(value, str) else value
