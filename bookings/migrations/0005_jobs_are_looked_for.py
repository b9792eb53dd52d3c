from django.db import migrations

TRIGGER = "procrastinate_jobs_notify_queue_job_inserted_v1"


class Migration(migrations.Migration):
    """PostgreSQL lets transactions that notify commit one after the other, each waiting for the disk.

    Orders are the product's most frequent writes, so the worker looks for their jobs every second instead.
    """

    dependencies = [("bookings", "0004_reminders_by_the_clock"), ("procrastinate", "0041_post_retry_failed_job")]

    operations = [
        migrations.RunSQL(
            sql=f"ALTER TABLE procrastinate_jobs DISABLE TRIGGER {TRIGGER}",
            reverse_sql=f"ALTER TABLE procrastinate_jobs ENABLE TRIGGER {TRIGGER}",
        )
    ]
