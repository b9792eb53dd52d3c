from django.conf import settings
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Each index is built beside the writers of its table.
    atomic = False

    dependencies = [
        ("bookings", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="booking",
            index=models.Index(fields=["scheduled_start_time", "id"], name="booking_by_start"),
        ),
        AddIndexConcurrently(
            model_name="booking",
            index=models.Index(
                condition=models.Q(("status", "active"), _negated=True),
                fields=["status", "scheduled_start_time", "id"],
                name="booking_by_status",
            ),
        ),
        AddIndexConcurrently(
            model_name="booking",
            index=models.Index(
                condition=models.Q(("cancelled_by", ""), _negated=True),
                fields=["cancelled_by", "scheduled_start_time", "id"],
                name="booking_by_canceller",
            ),
        ),
        AddIndexConcurrently(
            model_name="booking",
            index=models.Index(fields=["host", "-scheduled_start_time", "-id"], name="booking_by_host"),
        ),
        AddIndexConcurrently(
            model_name="creditentry",
            index=models.Index(
                condition=models.Q(("reason", "booking"), _negated=True),
                fields=["reason", "-id"],
                name="entry_by_reason",
            ),
        ),
        AddIndexConcurrently(
            model_name="slot",
            index=models.Index(
                condition=models.Q(("status", "cancelled")), fields=["starts_at", "id"], name="slot_cancelled_by_start"
            ),
        ),
        AddIndexConcurrently(
            model_name="subscription",
            index=models.Index(fields=["plan", "-id"], name="subscription_by_plan"),
        ),
        AddIndexConcurrently(
            model_name="subscription",
            index=models.Index(condition=models.Q(("renews", True)), fields=["-id"], name="subscription_renewing"),
        ),
        AddIndexConcurrently(
            model_name="waitlistentry",
            index=models.Index(fields=["status", "-id"], name="waitlist_by_status"),
        ),
    ]
