from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from bookings import models
from bookings.errors import BookingsError
from bookings.services.cancellations import cancel_booking_as_staff
from bookings.services.staff import find_ids_called
from bookings.services.subscriptions import expire_subscription, grant_credits, renew_subscription

MOST_AT_ONCE = 100


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """What operations have written: staff look at it, and change it through actions and commands only."""

    ordering = ("-id",)
    # Ways from a row to its people; they are searched by login, a row by its id, both through an index.
    people: tuple[str, ...] = ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The row with this id, or the rows of whoever is called so."""
        if not search_term or not self.people:
            return super().get_search_results(request, queryset, search_term)
        try:
            return queryset.filter(id=UUID(search_term.strip())), False
        except ValueError:
            ids = find_ids_called(login=search_term.strip())
        return queryset.filter(reduce(or_, (Q(**{f"{way}__in": ids}) for way in self.people))), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(models.Plan)
class PlanAdmin(admin.ModelAdmin[models.Plan]):
    list_display = ("name", "credits", "period_days")

    def has_delete_permission(self, request: HttpRequest, obj: models.Plan | None = None) -> bool:
        return False


@admin.register(models.Slot)
class SlotAdmin(ReadOnlyAdmin):
    list_display = ("title", "host", "starts_at", "seats_taken", "capacity", "status")
    list_filter = ("status", "starts_at")
    search_fields, people = ("id", "host__login"), ("host_id",)
    search_help_text = "A host's login, or an id."
    list_select_related = ("host",)


@admin.register(models.Booking)
class BookingAdmin(ReadOnlyAdmin):
    list_display = ("id", "client", "slot", "scheduled_start_time", "status", "cancelled_by", "credits_refunded")
    list_filter = ("status", "cancelled_by", "scheduled_start_time")
    search_fields, people = ("id", "client__login", "host__login"), ("client_id", "host_id")
    search_help_text = "A login, or an id."
    list_select_related = ("client", "slot")
    actions = ("cancel_with_refund",)

    @admin.action(description="Cancel and refund in full")
    def cancel_with_refund(self, request: HttpRequest, queryset: QuerySet[models.Booking]) -> None:
        """Each in a transaction of its own; those that cannot be cancelled are named with the reason."""
        for booking in queryset:
            try:
                cancel_booking_as_staff(booking_id=booking.id, actor_id=request.user.pk)
            except BookingsError as error:
                self.message_user(request, f"{booking.id}: {error}", messages.WARNING)
            else:
                self.message_user(request, f"{booking.id}: cancelled and refunded.", messages.SUCCESS)


@admin.register(models.Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "plan", "credits_remaining", "starts_at", "ends_at", "renews", "expired_at")
    list_filter = ("plan", "renews")
    search_fields, people = ("id", "user__login"), ("user_id",)
    search_help_text = "A login, or an id."
    list_select_related = ("user", "plan")
    actions = ("renew", "expire")

    @admin.action(description="Renew what has ended")
    def renew(self, request: HttpRequest, queryset: QuerySet[models.Subscription]) -> None:
        """Another period, with the plan's credits, for those whose period is over."""
        done = sum(renew_subscription(subscription_id=row.id, actor_id=request.user.pk) for row in queryset)
        self.message_user(request, f"{done} renewed.", messages.SUCCESS)

    @admin.action(description="Note as expired what has ended")
    def expire(self, request: HttpRequest, queryset: QuerySet[models.Subscription]) -> None:
        """As the worker does for those that do not renew themselves."""
        done = sum(expire_subscription(subscription_id=row.id) for row in queryset)
        self.message_user(request, f"{done} expired.", messages.SUCCESS)


@admin.register(models.CreditEntry)
class CreditEntryAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "subscription", "booking", "amount", "reason", "balance_after")
    list_filter = ("reason",)
    search_fields, people = ("id", "subscription__user__login"), ("subscription__user_id",)
    search_help_text = "A login, or an id."
    list_select_related = ("subscription", "booking")


@admin.register(models.WaitlistEntry)
class WaitlistEntryAdmin(ReadOnlyAdmin):
    list_display = ("slot", "client", "joined_at", "status")
    list_filter = ("status",)
    list_select_related = ("slot", "client")


@admin.register(models.AvailabilityRule)
class AvailabilityRuleAdmin(ReadOnlyAdmin):
    list_display = ("host", "kind", "weekday", "date", "start_time", "end_time", "title", "capacity")
    list_filter = ("kind",)
    list_select_related = ("host",)


class CreditsForm(forms.Form):
    """How many credits each of the chosen people is given."""

    credits = forms.IntegerField(min_value=1, max_value=1000)


@admin.action(description="Grant credits…", permissions=["decide"])
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
        "people": queryset[:MOST_AT_ONCE],
        "form": form,
    }
    return render(request, "admin/ask.html", {**admin.site.each_context(request), **asked})


# People are listed by an app below, which does not know of credits.
_people = admin.site.get_model_admin(get_user_model())
_people.actions = [*(_people.actions or ()), grant_credits_to_people]
