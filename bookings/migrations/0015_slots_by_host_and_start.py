import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    # The index is dropped beside the writers of its table.
    atomic = False

    dependencies = [
        ("bookings", "0014_hosts_are_told"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    sql="DROP INDEX CONCURRENTLY IF EXISTS bookings_slot_host_id_0e22b790",
                    reverse_sql="CREATE INDEX CONCURRENTLY bookings_slot_host_id_0e22b790 ON bookings_slot (host_id)",
                )
            ],
            state_operations=[
                migrations.AlterField(
                    model_name="slot",
                    name="host",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="slots",
                        to=settings.AUTH_USER_MODEL,
                    ),
                )
            ],
        )
    ]
