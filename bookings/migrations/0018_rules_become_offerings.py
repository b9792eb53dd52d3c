from typing import Any

from django.db import migrations, transaction

_SLOTS = """
WITH batch AS (
    SELECT s.id, r.offering_id FROM bookings_slot s JOIN bookings_availabilityrule r ON r.id = s.rule_id
    WHERE s.offering_id IS NULL AND r.offering_id IS NOT NULL ORDER BY s.id LIMIT %s
)
UPDATE bookings_slot s SET offering_id = batch.offering_id FROM batch WHERE s.id = batch.id
"""


def note_upgrade(apps: Any, editor: Any) -> None:
    """In a database in use the release before may still charge one credit; a new one has no such processes. One batch."""
    if apps.get_model("accounts", "User").objects.exists():
        steps = apps.get_model("bookings", "UnfinishedUpgrade").objects
        steps.bulk_create([steps.model(name="offerings")], ignore_conflicts=True)


def adopt_in_batches(apps: Any, editor: Any, batch: int = 1000) -> None:
    """Hours of a host that agree in title, length and seats are one offering, and so are the slots that they made."""
    rules = apps.get_model("bookings", "AvailabilityRule").objects.filter(offering=None).exclude(kind="day_off")
    while host_ids := list(rules.order_by("host_id").values_list("host_id", flat=True).distinct()[:batch]):
        for host_id in host_ids:
            with transaction.atomic(using=editor.connection.alias):
                _adopt_rules(apps, rules.filter(host_id=host_id))
    adopted = batch
    while adopted:
        with transaction.atomic(using=editor.connection.alias), editor.connection.cursor() as cursor:
            cursor.execute(_SLOTS, [batch])
            adopted = cursor.rowcount


def _adopt_rules(apps: Any, rules: Any) -> None:
    kept = ("host_id", "title", "slot_minutes", "capacity")
    for host_id, title, minutes, capacity in rules.order_by(*kept).values_list(*kept).distinct():
        values = {"host_id": host_id, "title": title, "minutes": minutes, "capacity": capacity}
        offerings = apps.get_model("bookings", "Offering").objects
        offering = offerings.filter(**values).first() or offerings.create(**values)
        rules.filter(title=title, slot_minutes=minutes, capacity=capacity).update(offering=offering)


class Migration(migrations.Migration):
    # Each batch commits on its own.
    atomic = False

    dependencies = [("bookings", "0017_validate_offerings")]

    operations = [
        migrations.RunPython(note_upgrade, migrations.RunPython.noop),
        migrations.RunPython(adopt_in_batches, migrations.RunPython.noop),
    ]
