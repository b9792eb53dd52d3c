from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from uuid6 import uuid7

from bookings.models.fields import person


class Plan(models.Model):
    """What staff give people: `credits` for each period of `period_days` days of 24 hours."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=100, unique=True)
    credits = models.PositiveSmallIntegerField()
    period_days = models.PositiveSmallIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(period_days__gte=1), name="plan_period_is_positive")
        ]

    def __str__(self) -> str:
        return self.name


_BALANCE_MATCHES = """
    IF (SELECT credits_remaining FROM bookings_subscription WHERE id = {subscription})
       <> (SELECT coalesce(sum(amount), 0) FROM bookings_creditentry WHERE subscription_id = {subscription})
    THEN RAISE EXCEPTION 'credits_remaining of subscription % is not the sum of its ledger', {subscription}
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'subscription_balance_matches_ledger';
    END IF;
    RETURN NULL;
"""


class Subscription(models.Model):
    """A person's credits for `[starts_at, ends_at)`. Credits left at its end are kept for a renewal."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = person("subscriptions")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="subscriptions")
    credits_remaining = models.IntegerField(default=0)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    renews = models.BooleanField(default=False)
    expired_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["user", "ends_at"], name="subscription_by_user"),
            models.Index(fields=["ends_at"], name="subscription_unsettled", condition=Q(expired_at=None)),
            models.Index(fields=["plan", "-id"], name="subscription_by_plan"),
            models.Index(fields=["-id"], name="subscription_renewing", condition=Q(renews=True)),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(credits_remaining__gte=0), name="subscription_never_overdrawn"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="subscription_ends_after_it_starts"),
        ]
        triggers: ClassVar = [
            pgtrigger.Trigger(
                name="balance_matches_ledger",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("credits_remaining"),
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                func=_BALANCE_MATCHES.format(subscription="NEW.id"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.id}"


class EntryReason(models.TextChoices):
    WELCOME = "welcome"
    PLAN = "plan"
    GRANT = "grant"
    RENEWAL = "renewal"
    BOOKING = "booking"
    REFUND = "refund"


class CreditEntry(models.Model):
    """One line of the ledger: added once, never changed, never removed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="entries")
    booking = models.ForeignKey(
        "bookings.Booking", null=True, blank=True, on_delete=models.PROTECT, related_name="entries"
    )
    amount = models.IntegerField()
    reason = models.CharField(max_length=16, choices=EntryReason)
    balance_after = models.IntegerField()
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "credit entries"
        indexes: ClassVar = [
            models.Index(fields=["subscription", "-id"], name="entry_by_subscription"),
            models.Index(fields=["booking"], name="entry_by_booking"),
            # Bookings are most of the ledger; the staff's list finds them without.
            models.Index(fields=["reason", "-id"], name="entry_by_reason", condition=~Q(reason="booking")),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(balance_after__gte=0), name="entry_never_overdraws"),
            models.CheckConstraint(
                condition=(
                    Q(reason="booking", amount__lt=0, booking__isnull=False)
                    | Q(reason="refund", amount__gt=0, booking__isnull=False)
                    | Q(reason__in=["welcome", "plan", "grant", "renewal"], amount__gt=0, booking=None)
                ),
                name="entry_fits_its_reason",
            ),
            models.UniqueConstraint(fields=["booking"], condition=Q(reason="booking"), name="entry_one_charge"),
            models.UniqueConstraint(fields=["booking"], condition=Q(reason="refund"), name="entry_one_refund"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="balance_matches_ledger",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                func=_BALANCE_MATCHES.format(subscription="NEW.subscription_id"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount:+d} {self.reason}"
