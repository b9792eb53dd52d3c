from collections.abc import Mapping, Sequence
from typing import Any, Self

from django import forms

from portal.forms import ApiForm, clock_input, day_field, number_input, text_input
from portal.wording import offered_terms

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SOMETHING_ELSE = ("", "Something else")
# What an offering says unless the form does.
_OF_OFFERING = {
    "title": "Empty: as the offering says.",
    "slot_minutes": "Empty: as the offering says, or 60.",
    "capacity": "Empty: as the offering says, or 1.",
}


class RuleForm(ApiForm):
    """Hours of one of the host's offerings, or of something else."""

    offering_id = forms.CharField(
        label="What", required=False, widget=forms.Select(choices=[SOMETHING_ELSE], attrs={"class": "select"}),
        help_text="Hours of an offering follow its changes.",
    )  # fmt: skip

    def offer(self, offerings: Sequence[Mapping[str, Any]]) -> Self:
        """This form with the host's offerings to choose from; without any it asks only for something else.

        The form that is sent has not been offered anything: the API knows what there is.
        """
        if not offerings and "offering_id" not in self.errors:
            del self.fields["offering_id"]
            return self
        choices = [(one["id"], f"{one['title']} ({offered_terms(one)})") for one in offerings]
        self.fields["offering_id"].widget.choices = [SOMETHING_ELSE, *choices]
        for name in _OF_OFFERING.keys() & self.fields.keys():
            self.fields[name].initial = None
            self[name].help_text = f"{self.fields[name].help_text} {_OF_OFFERING[name]}".strip()
        return self

    def check_title(self, problem: str) -> None:
        """Something else has a title of its own."""
        data = self.cleaned_data
        if not data.get("offering_id") and not data.get("title") and not {"title", "offering_id"} & self.errors.keys():
            self.add_error("title", problem)

    def body(self) -> dict[str, Any]:
        """What the API is sent; what an offering is to say is left out."""
        data = {name: value for name, value in self.cleaned_data.items() if value not in {None, ""}}
        return {**data, **{name: f"{data[name]:%H:%M}" for name in ("start_time", "end_time") if name in data}}


class HoursForm(RuleForm):
    """Hours that come back every week, in the host's time zone."""

    field_order = ("weekday", "start_time", "end_time", "offering_id")

    weekday = forms.TypedChoiceField(
        label="Day", choices=list(enumerate(WEEKDAYS, start=1)), coerce=int,
        widget=forms.Select(attrs={"class": "select input-short"}),
    )  # fmt: skip
    start_time = forms.TimeField(label="From", widget=clock_input())
    end_time = forms.TimeField(label="To", widget=clock_input())
    title = forms.CharField(label="Title", max_length=200, required=False, widget=text_input(autocomplete="off"))
    slot_minutes = forms.IntegerField(
        label="Minutes each", min_value=5, max_value=1440, initial=60, required=False, widget=number_input()
    )
    capacity = forms.IntegerField(
        label="Seats", min_value=1, max_value=500, initial=1, required=False, widget=number_input()
    )
    buffer_minutes = forms.IntegerField(
        label="Minutes between", min_value=0, max_value=1440, initial=0, widget=number_input()
    )

    def clean(self) -> dict[str, Any]:
        """Something else needs a title."""
        self.check_title("Hours need a title or an offering.")
        return self.cleaned_data

    def body(self) -> dict[str, Any]:
        """What the API is sent."""
        return {"kind": "weekly", **super().body()}


class ExceptionForm(RuleForm):
    """One date that differs: a day off, or extra hours."""

    field_order = ("kind", "date", "start_time", "end_time", "offering_id", "title")
    kind = forms.ChoiceField(
        label="What is different", choices=[("day_off", "A day off"), ("extra", "Extra hours")],
        widget=forms.Select(attrs={"class": "select input-short"}),
    )  # fmt: skip
    date = day_field()
    start_time = forms.TimeField(label="From", required=False, widget=clock_input(), help_text="For extra hours only.")
    end_time = forms.TimeField(label="To", required=False, widget=clock_input(), help_text="For extra hours only.")
    title = forms.CharField(
        label="Title", max_length=200, required=False, widget=text_input(), help_text="For extra hours only."
    )

    def clean(self) -> dict[str, Any]:
        """Extra hours need times, and a title or an offering; a day off takes none."""
        data = self.cleaned_data
        if data.get("kind") != "extra":
            return data
        for name in ("start_time", "end_time"):
            if not data.get(name) and name not in self.errors:
                self.add_error(name, "Extra hours need this.")
        self.check_title("Extra hours need this.")
        return data

    def body(self) -> dict[str, Any]:
        """What the API is sent."""
        data = self.cleaned_data
        day = {"kind": data["kind"], "date": data["date"].isoformat()}
        return day if data["kind"] == "day_off" else super().body() | day
