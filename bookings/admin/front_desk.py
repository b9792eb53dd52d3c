"""What the staff do for a person: asked for, shown with its effects, and done where it was confirmed as shown."""

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import cached_property
from django.views import View

from accounts.admin import ReadOnlyAdmin, actor_of
from accounts.errors import AccountsError
from bookings.admin.effects import Done, describe_booking_done, describe_done
from bookings.errors import BookingsError, NotFound, PreviewChanged
from bookings.policies.counts import count, count_credits
from bookings.services import front_desk
from bookings.services.browsing import get_slot
from bookings.services.credits import MOST_CREDITS
from bookings.services.giving_back import NOTE_LENGTH
from bookings.services.timeline import get_booking_story


class Operation(View):
    """One operation on one row or person: a form, then what it would do, then the operation with what was `seen`."""

    page: ReadOnlyAdmin = None  # type: ignore[assignment]  # `as_view` is given it
    form_class: ClassVar[type[forms.Form]]
    title = sentence = button = ""
    words: ClassVar[tuple[str, ...]] = ("message", "note")
    """Fields whose text is shown once more before it is sent."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not self.is_allowed():
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def is_allowed(self) -> bool:
        """Whether the actor may do it, and to this person. Raises Http404."""
        return self.page.may_decide_about(self.request, user_id=self.person_id)

    @property
    def pk(self) -> UUID:
        return UUID(str(self.kwargs["pk"]))

    @property
    def person_id(self) -> UUID:
        """Whom it is done to. Raises Http404."""
        raise NotImplementedError

    @property
    def choices(self) -> list[tuple[str, str]] | None:
        """The sessions to choose from, where it is about one."""
        return None

    @property
    def about(self) -> str:
        """What it is done to, in words; `home` is its page. Raises Http404."""
        raise NotImplementedError

    @property
    def home(self) -> str:
        raise NotImplementedError

    def do(self, given: dict[str, Any], **how: Any) -> Done:
        """Raises BookingsError, AccountsError."""
        raise NotImplementedError

    def make_form(self, data: Mapping[str, Any] | None) -> forms.Form:
        return self.form_class(data)

    def get(self, request: HttpRequest, **_: UUID) -> HttpResponse:
        return self._show(self.make_form(None))

    def post(self, request: HttpRequest, **_: UUID) -> HttpResponse:
        form, step = self.make_form(request.POST), request.POST.get("step")
        if not form.is_valid() or step == "change":
            return self._show(form)
        try:
            if step == "confirm" and (done := self._confirm(request, form)):
                messages.success(request, done.sentence)
                return redirect(done.address)
            done = self._act(form, is_preview=True)
        except (AccountsError, BookingsError) as error:
            form.add_error(None, str(error))
            return self._show(form)
        return self._show(form, done=done, is_changed=step == "confirm")

    def _confirm(self, request: HttpRequest, form: forms.Form) -> Done | None:
        """None where it is not what was seen any more."""
        try:
            return self._act(form, seen=request.POST.get("seen", ""))
        except PreviewChanged:
            return None

    def _act(self, form: forms.Form, **how: Any) -> Done:
        return self.do(form.cleaned_data, actor_id=actor_of(self.request), **how)

    def _show(self, form: forms.Form, *, done: Done | None = None, is_changed: bool = False) -> HttpResponse:
        context = {
            **self.page.admin_site.each_context(self.request),
            "opts": self.page.opts,
            "title": self.title,
            "about": self.about,
            "home": self.home,
            "view": self,
            "form": form,
            "done": done,
            "changed": PreviewChanged.sentence if is_changed else "",
        }
        return render(self.request, "admin/bookings/operation.html", context)


def _text(*, limit: int) -> forms.CharField:
    hint = f"At most {limit} characters. They read it."
    return forms.CharField(
        required=False, max_length=limit, help_text=hint, widget=forms.Textarea(attrs={"rows": 3, "cols": 40})
    )


class CancelForm(forms.Form):
    """Which refund, and the staff's own words."""

    refund = forms.ChoiceField(
        choices=[
            ("rule", "By the rule, as if the person cancelled now"),
            ("full", "In full, whatever the deadline"),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose which refund goes back."},
    )
    message = _text(limit=front_desk.MESSAGE_LENGTH)


class CancelSessionForm(forms.Form):
    message = _text(limit=front_desk.MESSAGE_LENGTH)


class GiveBackForm(forms.Form):
    """How much of what a booking has cost goes back, and why."""

    credits = forms.IntegerField(min_value=1, max_value=MOST_CREDITS)
    note = forms.CharField(max_length=NOTE_LENGTH, help_text="Why. The person reads it; it stands in the ledger.")


class SessionForm(forms.Form):
    """Which session: one of those that are offered, or any by its id."""

    slot = forms.UUIDField(required=False, label="Session", widget=forms.Select)
    slot_id = forms.UUIDField(required=False, label="Or a session's id", help_text="For a session not in the list.")

    def __init__(self, data: Mapping[str, Any] | None, *, choices: list[tuple[str, str]]) -> None:
        super().__init__(data)
        self.fields["slot"].widget.choices = [("", "Choose one"), *choices]

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        chosen = {one for one in (said.get("slot"), said.get("slot_id")) if one}
        if len(chosen) != 1 and not self.errors:
            self.add_error("slot", "Choose one session, or give the id of one.")
        return {**said, "slot_id": next(iter(chosen), None)}


class BookInForm(SessionForm):
    """Which session, and whether it costs anything."""

    free = forms.BooleanField(required=False, label="Free of charge")


class _OnBooking(Operation):
    @cached_property
    def row(self) -> Any:
        try:
            return get_booking_story(booking_id=self.pk).row
        except NotFound as error:
            raise Http404 from error

    @property
    def person_id(self) -> UUID:
        client_id: UUID = self.row["client"]["id"]
        return client_id

    @property
    def about(self) -> str:
        return f"{self.row['client']['login']}: {front_desk.describe_booking(self.row)}"

    @property
    def home(self) -> str:
        return reverse("admin:bookings_booking_change", args=[self.pk])


class CancelBooking(_OnBooking):
    form_class = CancelForm
    title, button = "Cancel a booking", "Cancel the booking"
    sentence = "The seat goes to whoever waits for it. What was cancelled stays cancelled; the person can book again."

    def do(self, given: dict[str, Any], **how: Any) -> Done:
        row = front_desk.cancel_booking_as_staff(booking_id=self.pk, **given, **how)
        login, back = row["client"]["login"], f"{count_credits(row['credits_refunded'])} of {row['credits_charged']}"
        return describe_booking_done(
            f"{login}'s booking of {front_desk.describe_session(row)} is cancelled; {back} back.",
            row,
            credits=f"{back} back",
            address=self.home,
        )


class GiveBack(_OnBooking):
    form_class = GiveBackForm
    title, button = "Give credits back", "Give the credits back"
    sentence = "Before or after the session. Where the plan that paid has ended, they come back in another."

    def do(self, given: dict[str, Any], **how: Any) -> Done:
        row = front_desk.give_back_as_staff(booking_id=self.pk, **given, **how)
        login, back = row["client"]["login"], count_credits(given["credits"])
        return describe_booking_done(
            f"{back} of {login}'s booking of {front_desk.describe_session(row)} back.",
            row,
            credits=f"{back} back",
            address=self.home,
        )


class _ChoosesSession(Operation):
    """Its form offers the next sessions with a free seat; `?host=` those of one host."""

    form_class: ClassVar[type[SessionForm]] = SessionForm

    def make_form(self, data: Mapping[str, Any] | None) -> forms.Form:
        return self.form_class(data, choices=self.choices)

    @property
    def default_host(self) -> str:
        return ""

    @property
    def host(self) -> str:
        return self.request.GET.get("host", self.default_host).strip()

    @cached_property
    def choices(self) -> list[tuple[str, str]]:
        found = front_desk.list_bookable(viewer_id=actor_of(self.request), host=self.host)
        return [(str(slot_id), words) for slot_id, words in found]


class MoveBooking(_ChoosesSession, _OnBooking):
    title, button = "Move a booking", "Move the booking"
    sentence = "Before its refund deadline. It costs what the other session costs; the difference is settled at once."

    @property
    def default_host(self) -> str:
        return str(self.row["host"]["login"])

    def do(self, given: dict[str, Any], **how: Any) -> Done:
        was = self.row["credits_charged"]
        row = front_desk.move_booking_as_staff(booking_id=self.pk, slot_id=given["slot_id"], **how)
        login, cost = row["client"]["login"], count_credits(row["credits_charged"])
        return describe_booking_done(
            f"{login} is moved to {front_desk.describe_session(row)}; it costs {cost}.",
            row,
            credits=f"It costs {cost}, was {was}",
            address=self.home,
        )


class OnPerson(Operation):
    def is_allowed(self) -> bool:
        may = self.request.user.has_perm("accounts.view_user")
        return may and bool(self.about) and super().is_allowed()

    @property
    def person_id(self) -> UUID:
        return self.pk

    @cached_property
    def about(self) -> str:
        try:
            return front_desk.describe_person(user_id=self.pk)
        except AccountsError as error:
            raise Http404 from error

    @property
    def home(self) -> str:
        return reverse("admin:accounts_user_change", args=[self.pk])


class BookIn(_ChoosesSession, OnPerson):
    form_class = BookInForm
    title, button = "Book a session for somebody", "Book the session"
    sentence = "They are told, and may leave without loss until the start, whatever the session's rule says."

    def do(self, given: dict[str, Any], **how: Any) -> Done:
        charge = not given["free"]
        row = front_desk.book_as_staff(person=str(self.pk), slot_id=given["slot_id"], charge=charge, **how)
        login, cost = row["client"]["login"], count_credits(row["credits_charged"])
        return describe_booking_done(
            f"{login} is booked into {front_desk.describe_session(row)}, for {cost}.",
            row,
            credits=f"It costs {cost}",
            address=reverse("admin:bookings_booking_change", args=[row["id"]]),
        )


class CancelSession(Operation):
    form_class = CancelSessionForm
    title, button = "Cancel a session", "Cancel the session"
    sentence = "Everybody who has booked it is refunded in full. They, whoever waits and the host are told."

    @cached_property
    def row(self) -> Any:
        try:
            return get_slot(slot_id=self.pk, viewer_id=actor_of(self.request))
        except NotFound as error:
            raise Http404 from error

    @property
    def person_id(self) -> UUID:
        host_id: UUID = self.row["host"]["id"]
        return host_id

    @property
    def about(self) -> str:
        return front_desk.describe_slot(self.row)

    @property
    def home(self) -> str:
        return reverse("admin:bookings_slot_change", args=[self.pk])

    def do(self, given: dict[str, Any], **how: Any) -> Done:
        done = front_desk.cancel_slot_as_staff(slot_id=self.pk, **given, **how)
        people, back = count(done.bookings_cancelled, "booking"), count_credits(done.credits_refunded)
        return describe_done(
            f"{self.about} is cancelled, with {people}; {back} back.",
            done.effects,
            credits=f"{back} back to {people}",
            address=self.home,
        )
