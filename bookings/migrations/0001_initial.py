import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
import uuid6
from django.conf import settings
from django.contrib.postgres.operations import BtreeGistExtension
from django.db import migrations, models

import bookings.models.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        BtreeGistExtension(),
        migrations.CreateModel(
            name="CalendarFeed",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="calendar_feed",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1)),
            ],
        ),
        migrations.CreateModel(
            name="Host",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="calendar",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name="AvailabilityRule",
            fields=[
                ("id", models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("weekly", "Weekly"), ("extra", "Extra"), ("day_off", "Day Off")], max_length=16
                    ),
                ),
                ("weekday", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("date", models.DateField(blank=True, null=True)),
                ("start_time", models.TimeField(blank=True, null=True)),
                ("end_time", models.TimeField(blank=True, null=True)),
                ("title", models.CharField(blank=True, max_length=200)),
                ("capacity", models.PositiveSmallIntegerField(default=1)),
                ("slot_minutes", models.PositiveSmallIntegerField(default=60)),
                ("buffer_minutes", models.PositiveSmallIntegerField(default=0)),
                ("minimum_notice_minutes", models.PositiveIntegerField(default=0)),
                ("horizon_days", models.PositiveSmallIntegerField(default=28)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "host",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="availability_rules",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Booking",
            fields=[
                ("id", models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "status",
                    models.CharField(
                        choices=[("active", "Active"), ("cancelled", "Cancelled"), ("no_show", "No Show")],
                        default="active",
                        max_length=16,
                    ),
                ),
                ("scheduled_start_time", models.DateTimeField()),
                ("scheduled_end_time", models.DateTimeField()),
                ("refund_window", models.DurationField()),
                ("credits_charged", models.PositiveSmallIntegerField()),
                ("credits_refunded", models.PositiveSmallIntegerField(default=0)),
                ("revision", models.PositiveIntegerField(default=0)),
                ("idempotency_key", models.CharField(blank=True, max_length=255, null=True)),
                ("requested_slot_id", models.UUIDField()),
                ("created_at", models.DateTimeField()),
                ("changed_at", models.DateTimeField()),
                ("cancelled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "cancelled_by",
                    models.CharField(
                        blank=True, choices=[("client", "Client"), ("host", "Host"), ("staff", "Staff")], max_length=16
                    ),
                ),
                (
                    "client",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bookings",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "host",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="hosted_bookings",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Plan",
            fields=[
                ("id", models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=100, unique=True)),
                ("credits", models.PositiveSmallIntegerField()),
                ("period_days", models.PositiveSmallIntegerField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("period_days__gte", 1)), name="plan_period_is_positive")
                ],
            },
        ),
        migrations.CreateModel(
            name="Slot",
            fields=[
                ("id", models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ("title", models.CharField(max_length=200)),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("bookings_close_at", models.DateTimeField()),
                ("capacity", models.PositiveSmallIntegerField()),
                ("seats_taken", models.PositiveSmallIntegerField(default=0)),
                (
                    "status",
                    models.CharField(
                        choices=[("open", "Open"), ("cancelled", "Cancelled")], default="open", max_length=16
                    ),
                ),
                ("rule_date", models.DateField(blank=True, null=True)),
                ("rule_place", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("cancelled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "host",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="slots", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="slots",
                        to="bookings.availabilityrule",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="BookingMove",
            fields=[
                ("id", models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ("previous_start_time", models.DateTimeField()),
                ("previous_end_time", models.DateTimeField()),
                ("moved_at", models.DateTimeField()),
                (
                    "booking",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="moves", to="bookings.booking"
                    ),
                ),
                (
                    "previous_slot",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="bookings.slot"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="booking",
            name="slot",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="bookings", to="bookings.slot"
            ),
        ),
        migrations.CreateModel(
            name="Subscription",
            fields=[
                ("id", models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ("credits_remaining", models.IntegerField(default=0)),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("renews", models.BooleanField(default=False)),
                ("expired_at", models.DateTimeField(blank=True, null=True)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="subscriptions", to="bookings.plan"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="subscriptions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CreditEntry",
            fields=[
                ("id", models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ("amount", models.IntegerField()),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("welcome", "Welcome"),
                            ("plan", "Plan"),
                            ("grant", "Grant"),
                            ("renewal", "Renewal"),
                            ("booking", "Booking"),
                            ("refund", "Refund"),
                        ],
                        max_length=16,
                    ),
                ),
                ("balance_after", models.IntegerField()),
                ("created_at", models.DateTimeField()),
                (
                    "booking",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="bookings.booking",
                    ),
                ),
                (
                    "subscription",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="entries", to="bookings.subscription"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "credit entries",
            },
        ),
        migrations.AddField(
            model_name="booking",
            name="subscription",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="bookings", to="bookings.subscription"
            ),
        ),
        migrations.CreateModel(
            name="WaitlistEntry",
            fields=[
                ("id", models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("promoted", "Promoted"),
                            ("left", "Left"),
                            ("closed", "Closed"),
                        ],
                        default="waiting",
                        max_length=16,
                    ),
                ),
                ("joined_at", models.DateTimeField()),
                (
                    "client",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="waitlist_entries",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "slot",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="waitlist", to="bookings.slot"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "waitlist entries",
            },
        ),
        migrations.AddIndex(
            model_name="availabilityrule",
            index=models.Index(fields=["host"], name="rule_by_host"),
        ),
        migrations.AddConstraint(
            model_name="availabilityrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("date", None),
                        ("kind", "weekly"),
                        ("start_time__lt", models.F("end_time")),
                        ("weekday__range", (1, 7)),
                    ),
                    models.Q(
                        ("date__isnull", False),
                        ("kind", "extra"),
                        ("start_time__lt", models.F("end_time")),
                        ("weekday", None),
                    ),
                    models.Q(
                        ("date__isnull", False),
                        ("end_time", None),
                        ("kind", "day_off"),
                        ("start_time", None),
                        ("weekday", None),
                    ),
                    _connector="OR",
                ),
                name="rule_fits_its_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="availabilityrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("capacity__range", (1, 500)), ("horizon_days__range", (1, 366)), ("slot_minutes__range", (5, 1440))
                ),
                name="rule_sizes_are_sane",
            ),
        ),
        migrations.AddIndex(
            model_name="slot",
            index=models.Index(fields=["starts_at", "id"], name="slot_by_start"),
        ),
        migrations.AddIndex(
            model_name="slot",
            index=models.Index(fields=["host", "starts_at"], name="slot_by_host"),
        ),
        migrations.AddConstraint(
            model_name="slot",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at__gt", models.F("starts_at"))), name="slot_ends_after_it_starts"
            ),
        ),
        migrations.AddConstraint(
            model_name="slot",
            constraint=models.CheckConstraint(
                condition=models.Q(("bookings_close_at__lte", models.F("starts_at"))),
                name="slot_closes_before_it_starts",
            ),
        ),
        migrations.AddConstraint(
            model_name="slot",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("capacity__gte", 1), ("seats_taken__gte", 0), ("seats_taken__lte", models.F("capacity"))
                ),
                name="slot_seats_fit_capacity",
            ),
        ),
        migrations.AddConstraint(
            model_name="slot",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("cancelled_at", None), ("status", "open")),
                    models.Q(("cancelled_at__isnull", False), ("status", "cancelled")),
                    _connector="OR",
                ),
                name="slot_status_fits",
            ),
        ),
        migrations.AddConstraint(
            model_name="slot",
            constraint=models.CheckConstraint(
                condition=models.Q(("status", "open"), ("seats_taken", 0), _connector="OR"),
                name="slot_cancelled_is_empty",
            ),
        ),
        migrations.AddConstraint(
            model_name="slot",
            constraint=models.UniqueConstraint(
                fields=("rule", "rule_date", "rule_place"), name="slot_made_once_by_rule"
            ),
        ),
        migrations.AddConstraint(
            model_name="slot",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                condition=models.Q(("status", "open")),
                expressions=[
                    (models.F("host"), "="),
                    (
                        bookings.models.fields.Period(
                            models.F("starts_at"),
                            models.F("ends_at"),
                            django.contrib.postgres.fields.ranges.RangeBoundary(),
                        ),
                        "&&",
                    ),
                ],
                name="slot_no_overlap",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="slot",
            trigger=pgtrigger.compiler.Trigger(
                name="seats_match_bookings",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    constraint="CONSTRAINT",
                    func="\n    IF (SELECT seats_taken FROM bookings_slot WHERE id = NEW.id)\n       <> (SELECT count(*) FROM bookings_booking WHERE slot_id = NEW.id AND status <> 'cancelled')\n    THEN RAISE EXCEPTION 'seats_taken of slot % is not the number of its bookings', NEW.id\n        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'slot_seats_match_bookings';\n    END IF;\nRETURN NULL;",
                    hash="9bbe0412f4e544b1e75b0fe44c8cf1275661ea7e",
                    operation='INSERT OR UPDATE OF "seats_taken"',
                    pgid="pgtrigger_seats_match_bookings_e2d5f",
                    table="bookings_slot",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="bookingmove",
            index=models.Index(fields=["booking", "id"], name="move_by_booking"),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(fields=["user", "ends_at"], name="subscription_by_user"),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(
                condition=models.Q(("expired_at", None)), fields=["ends_at"], name="subscription_unsettled"
            ),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(
                condition=models.Q(("credits_remaining__gte", 0)), name="subscription_never_overdrawn"
            ),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at__gt", models.F("starts_at"))), name="subscription_ends_after_it_starts"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="subscription",
            trigger=pgtrigger.compiler.Trigger(
                name="balance_matches_ledger",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    constraint="CONSTRAINT",
                    func="\n    IF (SELECT credits_remaining FROM bookings_subscription WHERE id = NEW.id)\n       <> (SELECT coalesce(sum(amount), 0) FROM bookings_creditentry WHERE subscription_id = NEW.id)\n    THEN RAISE EXCEPTION 'credits_remaining of subscription % is not the sum of its ledger', NEW.id\n        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'subscription_balance_matches_ledger';\n    END IF;\n    RETURN NULL;\n",
                    hash="da0d151a17fa0f6e1a7cbf2d5e39de317f409085",
                    operation='INSERT OR UPDATE OF "credits_remaining"',
                    pgid="pgtrigger_balance_matches_ledger_48949",
                    table="bookings_subscription",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="creditentry",
            index=models.Index(fields=["subscription", "-id"], name="entry_by_subscription"),
        ),
        migrations.AddIndex(
            model_name="creditentry",
            index=models.Index(fields=["booking"], name="entry_by_booking"),
        ),
        migrations.AddConstraint(
            model_name="creditentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("balance_after__gte", 0)), name="entry_never_overdraws"
            ),
        ),
        migrations.AddConstraint(
            model_name="creditentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("amount__lt", 0), ("booking__isnull", False), ("reason", "booking")),
                    models.Q(("amount__gt", 0), ("booking__isnull", False), ("reason", "refund")),
                    models.Q(
                        ("amount__gt", 0), ("booking", None), ("reason__in", ["welcome", "plan", "grant", "renewal"])
                    ),
                    _connector="OR",
                ),
                name="entry_fits_its_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="creditentry",
            constraint=models.UniqueConstraint(
                condition=models.Q(("reason", "booking")), fields=("booking",), name="entry_one_charge"
            ),
        ),
        migrations.AddConstraint(
            model_name="creditentry",
            constraint=models.UniqueConstraint(
                condition=models.Q(("reason", "refund")), fields=("booking",), name="entry_one_refund"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="creditentry",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="5d8790840ac71f6ecac4a30f993f43a88659139e",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_81e08",
                    table="bookings_creditentry",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="creditentry",
            trigger=pgtrigger.compiler.Trigger(
                name="balance_matches_ledger",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    constraint="CONSTRAINT",
                    func="\n    IF (SELECT credits_remaining FROM bookings_subscription WHERE id = NEW.subscription_id)\n       <> (SELECT coalesce(sum(amount), 0) FROM bookings_creditentry WHERE subscription_id = NEW.subscription_id)\n    THEN RAISE EXCEPTION 'credits_remaining of subscription % is not the sum of its ledger', NEW.subscription_id\n        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'subscription_balance_matches_ledger';\n    END IF;\n    RETURN NULL;\n",
                    hash="f91a10a4dd909d7732bc4cbb92512009ad669db3",
                    operation="INSERT",
                    pgid="pgtrigger_balance_matches_ledger_b4f10",
                    table="bookings_creditentry",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="booking",
            index=models.Index(fields=["client", "-scheduled_start_time", "-id"], name="booking_by_client"),
        ),
        migrations.AddIndex(
            model_name="booking",
            index=models.Index(
                condition=models.Q(("status", "cancelled"), _negated=True), fields=["slot"], name="booking_by_slot"
            ),
        ),
        migrations.AddConstraint(
            model_name="booking",
            constraint=models.CheckConstraint(
                condition=models.Q(("scheduled_end_time__gt", models.F("scheduled_start_time"))),
                name="booking_ends_after_it_starts",
            ),
        ),
        migrations.AddConstraint(
            model_name="booking",
            constraint=models.CheckConstraint(
                condition=models.Q(("client", models.F("host")), _negated=True), name="booking_not_of_own_slot"
            ),
        ),
        migrations.AddConstraint(
            model_name="booking",
            constraint=models.CheckConstraint(
                condition=models.Q(("credits_refunded__lte", models.F("credits_charged"))),
                name="booking_refunds_at_most_its_charge",
            ),
        ),
        migrations.AddConstraint(
            model_name="booking",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("cancelled_at__isnull", False),
                        ("cancelled_by__in", ["client", "host", "staff"]),
                        ("status", "cancelled"),
                    ),
                    models.Q(
                        ("cancelled_at", None),
                        ("cancelled_by", ""),
                        ("credits_refunded", 0),
                        ("status__in", ["active", "no_show"]),
                    ),
                    _connector="OR",
                ),
                name="booking_status_fits",
            ),
        ),
        migrations.AddConstraint(
            model_name="booking",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "cancelled"), _negated=True),
                fields=("client", "slot"),
                name="booking_once_per_slot",
            ),
        ),
        migrations.AddConstraint(
            model_name="booking",
            constraint=models.UniqueConstraint(fields=("client", "idempotency_key"), name="booking_idempotent"),
        ),
        migrations.AddConstraint(
            model_name="booking",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                condition=models.Q(("status", "active")),
                expressions=[
                    (models.F("client"), "="),
                    (
                        bookings.models.fields.Period(
                            models.F("scheduled_start_time"),
                            models.F("scheduled_end_time"),
                            django.contrib.postgres.fields.ranges.RangeBoundary(),
                        ),
                        "&&",
                    ),
                ],
                name="booking_no_overlap",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="booking",
            trigger=pgtrigger.compiler.Trigger(
                name="seats_match_bookings",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    constraint="CONSTRAINT",
                    func="\n    IF (SELECT seats_taken FROM bookings_slot WHERE id = NEW.slot_id)\n       <> (SELECT count(*) FROM bookings_booking WHERE slot_id = NEW.slot_id AND status <> 'cancelled')\n    THEN RAISE EXCEPTION 'seats_taken of slot % is not the number of its bookings', NEW.slot_id\n        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'slot_seats_match_bookings';\n    END IF;\nIF TG_OP = 'UPDATE' AND OLD.slot_id <> NEW.slot_id THEN\n    IF (SELECT seats_taken FROM bookings_slot WHERE id = OLD.slot_id)\n       <> (SELECT count(*) FROM bookings_booking WHERE slot_id = OLD.slot_id AND status <> 'cancelled')\n    THEN RAISE EXCEPTION 'seats_taken of slot % is not the number of its bookings', OLD.slot_id\n        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'slot_seats_match_bookings';\n    END IF;\nEND IF; RETURN NULL;",
                    hash="b841d8d8ce628e62de548f2d122fccd403fd24f7",
                    operation='INSERT OR UPDATE OF "status", "slot_id"',
                    pgid="pgtrigger_seats_match_bookings_00467",
                    table="bookings_booking",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="waitlistentry",
            index=models.Index(
                condition=models.Q(("status", "waiting")), fields=["slot", "joined_at", "id"], name="waiting_in_order"
            ),
        ),
        migrations.AddConstraint(
            model_name="waitlistentry",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "waiting")), fields=("client", "slot"), name="waitlist_once_per_slot"
            ),
        ),
    ]
