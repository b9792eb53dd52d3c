from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_permission_codename, get_user_model
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from bookings import models
from bookings.errors import BookingsError
from bookings.services.cancellations import cancel_booking_as_staff
from bookings.services.staff import list_ids_called
from bookings.services.subscriptions import expire_subscription, grant_credits, list_ids_of, renew_subscription

MOST_AT_ONCE = 100
# A search shows this many of somebody's rows, the last ones: few enough to be looked up one by one.
MOST_FOUND = 200


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """What operations have written: staff look at it, and change it through actions and commands only."""

    ordering: ClassVar[tuple[str, ...]] = ("-id",)
    sortable_by: ClassVar[tuple[str, ...]] = ()
    search_fields = ("id",)
    search_help_text = "A login, an address, or an id: of a person, or of a row."
    # Columns that hold a row's people; each is the beginning of an index.
    people: tuple[str, ...] = ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The row with this id, or the last rows of whoever the words name, each way through its index."""
        if not search_term:
            return queryset, False
        found: set[Any] = set()
        for way, ids in self.ways_to(list_ids_called(words=search_term)).items():
            rows = queryset.filter(**{f"{way}__in": ids}).order_by(*self.ordering)
            found.update(rows.values_list("pk", flat=True)[:MOST_FOUND])
        return queryset.filter(pk__in=found), False

    def ways_to(self, ids: list[UUID]) -> dict[str, list[UUID]]:
        """By which columns the rows of these people, or with these ids, are found."""
        return dict.fromkeys(("id", *self.people), ids)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Who may use the actions: staff with the permission to change such rows."""
        return request.user.has_perm(f"bookings.{get_permission_codename('change', self.opts)}")


@admin.register(models.Plan)
class PlanAdmin(admin.ModelAdmin[models.Plan]):
    list_display = ("name", "credits", "period_days")

    def has_delete_permission(self, request: HttpRequest, obj: models.Plan | None = None) -> bool:
        return False


@admin.register(models.Slot)
class SlotAdmin(ReadOnlyAdmin):
    list_display = ("title", "host", "starts_at", "seats_taken", "capacity", "status")
    list_filter = ("status", "starts_at")
    ordering, sortable_by = ("-starts_at", "-id"), ("starts_at",)
    people = ("host_id",)
    list_select_related = ("host",)


@admin.register(models.Booking)
class BookingAdmin(ReadOnlyAdmin):
    list_display = ("id", "client", "slot", "scheduled_start_time", "status", "cancelled_by", "credits_refunded")
    list_filter = ("status", "cancelled_by", "scheduled_start_time")
    ordering, sortable_by = ("-scheduled_start_time", "-id"), ("scheduled_start_time",)
    people = ("client_id", "host_id")
    list_select_related = ("client", "slot")
    actions = ("cancel_for_client", "cancel_as_host")

    @admin.action(description="Cancel in favour of the client…", permissions=["decide"])
    def cancel_for_client(self, request: HttpRequest, queryset: QuerySet[models.Booking]) -> HttpResponse | None:
        """Refunded in full, whatever the deadline; the client reads that the staff did it."""
        return self._cancel(request, queryset, by="staff", action="cancel_for_client")

    @admin.action(description="Cancel as the host…", permissions=["decide"])
    def cancel_as_host(self, request: HttpRequest, queryset: QuerySet[models.Booking]) -> HttpResponse | None:
        """Refunded in full; the client reads that the host did it."""
        return self._cancel(request, queryset, by="host", action="cancel_as_host")

    def _cancel(
        self, request: HttpRequest, queryset: QuerySet[models.Booking], *, by: str, action: str
    ) -> HttpResponse | None:
        """Shows the refunds first; then each in a transaction of its own; what cannot be cancelled is named."""
        chosen = queryset[:MOST_AT_ONCE]
        if "answered" not in request.POST:
            return _ask(request, _describe_cancelling(list(chosen), by=by, action=action))
        for booking in chosen:
            try:
                refund = cancel_booking_as_staff(booking_id=booking.id, actor_id=request.user.pk, by=by)
            except BookingsError as error:
                self.message_user(request, f"{booking.id}: {error}", messages.WARNING)
            else:
                message = f"{booking.id}: cancelled. {booking.client.login} has {_credits(refund)} back."
                self.message_user(request, message, messages.SUCCESS)
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
    actions = ("renew", "expire")

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


@admin.register(models.CreditEntry)
class CreditEntryAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "subscription", "booking", "amount", "reason", "balance_after")
    list_filter = ("reason",)
    list_select_related = ("subscription", "booking")

    def ways_to(self, ids: list[UUID]) -> dict[str, list[UUID]]:
        return {"id": ids, "subscription_id": list_ids_of(user_ids=ids)}


@admin.register(models.WaitlistEntry)
class WaitlistEntryAdmin(ReadOnlyAdmin):
    list_display = ("slot", "client", "joined_at", "status")
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
        "lines": {person.pk: f"{person.login} ({person.pk})" for person in queryset[:MOST_AT_ONCE]},
        "form": form,
    }
    return _ask(request, asked)


def _ask(request: HttpRequest, asked: dict[str, Any]) -> HttpResponse:
    """The page between choosing an action and its effect: whom it meets, and what it does."""
    return render(request, "admin/ask.html", {**admin.site.each_context(request), **asked})


# People are listed by an app below, which does not know of credits.
_people = admin.site.get_model_admin(get_user_model())
_people.actions = [*(_people.actions or ()), grant_credits_to_people]
