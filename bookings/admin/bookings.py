from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin import MOST_AT_ONCE, ReadOnlyAdmin, Tool, actor_of
from bookings import models
from bookings.admin.asking import ask_and_do
from bookings.admin.front_desk import BookIn, CancelBooking, GiveBack, MoveBooking, Operation
from bookings.policies.counts import count_credits
from bookings.policies.credits import credits_kept, refund_deadline
from bookings.services.front_desk import cancel_booking_as_staff
from bookings.services.timeline import get_booking_story

_VIEWS: dict[str, type[Operation]] = {"move": MoveBooking, "cancel": CancelBooking, "give_back": GiveBack}


@admin.register(models.Booking)
class BookingAdmin(ReadOnlyAdmin):
    list_display = (
        "client", "session", "scheduled_start_time", "status", "cancelled_by", "credits_refunded",
        "credits_given_back",
    )  # fmt: skip
    fieldsets = (
        (None, {"fields": (
            ("client", "in_session", "host"), ("scheduled_start_time", "scheduled_end_time"),
            ("status", "cancelled_by", "cancelled_at"), ("credits_charged", "credits_refunded", "credits_given_back"),
            ("refunded_until", "free_to_leave_until"), "plan",
        )}),
        ("Details", {"fields": ("id", ("created_at", "changed_at"))}),
    )  # fmt: skip
    readonly_fields = ("in_session", "plan", "refunded_until")
    list_filter = ("status", "cancelled_by", "scheduled_start_time")
    ordering, sortable_by = ("-scheduled_start_time", "-id"), ("scheduled_start_time",)
    people = ("client_id", "host_id")
    list_select_related = ("client", "slot")
    actions = ("cancel_for_client", "cancel_as_host")
    acts_upon = "client_id"

    @admin.display(description="session")
    def session(self, booking: models.Booking) -> str:
        return booking.slot.title

    @admin.display(description="session")
    def in_session(self, booking: models.Booking) -> SafeString:
        url = reverse("admin:bookings_slot_change", args=[booking.slot_id])
        return format_html('<a href="{}">{}</a>', url, booking.slot)

    @admin.display(description="paid by")
    def plan(self, booking: models.Booking) -> SafeString | None:
        if booking.subscription is None:
            return None
        url = reverse("admin:bookings_subscription_change", args=[booking.subscription_id])
        return format_html('<a href="{}">{}</a>', url, booking.subscription.plan.name)

    @admin.display(description="full refund until")
    def refunded_until(self, booking: models.Booking) -> str:
        starts, window = booking.scheduled_start_time, booking.refund_window
        return date_format(refund_deadline(scheduled_start_time=starts, refund_window=window), "DATETIME_FORMAT")

    def get_urls(self) -> list[URLPattern]:
        ways: list[tuple[str, str, type[Operation]]] = [("book/<uuid:pk>/", "book", BookIn)]
        ways += [(f"<uuid:pk>/{name.replace('_', '-')}/", name, view) for name, view in _VIEWS.items()]
        own = [
            path(way, self.admin_site.admin_view(view.as_view(page=self)), name=f"bookings_booking_{name}")
            for way, name, view in ways
        ]
        return own + super().get_urls()

    def list_tools(self, request: HttpRequest, row: models.Booking) -> list[Tool]:
        if not self.may_decide_about(request, user_id=row.client_id):
            return []
        can_change = row.status == "active" and timezone.now() < row.scheduled_start_time
        offered = [("move", "Move…"), ("cancel", "Cancel…")] if can_change else []
        offered += [("give_back", "Give credits back…")] if credits_kept(row) else []
        return [(reverse(f"admin:bookings_booking_{name}", args=[row.pk]), title) for name, title in offered]

    def list_parts(self, request: HttpRequest, row: models.Booking) -> list[str]:
        story = get_booking_story(booking_id=row.pk)
        return [render_to_string("admin/bookings/story_of_booking.html", {"story": story})]

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

        def act(booking_id: UUID, **_: Any) -> str:
            row = cancel_booking_as_staff(booking_id=booking_id, actor_id=actor_of(request), by=by)
            return f"cancelled. {row['client']['login']} has {count_credits(row['credits_refunded'])} back."

        asked = _describe_cancelling(queryset[:MOST_AT_ONCE], by=by, action=action)
        return ask_and_do(self, request, queryset, asked, act)


def _describe_cancelling(chosen: Iterable[models.Booking], *, by: str, action: str) -> dict[str, Any]:
    who = {"staff": "the staff", "host": "the host"}[by]
    lines = {
        booking.pk: f"{booking.client.login}, {booking.slot.title}, "
        f"{date_format(booking.scheduled_start_time, 'DATETIME_FORMAT')}: "
        + (f"{count_credits(credits_kept(booking))} back" if booking.status == "active" else "not active, stays so")
        for booking in chosen
    }
    return {
        "title": "Cancel bookings",
        "sentence": f"The clients are told that {who} cancelled. Whoever waits for a seat moves up.",
        "action": action,
        "button": "Cancel the bookings and refund them",
        "lines": lines,
    }
