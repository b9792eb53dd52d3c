from django.db import migrations, models


class Migration(migrations.Migration):
    # The index is built beside the writers of its table.
    atomic = False

    dependencies = [("bookings", "0019_slots_are_detached")]

    operations = [
        migrations.AddField(
            "offering", "idempotency_key", models.CharField(blank=True, editable=False, max_length=255, null=True)
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "CREATE UNIQUE INDEX CONCURRENTLY offering_idempotent"
                    " ON bookings_offering (host_id, idempotency_key) WHERE idempotency_key IS NOT NULL",
                    "DROP INDEX CONCURRENTLY offering_idempotent",
                ),
            ],
            state_operations=[
                migrations.AddConstraint(
                    "offering",
                    models.UniqueConstraint(
                        condition=models.Q(idempotency_key__isnull=False),
                        fields=["host", "idempotency_key"],
                        name="offering_idempotent",
                    ),
                ),
            ],
        ),
    ]
