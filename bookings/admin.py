from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from bookings import models
from bookings.errors import BookingsError
from bookings.services.cancellations import cancel_booking_as_staff
from bookings.services.subscriptions import expire_subscription, renew_subscription


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """What operations have written: staff look at it, and change it through actions and commands only."""

    show_full_result_count = False

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
    search_fields = ("title", "host__login")
    list_select_related = ("host",)


@admin.register(models.Booking)
class BookingAdmin(ReadOnlyAdmin):
    list_display = ("id", "client", "slot", "scheduled_start_time", "status", "cancelled_by", "credits_refunded")
    list_filter = ("status", "cancelled_by", "scheduled_start_time")
    search_fields = ("id", "client__login", "host__login")
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
    search_fields = ("id", "user__login")
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
    search_fields = ("subscription__user__login", "booking__id")
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
