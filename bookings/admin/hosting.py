"""Who hosts: made and unmade from a person's page, each shown with its effects first."""

from dataclasses import replace
from typing import Any

from django import forms

from bookings.admin.effects import Done, describe_done
from bookings.admin.front_desk import OnPerson
from bookings.policies.counts import count, count_credits
from bookings.services.staff import end_hosting, make_host


class EndHostingForm(forms.Form):
    """What becomes of what is booked."""

    cancel_booked = forms.BooleanField(
        required=False,
        label="Cancel what is booked",
        help_text="Everybody gets back all it cost and is told. Without this nothing is done while anything is booked.",
    )


class MakeHost(OnPerson):
    form_class = forms.Form
    title, button = "Make a host", "Make them a host"
    sentence = "They may offer sessions from then on. Weekly hours that they have from before fill the calendar again."

    def do(self, given: dict[str, Any], **how: Any) -> Done:
        done = make_host(person=str(self.pk), **how)
        opened = [("Calendar", [f"{count(done.opened, 'session')} opened"])]
        return Done(f"{self.about} is a host.", opened, done.seen, self.home)


class EndHosting(OnPerson):
    form_class = EndHostingForm
    title, button = "Host no more", "End their hosting"
    sentence = "Their sessions that nobody has booked close, and nothing new opens. They can be made a host again."

    def do(self, given: dict[str, Any], **how: Any) -> Done:
        done = end_hosting(person=str(self.pk), **given, **how)
        back = f"{count_credits(done.credits_refunded)} back to {count(done.bookings_cancelled, 'booking')}"
        cancelled = len(done.effects.seats)
        calendar = [f"{count(done.closed, 'free session')} closed", f"{count(cancelled, 'booked session')} cancelled"]
        shown = describe_done(
            f"{self.about} is no host any more; {back}.", done.effects, credits=back, address=self.home
        )
        return replace(shown, lines=[("Calendar", calendar), *shown.lines])
