from typing import Any

from django.db import migrations, transaction

# Entries from before the sequence get the numbers below it, in the order of their ids: the last one first.
_NUMBER = """
WITH batch AS (
    SELECT id, row_number() OVER (ORDER BY id DESC) AS place
    FROM bookings_creditentry WHERE number IS NULL ORDER BY id DESC LIMIT %s
)
UPDATE bookings_creditentry e SET number = lowest.number - batch.place
FROM batch, (SELECT least(min(number), 1) AS number FROM bookings_creditentry) AS lowest
WHERE e.id = batch.id
"""


def number_in_batches(apps: Any, editor: Any, batch: int = 5000) -> None:
    """The trigger that keeps the ledger as it is lets these statements through."""
    while True:
        with transaction.atomic(using=editor.connection.alias), editor.connection.cursor() as cursor:
            cursor.execute("SELECT set_config('pgtrigger.ignore', '{pgtrigger_append_only_81e08}', true)")
            cursor.execute(_NUMBER, [batch])
            if not cursor.rowcount:
                return


class Migration(migrations.Migration):
    # Each batch commits on its own.
    atomic = False

    dependencies = [("bookings", "0009_ledger_in_order")]

    operations = [migrations.RunPython(number_in_batches, migrations.RunPython.noop)]
