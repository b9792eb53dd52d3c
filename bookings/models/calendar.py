from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from uuid6 import uuid7

from bookings.models.fields import period, person


class Host(models.Model):
    """The calendar of one host: the row that is locked before slots are added to it."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.PROTECT, related_name="calendar"
    )
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.pk}"


class RuleKind(models.TextChoices):
    WEEKLY = "weekly"
    EXTRA = "extra"
    DAY_OFF = "day_off"


class AvailabilityRule(models.Model):
    """When a host receives, in the host's own time zone: a weekday's hours, one date's extra hours, or a day off.

    `weekday` is ISO 8601's, Monday is 1. Days off take away weekly hours, not extra hours.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    host = person("availability_rules")
    kind = models.CharField(max_length=16, choices=RuleKind)
    weekday = models.PositiveSmallIntegerField(null=True, blank=True)
    date = models.DateField(null=True, blank=True)
    start_time = models.TimeField(null=True, blank=True)
    end_time = models.TimeField(null=True, blank=True)
    title = models.CharField(max_length=200, blank=True)
    capacity = models.PositiveSmallIntegerField(default=1)
    slot_minutes = models.PositiveSmallIntegerField(default=60)
    buffer_minutes = models.PositiveSmallIntegerField(default=0)
    minimum_notice_minutes = models.PositiveIntegerField(default=0)
    horizon_days = models.PositiveSmallIntegerField(default=28)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["host"], name="rule_by_host")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=(
                    Q(kind="weekly", weekday__range=(1, 7), date=None, start_time__lt=F("end_time"))
                    | Q(kind="extra", weekday=None, date__isnull=False, start_time__lt=F("end_time"))
                    | Q(kind="day_off", weekday=None, date__isnull=False, start_time=None, end_time=None)
                ),
                name="rule_fits_its_kind",
            ),
            models.CheckConstraint(
                condition=Q(capacity__range=(1, 500), slot_minutes__range=(5, 1440), horizon_days__range=(1, 366)),
                name="rule_sizes_are_sane",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class SlotStatus(models.TextChoices):
    OPEN = "open"
    CANCELLED = "cancelled"


SEATS_MATCH = """
    IF (SELECT seats_taken FROM bookings_slot WHERE id = {slot})
       <> (SELECT count(*) FROM bookings_booking WHERE slot_id = {slot} AND status <> 'cancelled')
    THEN RAISE EXCEPTION 'seats_taken of slot % is not the number of its bookings', {slot}
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'slot_seats_match_bookings';
    END IF;
"""


class Slot(models.Model):
    """A session of a host's that clients can book. Seats are changed by conditional updates only.

    A slot made by a rule remembers which one, for which local date and in which place, so that it is made once.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    host = person("slots")
    title = models.CharField(max_length=200)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    bookings_close_at = models.DateTimeField()
    capacity = models.PositiveSmallIntegerField()
    seats_taken = models.PositiveSmallIntegerField(default=0)
    status = models.CharField(max_length=16, choices=SlotStatus, default=SlotStatus.OPEN)
    rule = models.ForeignKey(AvailabilityRule, null=True, blank=True, on_delete=models.SET_NULL, related_name="slots")
    rule_date = models.DateField(null=True, blank=True)
    rule_place = models.PositiveSmallIntegerField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["starts_at", "id"], name="slot_by_start"),
            models.Index(fields=["host", "starts_at"], name="slot_by_host"),
            models.Index(fields=["starts_at", "id"], name="slot_cancelled_by_start", condition=Q(status="cancelled")),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="slot_ends_after_it_starts"),
            models.CheckConstraint(
                condition=Q(bookings_close_at__lte=F("starts_at")), name="slot_closes_before_it_starts"
            ),
            models.CheckConstraint(
                condition=Q(capacity__gte=1, seats_taken__gte=0, seats_taken__lte=F("capacity")),
                name="slot_seats_fit_capacity",
            ),
            models.CheckConstraint(
                condition=Q(status="open", cancelled_at=None) | Q(status="cancelled", cancelled_at__isnull=False),
                name="slot_status_fits",
            ),
            models.CheckConstraint(condition=Q(status="open") | Q(seats_taken=0), name="slot_cancelled_is_empty"),
            models.UniqueConstraint(fields=["rule", "rule_date", "rule_place"], name="slot_made_once_by_rule"),
            ExclusionConstraint(
                name="slot_no_overlap",
                expressions=[
                    (F("host"), RangeOperators.EQUAL),
                    (period("starts_at", "ends_at"), RangeOperators.OVERLAPS),
                ],
                condition=Q(status="open"),
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Trigger(
                name="seats_match_bookings",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("seats_taken"),
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                func=SEATS_MATCH.format(slot="NEW.id") + "RETURN NULL;",
            )
        ]

    def __str__(self) -> str:
        return f"{self.title} {self.starts_at.isoformat()}"


class CalendarFeed(models.Model):
    """Which version of a person's feed address is valid; rotating it makes the old address unknown."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.PROTECT, related_name="calendar_feed"
    )
    version = models.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.pk}"
