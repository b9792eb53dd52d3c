from datetime import UTC, time, timedelta
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
    """The calendar of one host: the row that is locked before slots are added to it.

    `expansion_due_at` is since when its rules wait to be expanded, because it failed; null: they do not.
    The host has been told what others did before `told_until`, and one who wants a mail a day is told from `tell_from`.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.PROTECT, related_name="calendar"
    )
    created_at = models.DateTimeField(db_default=Now())
    expansion_due_at = models.DateTimeField(null=True)
    told_until = models.DateTimeField(db_default=Now(), editable=False)
    tell_from = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["expansion_due_at"],
                name="host_expansion_due",
                condition=Q(expansion_due_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class Offered(models.Model):
    """What a client is offered, besides title, time and seats.

    `link` is for those booked and the host alone. `refund_window_hours` null: as `REFUND_WINDOW_HOURS` says when a
    booking is made.
    """

    description = models.TextField(blank=True, default="", db_default="")
    place = models.CharField(max_length=200, blank=True, default="", db_default="")
    link = models.CharField(max_length=500, blank=True, default="", db_default="")
    price_credits = models.PositiveSmallIntegerField(default=1, db_default=1)
    refund_window_hours = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        abstract = True


TERMS_IN_RANGE = Q(price_credits__lte=100) & (Q(refund_window_hours=None) | Q(refund_window_hours__lte=720))


class Offering(Offered):
    """What a host offers: rules and slots are made from it, may differ from it, and follow its changes forward.

    An archived one makes nothing new; what was made from it stays.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    host = person("offerings", db_index=False)
    title = models.CharField(max_length=200)
    minutes = models.PositiveSmallIntegerField()
    capacity = models.PositiveSmallIntegerField()
    public = models.BooleanField(default=False, db_default=False)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    idempotency_key = models.CharField(max_length=255, null=True, blank=True, editable=False)  # noqa: DJ001 - NULL keys never collide

    class Meta:
        indexes: ClassVar = [models.Index(fields=["host", "id"], name="offering_by_host")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["host", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="offering_idempotent",
            ),
            models.CheckConstraint(
                condition=TERMS_IN_RANGE & Q(capacity__range=(1, 500), minutes__range=(5, 1440)),
                name="offering_sizes_are_sane",
            ),
        ]

    def __str__(self) -> str:
        return self.title


def made_from(related_name: str) -> "models.ForeignKey[Offering | None, Offering | None]":
    """The offering that a rule or a slot was made from; null: none. Offerings are archived, never deleted."""
    return models.ForeignKey(
        Offering, null=True, blank=True, db_index=False, on_delete=models.PROTECT, related_name=related_name
    )


class RuleKind(models.TextChoices):
    WEEKLY = "weekly"
    EXTRA = "extra"
    DAY_OFF = "day_off"


_HAS_HOURS = Q(start_time__isnull=False, end_time__isnull=False) & (~Q(start_time=F("end_time")) | Q(end_time=time.min))


class AvailabilityRule(Offered):
    """When a host receives, in the host's own time zone: a weekday's hours, one date's extra hours, or a day off.

    `weekday` is ISO 8601's, Monday is 1. Hours that do not end after their start end on the next day, at 00:00 with
    the day itself. Days off take away weekly hours, not extra hours.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    host = person("availability_rules")
    offering = made_from("rules")
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
                    Q(_HAS_HOURS, kind="weekly", weekday__range=(1, 7), date=None)
                    | Q(_HAS_HOURS, kind="extra", weekday=None, date__isnull=False)
                    | Q(kind="day_off", weekday=None, date__isnull=False, start_time=None, end_time=None)
                ),
                name="rule_has_what_its_kind_needs",
            ),
            models.CheckConstraint(
                condition=Q(capacity__range=(1, 500), slot_minutes__range=(5, 1440), horizon_days__range=(1, 366)),
                name="rule_sizes_are_sane",
            ),
            models.CheckConstraint(condition=TERMS_IN_RANGE, name="rule_terms_in_range"),
        ]

    def __str__(self) -> str:
        return ", ".join(filter(None, (self.host.login, self.get_kind_display(), self.title)))


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


class Slot(Offered):
    """A session of a host's that clients can book. Seats are changed by conditional updates only.

    A slot made by a rule remembers which one, for which local date and in which place of it, so that it is made once:
    `rule_place` is in minutes of the wall clock after midnight. A cancelled slot keeps its time closed to rules, unless
    `frees_time`: it was closed because no rule asked for it any more, or with a whole day or calendar. One that
    `is_detached` was changed or opened again by its host: its rule keeps its place, and neither closes nor renews it.

    `revision` counts the changes and `changed_at` is the last one: a trigger sets both, whoever changes the row.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # The index by host and start serves what one by host alone would.
    host = person("slots", db_index=False)
    offering = made_from("slots")
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
    is_detached = models.BooleanField(default=False, db_default=False)
    frees_time = models.BooleanField(default=False, db_default=False)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    revision = models.PositiveIntegerField(db_default=0, editable=False)
    changed_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = "session"
        indexes: ClassVar = [
            models.Index(fields=["starts_at", "id"], name="slot_by_start"),
            models.Index(fields=["host", "starts_at"], name="slot_by_host"),
            models.Index(fields=["starts_at", "id"], name="slot_cancelled_by_start", condition=Q(status="cancelled")),
            # With the end of booking in it, a list of what can be booked reads no slot that it does not show.
            models.Index(
                fields=["starts_at", "id", "bookings_close_at"], name="slot_open_by_start", condition=Q(status="open")
            ),
            models.Index(
                fields=["offering", "starts_at", "id"], name="slot_by_offering", condition=Q(offering__isnull=False)
            ),
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
            models.CheckConstraint(condition=TERMS_IN_RANGE, name="slot_terms_in_range"),
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
                name="counts_changes",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.AnyChange(),
                func="NEW.revision = OLD.revision + 1; NEW.changed_at = transaction_timestamp(); RETURN NEW;",
            ),
            pgtrigger.Trigger(
                name="seats_match_bookings",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("seats_taken"),
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                func=SEATS_MATCH.format(slot="NEW.id") + "RETURN NULL;",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title}, {self.starts_at.astimezone(UTC):%a %-d %b %Y, %H:%M} UTC"

    @property
    def minimum_notice_minutes(self) -> int:
        """How long before its start it can still be booked."""
        return (self.starts_at - self.bookings_close_at) // timedelta(minutes=1)

    @minimum_notice_minutes.setter
    def minimum_notice_minutes(self, minutes: int) -> None:
        self.bookings_close_at = self.starts_at - timedelta(minutes=minutes)


class CalendarFeed(models.Model):
    """Which version of a person's feed address is valid; rotating it makes the old address unknown."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.PROTECT, related_name="calendar_feed"
    )
    version = models.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.pk}"


class UnfinishedUpgrade(models.Model):
    """That processes of the release before may still run, which charge one credit for every booking.

    The migration adds the row to a database in use, `manage.py finish_upgrade` removes it.
    """

    name = models.CharField(max_length=50, primary_key=True)
    began_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.name
