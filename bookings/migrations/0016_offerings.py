import django.db.models.deletion
import django.db.models.functions.datetime
import uuid6
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import Q

TERMS_IN_RANGE = Q(price_credits__lte=100) & (Q(refund_window_hours=None) | Q(refund_window_hours__lte=720))


def offered() -> list[tuple[str, models.Field]]:
    return [
        ("description", models.TextField(blank=True, db_default="", default="")),
        ("place", models.CharField(blank=True, db_default="", default="", max_length=200)),
        ("link", models.CharField(blank=True, db_default="", default="", max_length=500)),
        ("price_credits", models.PositiveSmallIntegerField(db_default=1, default=1)),
        ("refund_window_hours", models.PositiveSmallIntegerField(blank=True, null=True)),
    ]


def made_from(related_name: str, **options: bool) -> models.ForeignKey:
    return models.ForeignKey(
        "bookings.offering",
        blank=True,
        null=True,
        db_index=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name=related_name,
        **options,
    )


def add_made_from(model: str, related_name: str) -> list[migrations.operations.base.Operation]:
    """The column, and its foreign key without a look at the rows."""
    key = f"{model}_is_made_from"
    return [
        migrations.AddField(model, "offering", made_from(related_name, db_constraint=False)),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    sql=f"ALTER TABLE bookings_{model} ADD CONSTRAINT {key} FOREIGN KEY (offering_id)"
                    " REFERENCES bookings_offering (id) DEFERRABLE INITIALLY DEFERRED NOT VALID",
                    reverse_sql=f"ALTER TABLE bookings_{model} DROP CONSTRAINT {key}",
                )
            ],
            state_operations=[migrations.AlterField(model, "offering", made_from(related_name))],
        ),
    ]


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0015_slots_by_host_and_start"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Offering",
            fields=[
                *offered(),
                ("id", models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "host",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="offerings",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("title", models.CharField(max_length=200)),
                ("minutes", models.PositiveSmallIntegerField()),
                ("capacity", models.PositiveSmallIntegerField()),
                ("public", models.BooleanField(db_default=False, default=False)),
                ("archived_at", models.DateTimeField(blank=True, null=True)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["host", "id"], name="offering_by_host")],
                "constraints": [
                    models.CheckConstraint(
                        condition=TERMS_IN_RANGE & Q(capacity__range=(1, 500), minutes__range=(5, 1440)),
                        name="offering_sizes_are_sane",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="UnfinishedUpgrade",
            fields=[
                ("name", models.CharField(max_length=50, primary_key=True, serialize=False)),
                ("began_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        *(migrations.AddField("availabilityrule", name, field) for name, field in offered()),
        *(migrations.AddField("slot", name, field) for name, field in offered()),
        *add_made_from("availabilityrule", "rules"),
        *add_made_from("slot", "slots"),
        migrations.AddField("booking", "free_to_leave_until", models.DateTimeField(blank=True, null=True)),
        migrations.AlterField(
            "booking",
            "subscription",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="bookings",
                to="bookings.subscription",
            ),
        ),
        migrations.AddField("waitlistentry", "agreed_price", models.PositiveSmallIntegerField(db_default=1, default=1)),
        migrations.AddField("waitlistentry", "agreed_starts_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("waitlistentry", "agreed_ends_at", models.DateTimeField(blank=True, null=True)),
        migrations.AlterField(
            "creditentry",
            "reason",
            models.CharField(
                choices=[
                    ("welcome", "Welcome"),
                    ("plan", "Plan"),
                    ("grant", "Grant"),
                    ("renewal", "Renewal"),
                    ("booking", "Booking"),
                    ("refund", "Refund"),
                    ("goodwill", "Goodwill"),
                    ("adjustment", "Adjustment"),
                    ("difference", "Difference"),
                ],
                max_length=16,
            ),
        ),
        AddConstraintNotValid(
            "booking",
            models.CheckConstraint(
                condition=Q(credits_charged=0) | Q(subscription__isnull=False), name="booking_is_paid"
            ),
        ),
        AddConstraintNotValid(
            "availabilityrule", models.CheckConstraint(condition=TERMS_IN_RANGE, name="rule_terms_in_range")
        ),
        AddConstraintNotValid("slot", models.CheckConstraint(condition=TERMS_IN_RANGE, name="slot_terms_in_range")),
        AddConstraintNotValid(
            "creditentry",
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
        ),
    ]
