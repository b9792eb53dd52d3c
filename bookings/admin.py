from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin import MOST_AT_ONCE, ReadOnlyAdmin, add_to_people, ask, describe_people
from accounts.errors import AccountsError
from bookings import models
from bookings.errors import BookingsError
from bookings.services.adjusting import (
    LONGEST_EXTENSION_DAYS,
    adjust_credits,
    end_subscription,
    extend_subscription,
    set_renewing,
)
from bookings.services.credits import MOST_CREDITS, grant_credits, list_ids_of
from bookings.services.front_desk import cancel_booking_as_staff
from bookings.services.giving_back import give_back
from bookings.services.renewing import expire_subscription, renew_subscription
from bookings.services.staff import make_host


@admin.register(models.Plan)
class PlanAdmin(admin.ModelAdmin[models.Plan]):
    list_display = ("name", "credits", "period_days")

    def has_delete_permission(self, request: HttpRequest, obj: models.Plan | None = None) -> bool:
        return False


@admin.register(models.Offering)
class OfferingAdmin(ReadOnlyAdmin):
    list_display = ("title", "host", "minutes", "capacity", "price_credits", "public", "archived_at")
    list_filter = ("public",)
    ordering, sortable_by = ("-id",), ()
    people = ("host_id",)
    list_select_related = ("host",)


@admin.register(models.Slot)
class SlotAdmin(ReadOnlyAdmin):
    list_display = ("title", "host", "starts_at", "seats_taken", "capacity", "status")
    list_filter = ("status", "starts_at")
    ordering, sortable_by = ("-starts_at", "-id"), ("starts_at",)
    people = ("host_id",)
    list_select_related = ("host",)


@admin.register(models.Booking)
class BookingAdmin(ReadOnlyAdmin):
    list_display = (
        "id", "client", "slot", "scheduled_start_time", "status", "cancelled_by", "credits_refunded",
        "credits_given_back",
    )  # fmt: skip
    list_filter = ("status", "cancelled_by", "scheduled_start_time")
    ordering, sortable_by = ("-scheduled_start_time", "-id"), ("scheduled_start_time",)
    people = ("client_id", "host_id")
    list_select_related = ("client", "slot")
    actions = ("cancel_for_client", "cancel_as_host", "give_credits_back")

    @admin.action(description="Cancel in favour of the client…", permissions=["decide"])
    def cancel_for_client(self, request: HttpRequest, queryset: QuerySet[models.Booking]) -> HttpResponse | None:
        """Refunded in full, whatever the deadline; the client reads that the staff did it."""
        return self._cancel(request, queryset, by="staff", action="cancel_for_client")

    @admin.action(description="Cancel as the host…", permissions=["decide"])
    def cancel_as_host(self, request: HttpRequest, queryset: QuerySet[models.Booking]) -> HttpResponse | None:
        """Refunded in full; the client reads that the host did it."""
        return self._cancel(request, queryset, by="host", action="cancel_as_host")

    @admin.action(description="Give credits back…", permissions=["decide"])
    def give_credits_back(self, request: HttpRequest, queryset: QuerySet[models.Booking]) -> HttpResponse | None:
        """Some of what each has cost, before or after the session, with a note that the client reads."""
        asked = {
            "title": "Give credits back",
            "sentence": "The clients are told. Where the plan that paid has ended, they come back in another.",
            "action": "give_credits_back",
            "button": "Give the credits back",
            "lines": {
                booking.pk: f"{booking.client.login}, {booking.slot.title}" for booking in queryset[:MOST_AT_ONCE]
            },
        }
        give = partial(give_back, actor_id=request.user.pk)
        return _ask_and_do(
            self, request, queryset, GiveBackForm, asked, lambda row, given: give(booking_id=row.pk, **given)
        )

    def _cancel(
        self, request: HttpRequest, queryset: QuerySet[models.Booking], *, by: str, action: str
    ) -> HttpResponse | None:
        """Shows the refunds first; then each in a transaction of its own; what cannot be cancelled is named."""
        chosen = queryset[:MOST_AT_ONCE]
        if "answered" not in request.POST:
            return ask(request, _describe_cancelling(list(chosen), by=by, action=action))
        for booking in chosen:
            try:
                row = cancel_booking_as_staff(booking_id=booking.id, actor_id=request.user.pk, by=by)
            except BookingsError as error:
                self.message_user(request, f"{booking.id}: {error}", messages.WARNING)
            else:
                message = (
                    f"{booking.id}: cancelled. {booking.client.login} has {_credits(row['credits_refunded'])} back."
                )
                self.message_user(request, message, messages.SUCCESS)
        return None


class GiveBackForm(forms.Form):
    """How much of what a booking has cost goes back, and why."""

    credits = forms.IntegerField(min_value=1, max_value=MOST_CREDITS)
    note = forms.CharField(max_length=200)


class AdjustmentForm(forms.Form):
    """By how much a balance changes, in either direction, and why."""

    amount = forms.IntegerField(min_value=-MOST_CREDITS, max_value=MOST_CREDITS)
    note = forms.CharField(max_length=200)


class ExtensionForm(forms.Form):
    days = forms.IntegerField(min_value=1, max_value=LONGEST_EXTENSION_DAYS)


def _ask_and_do(
    page: admin.ModelAdmin[Any],
    request: HttpRequest,
    queryset: QuerySet[Any],
    form_class: type[forms.Form] | None,
    asked: dict[str, Any],
    act: Callable[[Any, dict[str, Any]], object],
) -> HttpResponse | None:
    """Asks first, with a form where there is one; then each row in a transaction of its own, refusals by name."""
    is_answered = "answered" in request.POST
    form = form_class(request.POST if is_answered else None) if form_class else None
    if not is_answered or (form and not form.is_valid()):
        return ask(request, asked | ({"form": form} if form else {}))
    for row in queryset[:MOST_AT_ONCE]:
        try:
            act(row, form.cleaned_data if form else {})
        except BookingsError as error:
            page.message_user(request, f"{row.pk}: {error}", messages.WARNING)
        else:
            page.message_user(request, f"{row.pk}: done.", messages.SUCCESS)
    return None


def _describe_cancelling(chosen: list[models.Booking], *, by: str, action: str) -> dict[str, Any]:
    who = {"staff": "the staff", "host": "the host"}[by]
    lines = {
        booking.pk: f"{booking.client.login}, {booking.slot.title}, {booking.scheduled_start_time:%Y-%m-%d %H:%M %Z}: "
        + (f"{_credits(booking.credits_charged)} back" if booking.status == "active" else "not active, stays as it is")
        for booking in chosen
    }
    return {
        "title": "Cancel bookings",
        "sentence": f"The clients are told that {who} cancelled. Whoever waits for a seat moves up.",
        "action": action,
        "button": "Cancel the bookings and refund them",
        "lines": lines,
    }


def _credits(number: int) -> str:
    return f"{number} credit" if number == 1 else f"{number} credits"


@admin.register(models.Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "plan", "credits_remaining", "starts_at", "ends_at", "renews", "expired_at")
    list_filter = ("plan", "renews")
    people = ("user_id",)
    list_select_related = ("user", "plan")
    fields = ("id", "user", "plan", "credits_remaining", ("starts_at", "ends_at"), "renews", "expired_at", "ledger")
    readonly_fields = ("ledger",)
    actions = ("renew", "expire", "stop_renewing", "resume_renewing", "end_now", "extend", "adjust")

    @admin.display(description="Ledger")
    def ledger(self, subscription: models.Subscription) -> SafeString:
        url = f"{reverse('admin:bookings_creditentry_changelist')}?subscription__exact={subscription.pk}"
        return format_html('<a href="{}">Every line that makes this balance</a>', url)

    @admin.action(description="Renew what has ended", permissions=["decide"])
    def renew(self, request: HttpRequest, queryset: QuerySet[models.Subscription]) -> None:
        """Another period, with the plan's credits, for those whose period is over."""
        renew = partial(renew_subscription, actor_id=request.user.pk)
        done = sum(renew(subscription_id=row.id) for row in queryset[:MOST_AT_ONCE])
        self.message_user(request, f"{done} renewed.", messages.SUCCESS)

    @admin.action(description="Note as expired what has ended", permissions=["decide"])
    def expire(self, request: HttpRequest, queryset: QuerySet[models.Subscription]) -> None:
        """As the worker does for those that do not renew themselves."""
        done = sum(expire_subscription(subscription_id=row.id) for row in queryset[:MOST_AT_ONCE])
        self.message_user(request, f"{done} expired.", messages.SUCCESS)

    @admin.action(description="Stop renewing", permissions=["decide"])
    def stop_renewing(self, request: HttpRequest, queryset: QuerySet[models.Subscription]) -> None:
        """They last until their end and no longer."""
        self._set_renewing(request, queryset, renews=False)

    @admin.action(description="Renew again at the end", permissions=["decide"])
    def resume_renewing(self, request: HttpRequest, queryset: QuerySet[models.Subscription]) -> None:
        """The way back from `stop_renewing`."""
        self._set_renewing(request, queryset, renews=True)

    def _set_renewing(self, request: HttpRequest, queryset: QuerySet[models.Subscription], *, renews: bool) -> None:
        chosen = list(queryset[:MOST_AT_ONCE])
        for row in chosen:
            set_renewing(subscription_id=row.id, renews=renews, actor_id=request.user.pk)
        self.message_user(request, f"{len(chosen)} done.", messages.SUCCESS)

    @admin.action(description="End now…", permissions=["decide"])
    def end_now(self, request: HttpRequest, queryset: QuerySet[models.Subscription]) -> HttpResponse | None:
        """What is left in them cannot be spent any more."""
        sentence = "What is left in them cannot be spent until they are extended or renewed. Their people are told."
        asked = _describe("End subscriptions", sentence, "end_now", "End them now", queryset)
        end = partial(end_subscription, actor_id=request.user.pk)
        return _ask_and_do(self, request, queryset, None, asked, lambda row, _: end(subscription_id=row.pk))

    @admin.action(description="Extend…", permissions=["decide"])
    def extend(self, request: HttpRequest, queryset: QuerySet[models.Subscription]) -> HttpResponse | None:
        """They end later; what has ended begins again."""
        sentence = "They last that many days longer; those that have ended, from now."
        asked = _describe("Extend subscriptions", sentence, "extend", "Extend them", queryset)
        extend = partial(extend_subscription, actor_id=request.user.pk)
        return _ask_and_do(
            self, request, queryset, ExtensionForm, asked, lambda row, given: extend(subscription_id=row.pk, **given)
        )

    @admin.action(description="Adjust the balance…", permissions=["decide"])
    def adjust(self, request: HttpRequest, queryset: QuerySet[models.Subscription]) -> HttpResponse | None:
        """Add or take credits, with a line in the ledger that says why."""
        sentence = "A negative number takes credits. No balance goes below zero. The note stands in the ledger."
        asked = _describe("Adjust balances", sentence, "adjust", "Adjust them", queryset)
        adjust = partial(adjust_credits, actor_id=request.user.pk)
        return _ask_and_do(
            self, request, queryset, AdjustmentForm, asked, lambda row, given: adjust(subscription_id=row.pk, **given)
        )


def _describe(
    title: str, sentence: str, action: str, button: str, queryset: QuerySet[models.Subscription]
) -> dict[str, Any]:
    lines = {
        row.pk: f"{row.user.login}, {row.plan.name}: {_credits(row.credits_remaining)} until {row.ends_at:%Y-%m-%d}"
        for row in queryset[:MOST_AT_ONCE]
    }
    return {"title": title, "sentence": sentence, "action": action, "button": button, "lines": lines}


@admin.register(models.CreditEntry)
class CreditEntryAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "subscription", "booking", "amount", "reason", "balance_after", "note")
    list_filter = ("reason",)
    list_select_related = ("subscription", "booking")

    def search_columns(self, ids: list[UUID]) -> dict[str, list[UUID]]:
        return {"id": ids, "subscription_id": list_ids_of(user_ids=ids)}


@admin.register(models.WaitlistEntry)
class WaitlistEntryAdmin(ReadOnlyAdmin):
    list_display = ("slot", "client", "joined_at", "status", "passed_over")
    list_filter = ("status",)
    people = ("client_id",)
    list_select_related = ("slot", "client")


@admin.register(models.AvailabilityRule)
class AvailabilityRuleAdmin(ReadOnlyAdmin):
    list_display = ("host", "kind", "weekday", "date", "start_time", "end_time", "title", "capacity")
    list_filter = ("kind",)
    people = ("host_id",)
    list_select_related = ("host",)


class CreditsForm(forms.Form):
    """How many credits each of the chosen people is given."""

    credits = forms.IntegerField(min_value=1, max_value=MOST_CREDITS)


@admin.action(description="Grant credits…", permissions=["credit"])
def grant_credits_to_people(
    people: admin.ModelAdmin[Any], request: HttpRequest, queryset: QuerySet[Any]
) -> HttpResponse | None:
    """Asks how many; each person's grant is a transaction of its own, with its entry in the ledger."""
    form = CreditsForm(request.POST if "answered" in request.POST else None)
    if not form.is_valid():
        return _ask_for_credits(request, queryset, form)
    credits = form.cleaned_data["credits"]
    for person in queryset[:MOST_AT_ONCE]:
        try:
            grant_credits(user_id=person.pk, credits=credits, actor_id=request.user.pk)
        except BookingsError as error:
            people.message_user(request, f"{person.login}: {error}", messages.WARNING)
        else:
            people.message_user(request, f"{person.login} has {credits} more credits.", messages.SUCCESS)
    return None


def _ask_for_credits(request: HttpRequest, queryset: QuerySet[Any], form: forms.Form) -> HttpResponse:
    asked = {
        "title": "Grant credits",
        "sentence": "They are added to the subscription that ends last, or to a new one of a year.",
        "action": "grant_credits_to_people",
        "button": "Grant the credits",
        "lines": describe_people(queryset),
        "form": form,
    }
    return ask(request, asked)


@admin.action(description="Make hosts of them", permissions=["make_host"])
def make_hosts(people: admin.ModelAdmin[Any], request: HttpRequest, queryset: QuerySet[Any]) -> None:
    """Each may offer sessions from then on; the rules that somebody has from before fill the calendar again."""
    for person in queryset[:MOST_AT_ONCE]:
        try:
            make_host(person=str(person.pk), actor_id=request.user.pk)
        except (AccountsError, BookingsError) as error:
            people.message_user(request, f"{person.login}: {error}", messages.WARNING)
        else:
            people.message_user(request, f"{person.login} is a host.", messages.SUCCESS)


add_to_people(action=make_hosts, lists=[], permissions={"make_host": "bookings.change_slot"})
add_to_people(
    action=grant_credits_to_people,
    lists=[("Bookings", models.Booking, "client"), ("Subscriptions", models.Subscription, "user")],
    permissions={"credit": "bookings.change_subscription"},
)
