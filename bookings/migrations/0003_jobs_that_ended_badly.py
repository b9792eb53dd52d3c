from django.db import migrations


class Migration(migrations.Migration):
    """The jobs' table belongs to procrastinate, which has no index for what operators look for."""

    # The index is built beside the writers of its table.
    atomic = False

    dependencies = [("bookings", "0002_indexes_of_lists"), ("procrastinate", "0041_post_retry_failed_job")]

    operations = [
        migrations.RunSQL(
            sql="CREATE INDEX CONCURRENTLY job_ended_badly ON procrastinate_jobs (status, id) "
            "WHERE status IN ('failed', 'cancelled', 'aborting', 'aborted')",
            reverse_sql="DROP INDEX CONCURRENTLY job_ended_badly",
        )
    ]
