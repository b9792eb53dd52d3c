from collections.abc import Mapping, Sequence
from typing import Any, Self

from django import forms

from portal.forms import ApiForm, ClockField, day_field, text_input
from portal.wording import offered_terms

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SOMETHING_ELSE = ("", "Something else")

# So many booked sessions are named after a change of hours.
MOST_LEFT = 5


def told(change: Mapping[str, Any]) -> dict[str, Any]:
    """What a page says once of a change of rules: what it opened and closed, and what became of what is booked."""
    counts = {name: change.get(name, 0) for name in ("opened", "closed", "left_count", "booked_slots", "people_told")}
    left = [{name: slot[name] for name in ("id", "title", "starts_at")} for slot in change.get("left", [])[:MOST_LEFT]]
    return counts | {"left": left}


class ExceptionForm(ApiForm):
    """One date that differs: a day off, or extra hours."""

    field_order = ("kind", "date", "start_time", "end_time", "offering_id", "title")
    kind = forms.ChoiceField(
        label="What is different", choices=[("day_off", "A day off"), ("extra", "Extra hours")],
        widget=forms.Select(attrs={"class": "select input-short"}),
    )  # fmt: skip
    date = day_field()
    start_time = ClockField(label="From", required=False, help_text="For extra hours only.")
    end_time = ClockField(label="To", is_end=True, required=False, help_text="For extra hours only.")
    offering_id = forms.CharField(
        label="What", required=False, widget=forms.Select(choices=[SOMETHING_ELSE], attrs={"class": "select"}),
        help_text="Hours of an offering follow its changes.",
    )  # fmt: skip
    title = forms.CharField(
        label="Title", max_length=200, required=False, widget=text_input(), help_text="For extra hours only."
    )

    def offer(self, offerings: Sequence[Mapping[str, Any]]) -> Self:
        """This form with the host's offerings to choose from; without any it asks only for something else.

        The form that is sent has not been offered anything: the API knows what there is.
        """
        if not offerings and "offering_id" not in self.errors:
            del self.fields["offering_id"]
            return self
        choices = [(one["id"], f"{one['title']} ({offered_terms(one)})") for one in offerings]
        self.fields["offering_id"].widget.choices = [SOMETHING_ELSE, *choices]
        self["title"].help_text = f"{self.fields['title'].help_text} Empty: as the offering says."
        return self

    def clean(self) -> dict[str, Any]:
        """Extra hours need times, and a title or an offering; a day off takes none."""
        data = self.cleaned_data
        if data.get("kind") != "extra":
            return data
        for name, what in (("start_time", "begin"), ("end_time", "end")):
            if data.get(name) is None and name not in self.errors:
                self.add_error(name, f"Enter when the extra hours {what}.")
        named = {"title", "offering_id"}
        if not any(data.get(name) for name in named) and not named & self.errors.keys():
            self.add_error("title", "Enter a title for the extra hours, or choose an offering.")
        return data

    def body(self) -> dict[str, Any]:
        """What the API is sent; what an offering is to say is left out."""
        data = self.cleaned_data
        day = {"kind": data["kind"], "date": data["date"].isoformat()}
        if data["kind"] == "day_off":
            return day
        return {**{name: value for name, value in data.items() if value not in {None, ""}}, **day}
