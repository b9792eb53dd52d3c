from typing import Any

from django.db import migrations, transaction

# Rows that the release before writes from now on have none; the next release names theirs, too.
_NAME = """
WITH batch AS (
    SELECT r.id, s.host_id FROM {table} r JOIN bookings_slot s ON s.id = r.{slot}
    WHERE r.host_id IS NULL ORDER BY r.id LIMIT %s FOR UPDATE OF r
)
UPDATE {table} r SET host_id = batch.host_id FROM batch WHERE r.id = batch.id
"""


def name_in_batches(apps: Any, editor: Any, batch: int = 1000) -> None:
    for table, slot in (("bookings_bookingmove", "previous_slot_id"), ("bookings_waitlistentry", "slot_id")):
        named = batch
        while named:
            with transaction.atomic(using=editor.connection.alias), editor.connection.cursor() as cursor:
                cursor.execute(_NAME.format(table=table, slot=slot), [batch])
                named = cursor.rowcount


class Migration(migrations.Migration):
    # Each batch commits on its own.
    atomic = False

    dependencies = [("bookings", "0022_rows_name_their_host")]

    operations = [migrations.RunPython(name_in_batches, migrations.RunPython.noop)]
