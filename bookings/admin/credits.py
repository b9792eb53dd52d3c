from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin import MOST_AT_ONCE, ReadOnlyAdmin, actor_of
from bookings import models
from bookings.admin.asking import ask_and_do
from bookings.policies.counts import count_credits
from bookings.services.adjusting import (
    LONGEST_EXTENSION_DAYS,
    adjust_credits,
    end_subscription,
    extend_subscription,
    set_renewing,
)
from bookings.services.credits import MOST_CREDITS, list_ids_of, name_state
from bookings.services.renewing import expire_subscription, renew_subscription


@admin.register(models.Plan)
class PlanAdmin(admin.ModelAdmin[models.Plan]):
    list_display = ("name", "credits", "period_days")

    def has_delete_permission(self, request: HttpRequest, obj: models.Plan | None = None) -> bool:
        return False


class AdjustmentForm(forms.Form):
    """By how much a balance changes, in either direction, and why."""

    amount = forms.IntegerField(min_value=-MOST_CREDITS, max_value=MOST_CREDITS)
    note = forms.CharField(max_length=200)


class ExtensionForm(forms.Form):
    days = forms.IntegerField(min_value=1, max_value=LONGEST_EXTENSION_DAYS)


@admin.register(models.Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    list_display = ("user", "plan", "credits_remaining", "ends_at", "renews", "expired_at")
    list_filter = ("plan", "renews")
    acts_upon = "user_id"
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
        return self._ask(request, queryset, end_subscription, "End subscriptions", sentence, "End them now")

    @admin.action(description="Extend…", permissions=["decide"])
    def extend(self, request: HttpRequest, queryset: QuerySet[models.Subscription]) -> HttpResponse | None:
        """They end later; what has ended begins again."""
        sentence = "They last that many days longer; those that have ended, from now."
        words = ("Extend subscriptions", sentence, "Extend them")
        return self._ask(request, queryset, extend_subscription, *words, form_class=ExtensionForm)

    @admin.action(description="Adjust the balance…", permissions=["decide"])
    def adjust(self, request: HttpRequest, queryset: QuerySet[models.Subscription]) -> HttpResponse | None:
        """Add or take credits, with a line in the ledger that says why."""
        sentence = "A negative number takes credits. No balance goes below zero. The note stands in the ledger."
        words = ("Adjust balances", sentence, "Adjust them")
        return self._ask(request, queryset, adjust_credits, *words, form_class=AdjustmentForm)

    def _ask(
        self,
        request: HttpRequest,
        queryset: QuerySet[models.Subscription],
        change: Callable[..., object],
        title: str,
        sentence: str,
        button: str,
        *,
        form_class: type[forms.Form] = forms.Form,
    ) -> HttpResponse | None:
        lines = {
            row.pk: f"{row.user.login}, {row.plan.name}: {count_credits(row.credits_remaining)} until "
            f"{date_format(row.ends_at, 'DATE_FORMAT')}"
            for row in queryset[:MOST_AT_ONCE]
        }
        asked = {"title": title, "sentence": sentence, "action": request.POST["action"], "button": button}
        seen = {row.pk: name_state([row]) for row in queryset[:MOST_AT_ONCE]}

        def act(subscription_id: UUID, **said: Any) -> None:
            change(subscription_id=subscription_id, actor_id=actor_of(request), **said)

        about = {**asked, "lines": lines, "seen": seen}
        return ask_and_do(self, request, queryset, about, act, form_class=form_class)


@admin.register(models.CreditEntry)
class CreditEntryAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "person", "session", "amount", "reason", "balance_after", "note")
    list_filter = ("reason",)
    list_select_related = ("subscription__user", "booking__slot")

    @admin.display(description="person")
    def person(self, entry: models.CreditEntry) -> str:
        return str(entry.subscription.user)

    @admin.display(description="session")
    def session(self, entry: models.CreditEntry) -> str:
        return entry.booking.slot.title if entry.booking else ""

    def search_columns(self, ids: list[UUID]) -> dict[str, list[UUID]]:
        return {"id": ids, "subscription_id": list_ids_of(user_ids=ids)}
