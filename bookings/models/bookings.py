from typing import ClassVar

import pgtrigger
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Q
from uuid6 import uuid7

from bookings.models.calendar import SEATS_MATCH, Slot
from bookings.models.credits import BOOKING_MATCHES, Subscription
from bookings.models.fields import period, person


class BookingStatus(models.TextChoices):
    """What is stored. An active booking whose session is over is shown as `completed`."""

    ACTIVE = "active", "Booked"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show", "Did not come"


class CancelledBy(models.TextChoices):
    CLIENT = "client"
    HOST = "host"
    STAFF = "staff"


class Booking(models.Model):
    """A client's seat. The session's times, its price and the refund window are copied when it is made.

    A move copies the times and the price of its new slot. `subscription` is the one charged, null where nothing was.
    Until `free_to_leave_until` a cancellation refunds in full, whatever the deadline: the host has changed the session.

    `requested_slot_id` is the slot that the request with `idempotency_key` asked for, whatever came later. `remind_at`
    is when the client is to be reminded; null: not at all, or the reminder has been ordered.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slot = models.ForeignKey(Slot, on_delete=models.PROTECT, related_name="bookings")
    # The indexes by client and by host, each with the start, serve what those of one column would.
    client = person("bookings", db_index=False)
    host = person("hosted_bookings", db_index=False)
    subscription = models.ForeignKey(
        Subscription, null=True, blank=True, on_delete=models.PROTECT, related_name="bookings"
    )
    status = models.CharField(max_length=16, choices=BookingStatus, default=BookingStatus.ACTIVE)
    scheduled_start_time = models.DateTimeField()
    scheduled_end_time = models.DateTimeField()
    refund_window = models.DurationField()
    credits_charged = models.PositiveSmallIntegerField()
    credits_refunded = models.PositiveSmallIntegerField(default=0)
    credits_given_back = models.PositiveSmallIntegerField(default=0, db_default=0)
    revision = models.PositiveIntegerField(default=0)
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - NULL keys never collide
    requested_slot_id = models.UUIDField()
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.CharField(max_length=16, choices=CancelledBy, blank=True)
    remind_at = models.DateTimeField(null=True, blank=True)
    free_to_leave_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["client", "-scheduled_start_time", "-id"], name="booking_by_client"),
            models.Index(fields=["slot"], name="booking_by_slot", condition=~Q(status="cancelled")),
            # The staff's list: by start, whole, of one host, and filtered by what is rare.
            models.Index(fields=["host", "-scheduled_start_time", "-id"], name="booking_by_host"),
            models.Index(fields=["scheduled_start_time", "id"], name="booking_by_start"),
            models.Index(
                fields=["status", "scheduled_start_time", "id"],
                name="booking_by_status",
                condition=~Q(status="active"),
            ),
            models.Index(
                fields=["cancelled_by", "scheduled_start_time", "id"],
                name="booking_by_canceller",
                condition=~Q(cancelled_by=""),
            ),
            models.Index(fields=["remind_at"], name="booking_to_remind", condition=Q(remind_at__isnull=False)),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(scheduled_end_time__gt=F("scheduled_start_time")), name="booking_ends_after_it_starts"
            ),
            models.CheckConstraint(condition=~Q(client=F("host")), name="booking_not_of_own_slot"),
            models.CheckConstraint(
                condition=Q(credits_charged__gte=F("credits_refunded") + F("credits_given_back")),
                name="booking_gives_back_at_most_its_charge",
            ),
            models.CheckConstraint(
                condition=Q(credits_charged=0) | Q(subscription__isnull=False), name="booking_is_paid"
            ),
            models.CheckConstraint(
                condition=(
                    Q(status="cancelled", cancelled_at__isnull=False, cancelled_by__in=["client", "host", "staff"])
                    | Q(status__in=["active", "no_show"], cancelled_at=None, cancelled_by="", credits_refunded=0)
                ),
                name="booking_status_fits",
            ),
            models.UniqueConstraint(
                fields=["client", "slot"], condition=~Q(status="cancelled"), name="booking_once_per_slot"
            ),
            models.UniqueConstraint(fields=["client", "idempotency_key"], name="booking_idempotent"),
            ExclusionConstraint(
                name="booking_no_overlap",
                expressions=[
                    (F("client"), RangeOperators.EQUAL),
                    (period("scheduled_start_time", "scheduled_end_time"), RangeOperators.OVERLAPS),
                ],
                condition=Q(status="active"),
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Trigger(
                name="seats_match_bookings",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("status", "slot_id"),
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                func=SEATS_MATCH.format(slot="NEW.slot_id")
                + "IF TG_OP = 'UPDATE' AND OLD.slot_id <> NEW.slot_id THEN"
                + SEATS_MATCH.format(slot="OLD.slot_id")
                + "END IF; RETURN NULL;",
            ),
            pgtrigger.Trigger(
                name="matches_ledger",
                operation=pgtrigger.Insert
                | pgtrigger.UpdateOf("credits_charged", "credits_refunded", "credits_given_back"),
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                func=BOOKING_MATCHES.format(booking="NEW.id") + "RETURN NULL;",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.client.login} in {self.slot}"


class BookingMove(models.Model):
    """One rescheduling: the slot, its host and the times that the booking had before.

    `host_id` is what the table would be divided by (docs/scaling.md), null where an earlier release moved the booking.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, related_name="moves")
    previous_slot = models.ForeignKey(Slot, on_delete=models.PROTECT, related_name="+")
    host_id = models.UUIDField(null=True, editable=False)
    previous_start_time = models.DateTimeField()
    previous_end_time = models.DateTimeField()
    moved_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["booking", "id"], name="move_by_booking")]

    def __str__(self) -> str:
        return f"{self.id}"


class WaitlistStatus(models.TextChoices):
    WAITING = "waiting"
    PROMOTED = "promoted"
    LEFT = "left"
    CLOSED = "closed"


class PassedOver(models.TextChoices):
    """Why a client who waits was not booked when a seat was free."""

    NO_CREDIT = "no_credit"
    OVERLAP = "overlap"
    CHANGED = "changed"


class WaitlistEntry(models.Model):
    """A client's place in the queue of a full slot, by `joined_at`.

    Being in it is consent to be booked at the time that it says and for at most `agreed_price`. Without a time it is
    the slot's, which has not changed since.

    `host_id` is what the table would be divided by (docs/scaling.md), null where an earlier release wrote the row.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slot = models.ForeignKey(Slot, on_delete=models.PROTECT, related_name="waitlist")
    host_id = models.UUIDField(null=True, editable=False)
    client = person("waitlist_entries")
    status = models.CharField(max_length=16, choices=WaitlistStatus, default=WaitlistStatus.WAITING)
    joined_at = models.DateTimeField()
    passed_over = models.CharField(max_length=16, choices=PassedOver, blank=True, default="", db_default="")
    agreed_price = models.PositiveSmallIntegerField(default=1, db_default=1)
    agreed_starts_at = models.DateTimeField(null=True, blank=True)
    agreed_ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "waitlist entries"
        indexes: ClassVar = [
            models.Index(fields=["slot", "joined_at", "id"], name="waiting_in_order", condition=Q(status="waiting")),
            models.Index(fields=["status", "-id"], name="waitlist_by_status"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["client", "slot"], condition=Q(status="waiting"), name="waitlist_once_per_slot"
            )
        ]

    def __str__(self) -> str:
        return f"{self.client.login} for {self.slot}"
