from collections.abc import Mapping
from typing import Any, Self

from django import forms

from portal.forms import ApiForm, message_field, number_input, paragraphs_input, text_input, unix_lines


class OfferingForm(ApiForm):
    """What a host offers, in the order in which a host thinks: what, where, how long, how many, at what price."""

    asked = {
        "title": "a title",
        "description": "what happens",
        "minutes": "its length in minutes",
        "capacity": "how many seats it has",
        "price_credits": "its price in credits",
        "refund_window_hours": "the hours until which a cancellation gives everything back",
        "public": "who sees it",
    }
    title = forms.CharField(label="Title", max_length=100, widget=text_input(autocomplete="off"))
    description = forms.CharField(
        label="What happens", max_length=2000, required=False, widget=paragraphs_input(),
        help_text="Three sentences: what you do, for whom, what to bring.",
    )  # fmt: skip
    place = forms.CharField(label="Place", max_length=200, required=False, widget=text_input(autocomplete="off"))
    link = forms.CharField(
        label="Link", max_length=500, required=False, widget=text_input(autocomplete="off", inputmode="url"),
        help_text="Begins with https://. Only you and those who are booked see it.",
    )  # fmt: skip
    minutes = forms.IntegerField(
        label="Length in minutes", min_value=5, max_value=1440, initial=60, widget=number_input()
    )
    capacity = forms.IntegerField(
        label="Seats", min_value=1, max_value=500, initial=1, widget=number_input(), help_text="People in one session."
    )
    price_credits = forms.IntegerField(
        label="Price", min_value=0, max_value=100, initial=1, widget=number_input(),
        help_text="Credits for each seat. 0 is free of charge.",
    )  # fmt: skip
    refund_window_hours = forms.IntegerField(
        label="Refund", min_value=0, max_value=720, required=False, widget=number_input(),
        help_text="Hours before the start until which a cancellation gives everything back. Empty: the usual rule.",
    )  # fmt: skip
    public = forms.ChoiceField(
        label="Who sees it", choices=[("", "People who are signed in"), ("yes", "Everybody, signed in or not")],
        required=False, widget=forms.Select(attrs={"class": "select"}),
    )  # fmt: skip

    def body(self) -> dict[str, Any]:
        """What the API is sent."""
        said = {name: unix_lines(value) for name, value in self.cleaned_data.items()}
        return said | {"public": said["public"] == "yes"}


class OfferingChangeForm(OfferingForm):
    """Other values for an offering, and the host's words to those who are booked or wait."""

    asked = OfferingForm.asked | {"message": "your message"}
    message = message_field("Added to the mails to those who are booked or wait.")

    @classmethod
    def about(cls, offering: Mapping[str, Any]) -> Self:
        """The form of an offering of the API."""
        return cls(initial={**offering, "public": "yes" if offering["public"] else ""})
