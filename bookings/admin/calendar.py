from calendar import day_name
from datetime import datetime

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts.admin import ReadOnlyAdmin, Tool
from bookings import models
from bookings.admin.front_desk import CancelSession, Operation
from bookings.admin.hosting import EndHosting, MakeHost

_OF_HOSTS: dict[str, type[Operation]] = {"make_host": MakeHost, "end_hosting": EndHosting}
# The address of an online session is for those booked and the host.
_NOT_SHOWN = ("link",)


@admin.register(models.Offering)
class OfferingAdmin(ReadOnlyAdmin):
    exclude = _NOT_SHOWN
    list_display = ("title", "host", "minutes", "capacity", "price_credits", "public", "archived_at")
    list_filter = ("public",)
    ordering, sortable_by = ("-id",), ()
    people = ("host_id",)
    list_select_related = ("host",)


@admin.register(models.Slot)
class SlotAdmin(ReadOnlyAdmin):
    exclude = _NOT_SHOWN
    list_display = ("title", "host", "starts_at", "seats_taken", "capacity", "status")
    list_filter = ("status", "starts_at")
    ordering, sortable_by = ("-starts_at", "-id"), ("starts_at",)
    people = ("host_id",)
    list_select_related = ("host",)

    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                "<uuid:pk>/cancel/",
                self.admin_site.admin_view(CancelSession.as_view(page=self)),
                name="bookings_slot_cancel",
            ),
            *(
                path(
                    f"host/<uuid:pk>/{name.replace('_', '-')}/",
                    self.admin_site.admin_view(view.as_view(page=self)),
                    name=f"bookings_slot_{name}",
                )
                for name, view in _OF_HOSTS.items()
            ),
            *super().get_urls(),
        ]

    def list_tools(self, request: HttpRequest, row: models.Slot) -> list[Tool]:
        can_be_cancelled = row.status == "open" and timezone.now() < row.starts_at
        if not can_be_cancelled or not self.may_decide_about(request, user_id=row.host_id):
            return []
        return [(reverse("admin:bookings_slot_cancel", args=[row.pk]), "Cancel the session…")]


@admin.register(models.WaitlistEntry)
class WaitlistEntryAdmin(ReadOnlyAdmin):
    list_display = ("session", "starts_at", "client", "joined_at", "status", "passed_over")
    list_filter = ("status",)
    people = ("client_id",)
    list_select_related = ("slot", "client")

    @admin.display(description="session")
    def session(self, entry: models.WaitlistEntry) -> str:
        return entry.slot.title

    @admin.display(description="starts at")
    def starts_at(self, entry: models.WaitlistEntry) -> datetime:
        return entry.slot.starts_at


@admin.register(models.AvailabilityRule)
class AvailabilityRuleAdmin(ReadOnlyAdmin):
    fields = (
        "id", "host", "offering", "kind", ("day_of_week", "date"), ("start_time", "end_time"), "title", "description",
        "place", ("capacity", "price_credits", "refund_window_hours"), ("slot_minutes", "buffer_minutes"),
        ("minimum_notice_minutes", "horizon_days"), "created_at",
    )  # fmt: skip
    readonly_fields = ("day_of_week",)
    list_display = ("host", "kind", "day_of_week", "date", "start_time", "end_time", "title", "capacity")
    list_filter = ("kind",)
    people = ("host_id",)
    list_select_related = ("host",)

    @admin.display(description="weekday", ordering="weekday")
    def day_of_week(self, rule: models.AvailabilityRule) -> str | None:
        return day_name[rule.weekday - 1] if rule.weekday else None
