from typing import ClassVar

import pgtrigger
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from uuid6 import uuid7

from accounts.policies import clean_text
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

    def clean(self) -> None:
        """For the admin's form: people read the name."""
        self.name = clean_text(self.name, limit=100)
        if not self.name:
            raise ValidationError({"name": "Nothing of this name can be seen."})


# Each entry follows the one before it and the balance is the last one's, so the balance is the sum of all of them
# and nobody has to add them up. Entries from before they were numbered have no number above 0: they are summed once.
_BALANCE_MATCHES = """
    SELECT number, balance_after INTO last FROM bookings_creditentry
     WHERE subscription_id = {subscription} ORDER BY number DESC LIMIT 1;
    IF coalesce(last.number, 0) <= 0 THEN
        last.balance_after = (SELECT coalesce(sum(amount), 0) FROM bookings_creditentry
                               WHERE subscription_id = {subscription});
    END IF;
    IF (SELECT credits_remaining FROM bookings_subscription WHERE id = {subscription}) <> last.balance_after
    THEN RAISE EXCEPTION 'credits_remaining of subscription % is not what its ledger says', {subscription}
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'subscription_balance_matches_ledger';
    END IF;
"""
_ENTRY_FOLLOWS = """
    SELECT number, balance_after INTO last FROM bookings_creditentry
     WHERE subscription_id = NEW.subscription_id AND number < NEW.number ORDER BY number DESC LIMIT 1;
    IF coalesce(last.number, 0) <= 0 THEN
        last.balance_after = (SELECT coalesce(sum(amount), 0) FROM bookings_creditentry
                               WHERE subscription_id = NEW.subscription_id AND number < NEW.number);
    END IF;
    IF NEW.balance_after <> last.balance_after + NEW.amount
    THEN RAISE EXCEPTION 'balance_after of entry % does not follow the entry before it', NEW.id
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'subscription_balance_matches_ledger';
    END IF;
"""
BOOKING_MATCHES = """
    IF (SELECT credits_refunded + credits_given_back - credits_charged FROM bookings_booking WHERE id = {booking})
       <> (SELECT coalesce(sum(amount), 0) FROM bookings_creditentry WHERE booking_id = {booking})
    THEN RAISE EXCEPTION 'the ledger of booking % is not what it was charged and given back', {booking}
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'booking_matches_ledger';
    END IF;
"""
_LAST = [("last", "RECORD")]


class Subscription(models.Model):
    """A person's credits for `[starts_at, ends_at)`. Credits left at its end are kept for a renewal."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # The indexes below begin with these columns.
    user = person("subscriptions", db_index=False)
    plan = models.ForeignKey(Plan, db_index=False, on_delete=models.PROTECT, related_name="subscriptions")
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
                declare=_LAST,
                func=_BALANCE_MATCHES.format(subscription="NEW.id") + "RETURN NULL;",
            )
        ]

    def __str__(self) -> str:
        return f"{self.plan.name} of {self.user.login}"


class NextNumber(models.Func):
    function = "nextval"
    template = "nextval('bookings_creditentry_number')"
    arity = 0
    output_field = models.BigIntegerField()


class EntryReason(models.TextChoices):
    WELCOME = "welcome"
    PLAN = "plan"
    GRANT = "grant"
    RENEWAL = "renewal"
    BOOKING = "booking"
    REFUND = "refund"
    GOODWILL = "goodwill"
    ADJUSTMENT = "adjustment"
    DIFFERENCE = "difference"


class CreditEntry(models.Model):
    """One line of the ledger: added once, never changed, never removed.

    `number` comes from a sequence while the subscription is locked: it orders a subscription's entries as the locks
    did, which clocks do not. `idempotency_key` is that of the request to give credits back.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # The indexes below begin with these columns.
    subscription = models.ForeignKey(Subscription, db_index=False, on_delete=models.PROTECT, related_name="entries")
    booking = models.ForeignKey(
        "bookings.Booking", null=True, blank=True, db_index=False, on_delete=models.PROTECT, related_name="entries"
    )
    amount = models.IntegerField()
    reason = models.CharField(max_length=16, choices=EntryReason)
    balance_after = models.IntegerField()
    created_at = models.DateTimeField()
    number = models.BigIntegerField(null=True, editable=False, db_default=NextNumber())
    note = models.CharField(max_length=200, blank=True, default="", db_default="")
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - NULL keys never collide

    class Meta:
        verbose_name_plural = "credit entries"
        indexes: ClassVar = [
            models.Index(fields=["subscription", "-number"], name="entry_in_order"),
            models.Index(fields=["booking"], name="entry_by_booking"),
            # Bookings are most of the ledger; the staff's list finds them without.
            models.Index(fields=["reason", "-id"], name="entry_by_reason", condition=~Q(reason="booking")),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(balance_after__gte=0), name="entry_never_overdraws"),
            models.CheckConstraint(
                condition=(
                    Q(reason="booking", amount__lt=0, booking__isnull=False)
                    | Q(reason__in=["refund", "goodwill"], amount__gt=0, booking__isnull=False)
                    | Q(reason__in=["welcome", "plan", "grant", "renewal"], amount__gt=0, booking=None)
                    | Q(~Q(amount=0), reason="adjustment", booking=None)
                    | Q(~Q(amount=0), reason="difference", booking__isnull=False)
                ),
                name="entry_is_of_its_reason",
            ),
            models.UniqueConstraint(fields=["booking"], condition=Q(reason="booking"), name="entry_one_charge"),
            models.UniqueConstraint(fields=["booking"], condition=Q(reason="refund"), name="entry_one_refund"),
            models.UniqueConstraint(
                fields=["booking", "idempotency_key"], condition=Q(reason="goodwill"), name="entry_idempotent"
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="never_emptied",
                operation=pgtrigger.Truncate,
                when=pgtrigger.Before,
                level=pgtrigger.Statement,
                func="RAISE EXCEPTION 'Cannot truncate bookings_creditentry: the ledger is append-only';",
            ),
            pgtrigger.Trigger(
                name="balance_matches_ledger",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                declare=_LAST,
                func=_ENTRY_FOLLOWS
                + _BALANCE_MATCHES.format(subscription="NEW.subscription_id")
                + "IF NEW.booking_id IS NOT NULL THEN"
                + BOOKING_MATCHES.format(booking="NEW.booking_id")
                + "END IF; RETURN NULL;",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount:+d} {self.reason}"
