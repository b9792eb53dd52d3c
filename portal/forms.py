"""What people type into the portal. The backend decides what is valid; these forms keep what was typed."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from html import escape
from importlib.resources import files
from typing import Any, Self
from zoneinfo import ZoneInfo

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import QueryDict
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from portal.errors import Problem

TOKEN_SCOPES = {
    "bookings:read": "See sessions, bookings and credits",
    "bookings:write": "Book, move and cancel; for hosts also open and cancel sessions",
    "account:read": "See the account and its sessions",
    "account:write": "Change the account, its sessions and its tokens",
}
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)
DAY_HINT = "Choose a date from 2000 to 2199."
TOKEN_LIVES = {30: "30 days", 90: "90 days", 365: "One year", 0: "No end"}


def written(attributes: Mapping[str, Any]) -> SafeString:
    """HTML attributes, escaped; True stands alone, False and None are left out. Django's takes five times as long."""
    given = ((name, value) for name, value in attributes.items() if value is not None and value is not False)
    texts = (f" {name}" if value is True else f' {name}="{escape(str(value))}"' for name, value in given)
    return SafeString("".join(texts))


class Written(forms.Widget):
    """An `<input>` written straight out: Django would render two templates for each, slower than the page around it."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """The field with `value` in it."""
        widget = self.get_context(name, value, attrs)["widget"]
        own = {key: widget[key] for key in ("type", "name", "value")}
        return SafeString(f"<input{written(own | widget['attrs'])}>")


class TextInput(Written, forms.TextInput):
    """A line of text."""


class NumberInput(Written, forms.NumberInput):
    """A whole number."""


class DateInput(Written, forms.DateInput):
    """A day, which browsers offer a calendar for."""


class TimeInput(Written, forms.TimeInput):
    """A time of the day."""


class CheckboxInput(Written, forms.CheckboxInput):
    """Yes or no."""


class Select(forms.Select):
    """One of a few, written straight out like the inputs."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """The field with `value` chosen."""
        found = [one for _, group, _ in self.optgroups(name, self.format_value(value)) for one in group]
        rows = ((one["value"], written(one["attrs"]), one["label"]) for one in found)
        options = format_html_join("", '<option value="{}"{}>{}</option>', rows)
        return format_html("<select{}>{}</select>", written({**self.attrs, **(attrs or {}), "name": name}), options)


class ZoneSelect(forms.Select):
    """The IANA zones that people live in, by region: four hundred options, which are not made anew for each page."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """The field with `value` chosen; a zone that is not in the list is added in front."""
        attributes = written({**self.attrs, **(attrs or {}), "name": name})
        return format_html("<select{}>{}</select>", attributes, _zone_options_with(str(value or "UTC")))


@lru_cache(maxsize=32)
def _zone_options_with(zone: str) -> SafeString:
    options, chosen = _zone_options(), format_html('value="{}"', zone)
    if chosen in options:
        return SafeString(options.replace(chosen, f"{chosen} selected", 1))
    return format_html("<option {} selected>{}</option>{}", chosen, zone, options)


@cache
def _zone_options() -> SafeString:
    groups: dict[str, list[tuple[str, str]]] = {}
    for zone in _inhabited_zones():
        region, _, town = zone.partition("/")
        groups.setdefault(region, []).append((zone, town.replace("_", " ").replace("/", ", ")))
    # HTML lets an option end where the next begins.
    rendered = [
        format_html('<optgroup label="{}">{}</optgroup>', region, format_html_join("", '<option value="{}">{}', towns))
        for region, towns in groups.items()
    ]
    return SafeString('<option value="UTC">UTC' + "".join(rendered))


def _inhabited_zones() -> list[str]:
    """One name for each place that has people, without the old names that IANA keeps for programs."""
    lines = files("tzdata").joinpath("zoneinfo/zone.tab").read_text().splitlines()
    return sorted(line.split("\t")[2] for line in lines if not line.startswith("#"))


def _text(**attributes: str) -> TextInput:
    return TextInput(attrs={"class": "input", **attributes})


def _number() -> NumberInput:
    return NumberInput(attrs={"class": "input input-short", "inputmode": "numeric"})


def _clock() -> TimeInput:
    return TimeInput(attrs={"class": "input input-short", "type": "time"}, format="%H:%M")


def _day() -> forms.DateField:
    """A date that the backend takes. At the calendar's ends an instant of another zone does not exist."""
    bounds = [MinValueValidator(FIRST_DAY, DAY_HINT), MaxValueValidator(LAST_DAY, DAY_HINT)]
    widget = DateInput(attrs={"class": "input input-short", "type": "date"})
    return forms.DateField(label="Date", widget=widget, validators=bounds)


class ApiForm(forms.Form):
    """A form whose last word is the backend's."""

    def take(self, problem: Problem) -> None:
        """Put the API's messages beside their fields, what fits none of them above the form."""
        for name, messages in problem.errors.items():
            self.add_error(name if name in self.fields else None, [str(message) for message in messages])
        if not problem.errors:
            self.add_error(None, problem.detail or "That did not work. Please check what you entered.")

    def note(self) -> dict[str, Any]:
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
        for name, messages in note["wrong"].items():
            form.add_error(name if name in form.fields else None, messages)
        return form


class SettingsForm(ApiForm):
    """The person's own choices."""

    display_name = forms.CharField(
        label="Name", max_length=100, required=False, widget=_text(autocomplete="name"),
        help_text="Hosts and other people see it; at most 100 characters. Empty: you are shown by your GitHub login.",
    )  # fmt: skip
    time_zone = forms.CharField(
        label="Time zone", max_length=64, widget=ZoneSelect(attrs={"class": "select"}),
        help_text="Every time on these pages is shown in it.",
    )  # fmt: skip
    email_notifications = forms.BooleanField(
        label="Send me emails",
        required=False,
        widget=CheckboxInput,
        help_text="Reminders, waitlist news and cancellations by hosts.",
    )


class TokenForm(ApiForm):
    """A new personal access token."""

    name = forms.CharField(
        label="Name",
        max_length=100,
        widget=_text(autocomplete="off"),
        help_text="What will use it, for example “backup job”.",
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do", choices=list(TOKEN_SCOPES.items()), widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one thing that the token may do."},
    )  # fmt: skip
    days = forms.TypedChoiceField(
        label="How long it works", choices=list(TOKEN_LIVES.items()), coerce=int, initial=90,
        widget=Select(attrs={"class": "select input-short"}),
    )  # fmt: skip

    def body(self) -> dict[str, Any]:
        """What the API is sent."""
        ends = {"expires_in_days": self.cleaned_data["days"]} if self.cleaned_data["days"] else {}
        return {"name": self.cleaned_data["name"], "scopes": self.cleaned_data["scopes"], **ends}


_CODE_LOOK = {
    "class": "input input-code",
    "autocomplete": "off",
    "autocapitalize": "characters",
    "spellcheck": "false",
}


class DeviceForm(ApiForm):
    """The code that a device shows."""

    user_code = forms.RegexField(
        r"^[A-Za-z]{4}[\s-]?[A-Za-z]{4}$", label="Code", strip=True,
widget=TextInput(attrs=_CODE_LOOK),
        help_text="Eight letters, shown by the device: for example BCDF-GHJK.",
        error_messages={"invalid": "A code has eight letters, like BCDF-GHJK. Look at the device again."},
    )  # fmt: skip

    def clean_user_code(self) -> str:
        """The code as the API writes it: `XXXX-XXXX`."""
        letters = "".join(letter for letter in self.cleaned_data["user_code"].upper() if letter.isalpha())
        return f"{letters[:4]}-{letters[4:]}"


class SlotForm(ApiForm):
    """A one-off session; its time is the host's wall clock."""

    title = forms.CharField(label="Title", max_length=200, widget=_text(autocomplete="off"))
    date = _day()
    start_time = forms.TimeField(label="Starts", widget=_clock())
    minutes = forms.IntegerField(
        label="Minutes", min_value=5, max_value=1440, initial=60, widget=_number(), help_text="How long it lasts."
    )
    capacity = forms.IntegerField(label="Seats", min_value=1, max_value=500, initial=1, widget=_number())

    def body(self, zone: ZoneInfo) -> dict[str, Any]:
        """What the API is sent: instants with their offset, the length in elapsed time."""
        data = self.cleaned_data
        starts_at = datetime.combine(data["date"], data["start_time"], tzinfo=zone).astimezone(UTC)
        ends_at = starts_at + timedelta(minutes=data["minutes"])
        times = {"starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}
        return {"title": data["title"], "capacity": data["capacity"], **times}


class HoursForm(ApiForm):
    """Hours that come back every week, in the host's time zone."""

    weekday = forms.TypedChoiceField(
        label="Day", choices=list(enumerate(WEEKDAYS, start=1)), coerce=int,
        widget=Select(attrs={"class": "select input-short"}),
    )  # fmt: skip
    start_time = forms.TimeField(label="From", widget=_clock())
    end_time = forms.TimeField(label="To", widget=_clock())
    title = forms.CharField(label="Title", max_length=200, widget=_text(autocomplete="off"))
    slot_minutes = forms.IntegerField(label="Minutes each", min_value=5, max_value=1440, initial=60, widget=_number())
    buffer_minutes = forms.IntegerField(
        label="Minutes between", min_value=0, max_value=1440, initial=0, widget=_number()
    )
    capacity = forms.IntegerField(label="Seats", min_value=1, max_value=500, initial=1, widget=_number())

    def body(self) -> dict[str, Any]:
        """What the API is sent."""
        times = {name: f"{self.cleaned_data[name]:%H:%M}" for name in ("start_time", "end_time")}
        return {"kind": "weekly", **self.cleaned_data, **times}


class ExceptionForm(ApiForm):
    """One date that differs: a day off, or extra hours."""

    kind = forms.ChoiceField(
        label="What is different", choices=[("day_off", "A day off"), ("extra", "Extra hours")],
        widget=Select(attrs={"class": "select input-short"}),
    )  # fmt: skip
    date = _day()
    start_time = forms.TimeField(label="From", required=False, widget=_clock(), help_text="For extra hours only.")
    end_time = forms.TimeField(label="To", required=False, widget=_clock(), help_text="For extra hours only.")
    title = forms.CharField(
        label="Title", max_length=200, required=False, widget=_text(), help_text="For extra hours only."
    )

    def clean(self) -> dict[str, Any]:
        """Extra hours need all three; a day off takes none."""
        data = self.cleaned_data
        for name in ("start_time", "end_time", "title"):
            if data.get("kind") == "extra" and not data.get(name) and name not in self.errors:
                self.add_error(name, "Extra hours need this.")
        return data

    def body(self) -> dict[str, Any]:
        """What the API is sent."""
        data = self.cleaned_data
        body = {"kind": data["kind"], "date": data["date"].isoformat()}
        if data["kind"] == "day_off":
            return body
        return body | {"title": data["title"]} | {n: f"{data[n]:%H:%M}" for n in ("start_time", "end_time")}


class DayForm(forms.Form):
    """One date of the host's calendar."""

    date = _day()
