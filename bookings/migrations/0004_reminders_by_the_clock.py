from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # The index is built beside the writers of its table.
    atomic = False

    dependencies = [("bookings", "0003_jobs_that_ended_badly")]

    operations = [
        migrations.AddField(
            model_name="booking",
            name="remind_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        AddIndexConcurrently(
            model_name="booking",
            index=models.Index(
                condition=models.Q(("remind_at__isnull", False)), fields=["remind_at"], name="booking_to_remind"
            ),
        ),
    ]
