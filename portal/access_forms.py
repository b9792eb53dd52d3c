"""What a program or a job may be let in with: personal access tokens and trusted publishers."""

from datetime import datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from django import forms

from portal.forms import ApiForm, text_input
from portal.times import day
from portal.wording import SCOPES

PLAIN = {"autocomplete": "off", "spellcheck": "false"}
SCOPE_CHOICES = [(scope, f"{words} ({scope})") for scope, words in SCOPES.items()]
TOKEN_LIVES = {30: "30 days", 90: "90 days", 365: "One year"}


class TokenForm(ApiForm):
    """A new personal access token."""

    asked = {"name": "a name for this token", "days": "how long it works"}
    name = forms.CharField(
        label="Name",
        max_length=100,
        widget=text_input(**PLAIN),
        help_text="What will use it, for example “backup job”.",
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do", choices=SCOPE_CHOICES, widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one thing that the token may do."},
    )  # fmt: skip
    days = forms.TypedChoiceField(
        label="How long it works", choices=list(TOKEN_LIVES.items()), coerce=int, initial=90,
        widget=forms.Select(attrs={"class": "select"}),
    )  # fmt: skip

    def name_ends(self, zone: ZoneInfo, now: datetime) -> None:
        """Say beside each choice on which day the token would end."""
        ends = {days: (now + timedelta(days=days)).astimezone(zone).isoformat() for days in TOKEN_LIVES}
        choices = [(days, f"{life}, until {day(ends[days])}") for days, life in TOKEN_LIVES.items()]
        cast(forms.TypedChoiceField, self.fields["days"]).choices = choices

    def body(self) -> dict[str, Any]:
        """What the API is sent."""
        data = self.cleaned_data
        return {"name": data["name"], "scopes": data["scopes"], "expires_in_days": data["days"]}


class PublisherForm(ApiForm):
    """A new trusted publisher: a CI job that may act as the person without a secret."""

    repository = forms.CharField(
        label="Repository", max_length=140, widget=text_input(**PLAIN),
        help_text="On GitHub, as OWNER/NAME.",
    )  # fmt: skip
    workflow = forms.CharField(
        label="Workflow file", max_length=100, widget=text_input(**PLAIN),
        help_text="In .github/workflows, for example nightly.yml.",
    )  # fmt: skip
    environment = forms.CharField(
        label="Environment", max_length=255, required=False, widget=text_input(**PLAIN),
        help_text="Only its jobs. Recommended: without it and without a ref, everybody who may push acts as you.",
    )  # fmt: skip
    ref = forms.CharField(
        label="Branch or tag", max_length=255, required=False, widget=text_input(**PLAIN),
        help_text="Only its jobs, for example refs/heads/main.",
    )  # fmt: skip
    scopes = forms.MultipleChoiceField(
        label="What its jobs may do", widget=forms.CheckboxSelectMultiple,
        choices=[one for one in SCOPE_CHOICES if one[0] != "account:write"],
        error_messages={"required": "Choose at least one thing that its jobs may do."},
    )  # fmt: skip
