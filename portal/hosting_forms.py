"""What a host fills in about one session, or one day."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any, Self, cast
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict

from portal.errors import Problem
from portal.forms import (
    ApiForm,
    ClockField,
    day_field,
    message_field,
    number_input,
    paragraphs_input,
    text_input,
    unix_lines,
)
from portal.visitor import Visitor
from portal.wording import credits


class SlotForm(ApiForm):
    """A one-off session; its time is the host's wall clock."""

    asked = {
        "title": "a title",
        "date": "a date",
        "start_time": "the time at which it starts",
        "minutes": "how many minutes it lasts",
        "capacity": "how many seats it has",
        "message": "your message",
    }
    title = forms.CharField(label="Title", max_length=200, widget=text_input(autocomplete="off"))
    date = day_field()
    start_time = ClockField(label="Starts")
    minutes = forms.IntegerField(
        label="Minutes", min_value=5, max_value=1440, initial=60, widget=number_input(), help_text="How long it lasts."
    )
    capacity = forms.IntegerField(label="Seats", min_value=1, max_value=500, initial=1, widget=number_input())

    def body(self, zone: ZoneInfo) -> dict[str, Any]:
        """What the API is sent: instants with their offset, the length in elapsed time."""
        data = self.cleaned_data
        starts_at = datetime.combine(data["date"], time.fromisoformat(data["start_time"]), tzinfo=zone).astimezone(UTC)
        ends_at = starts_at + timedelta(minutes=data["minutes"])
        times = {"starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}
        return {"title": data["title"], "capacity": data["capacity"], **times}


class EditForm(SlotForm):
    """What a session says, and its time while it has not begun. Only what is different is sent."""

    field_order = ("title", "date", "start_time", "minutes", "place", "link", "description", "capacity", "message")
    place = forms.CharField(label="Place", max_length=200, required=False, widget=text_input(autocomplete="off"))
    link = forms.CharField(
        label="Link", max_length=500, required=False, widget=text_input(autocomplete="off", inputmode="url"),
        help_text="Only those who are booked see it.",
    )  # fmt: skip
    description = forms.CharField(label="Description", max_length=2000, required=False, widget=paragraphs_input())
    message = message_field("Added to the mails about the change.")

    @classmethod
    def about(cls, slot: Mapping[str, Any], zone: ZoneInfo, data: QueryDict | None = None) -> Self:
        """The form of a slot of the API; one that has begun keeps its time."""
        form = cls(data, initial=cls._values(slot, zone))
        if datetime.fromisoformat(slot["starts_at"]) <= datetime.now(UTC):
            for name in ("date", "start_time", "minutes"):
                del form.fields[name]
        return form

    @staticmethod
    def _values(slot: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Any]:
        start, end = (datetime.fromisoformat(slot[name]) for name in ("starts_at", "ends_at"))
        local = start.astimezone(zone)
        shown = {name: slot.get(name) or "" for name in ("title", "place", "link", "description")}
        times = {"date": local.date(), "start_time": f"{local:%H:%M}"}
        return {**shown, **times, "minutes": (end - start) // timedelta(minutes=1), "capacity": slot["capacity"]}

    def body_of_changes(self, slot: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Any]:
        """What the API is sent: a session that begins at odd seconds, or in a repeated hour, is not moved unasked."""
        before = self._values(slot, zone)
        data = {name: unix_lines(value) for name, value in self.cleaned_data.items()}
        changed = {name: value for name, value in data.items() if name in before and value != before[name]}
        body = {name: value for name, value in changed.items() if name not in {"date", "start_time", "minutes"}}
        if changed.keys() & {"date", "start_time"}:
            body |= {name: value for name, value in self.body(zone).items() if name in {"starts_at", "ends_at"}}
        elif "minutes" in changed:
            end = datetime.fromisoformat(slot["starts_at"]) + timedelta(minutes=changed["minutes"])
            body["ends_at"] = end.isoformat()
        return body | {"message": data["message"]}


class DayForm(ApiForm):
    """One date of the host's calendar."""

    asked = {"date": "a date"}
    date = day_field()


class DayOffForm(DayForm):
    """A day off, and what happens to the sessions that are booked on it."""

    asked = {"date": "a date", "booked": "what happens to the booked sessions", "message": "your message"}
    date = day_field(forms.HiddenInput())
    booked = forms.ChoiceField(
        label="What happens to the booked sessions?", choices=[("keep", ""), ("cancel", "")], widget=forms.RadioSelect
    )
    message = message_field("Added to the mails about a cancellation.")

    def say(self, *, people: int, credits_back: int) -> None:
        """Say what the choices mean; without anybody booked nothing is asked."""
        if not people:
            self.fields["booked"].widget = forms.HiddenInput()
            self.initial["booked"] = "keep"
            return
        who = f"{people} person gets" if people == 1 else f"{people} people get"
        told = "is told" if people == 1 else "are told"
        cast(forms.ChoiceField, self.fields["booked"]).choices = [
            ("keep", "Keep them: they take place"),
            ("cancel", f"Cancel them: {who} {credits(credits_back)} back and {told}"),
        ]

    @property
    def is_cancelling(self) -> bool:
        """Whether what is booked is to be cancelled."""
        return bool(self.cleaned_data.get("booked") == "cancel")

    def body(self) -> dict[str, Any]:
        """What the API is sent."""
        day = self.cleaned_data["date"].isoformat()
        if self.is_cancelling:
            return {"date": day, "message": self.cleaned_data["message"]}
        return {"kind": "day_off", "date": day}


class BookInForm(ApiForm):
    """Who is to have a seat."""

    asked = {"login": "a GitHub login"}
    login = forms.CharField(
        label="GitHub login", max_length=100, widget=text_input(autocomplete="off", autocapitalize="none")
    )
    charge = forms.BooleanField(
        label="Charge the price",
        required=False,
        help_text="Only for somebody who has booked a session of yours before. Else it costs them nothing.",
    )

    def take(self, problem: Problem) -> None:
        """What is in the way of a person is said beside their name."""
        if problem.code == "cannot_book_person":
            self.add_error("login", "This person cannot be booked. Check the name, or ask them to book it themselves.")
        else:
            super().take(problem)


class GiveBackForm(ApiForm):
    """How much of what a booking has cost goes back, and why."""

    asked = {"credits": "how many credits go back", "note": "a note"}
    credits = forms.IntegerField(label="Credits", min_value=1, widget=number_input())
    note = forms.CharField(
        label="Note", max_length=200, widget=text_input(autocomplete="off"),
        help_text="Why. They read it in the mail and beside the credits.",
    )  # fmt: skip

    def is_at_most(self, left: int) -> bool:
        """Whether no more is asked for than is `left`; else the form says so."""
        if self.cleaned_data["credits"] <= left:
            return True
        self.add_error("credits", f"Give back {credits(left)} at most: no more of what it cost is left.")
        return False


class MessageForm(ApiForm):
    """The host's own words to those whom a change concerns."""

    asked = {"message": "your message"}
    message = message_field("Added to the mails about it.")

    def tell(self, visitor: Visitor, path: str) -> bool:
        """Whether the API has done it; its messages about the form are in it. Raises any other PortalError."""
        try:
            visitor.send("POST", path, self.cleaned_data)
        except Problem as problem:
            if problem.status != 400:
                raise
            self.take(problem)
            return False
        return True
