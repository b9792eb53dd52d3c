from django.contrib.postgres.operations import AddIndexConcurrently, ValidateConstraint
from django.db import migrations, models
from django.db.models import Q


def validate_key(model: str) -> migrations.RunSQL:
    sql = f"ALTER TABLE bookings_{model} VALIDATE CONSTRAINT {model}_is_made_from"
    return migrations.RunSQL(sql=sql, reverse_sql=migrations.RunSQL.noop)


class Migration(migrations.Migration):
    # Constraints are checked, and the index is built, beside the writers of their tables.
    atomic = False

    accepted = {"ban-drop-constraint": "the one validated here refuses all that it does, but for differences"}

    dependencies = [("bookings", "0016_offerings")]

    operations = [
        ValidateConstraint("booking", "booking_is_paid"),
        ValidateConstraint("availabilityrule", "rule_terms_in_range"),
        ValidateConstraint("slot", "slot_terms_in_range"),
        ValidateConstraint("creditentry", "entry_is_of_its_reason"),
        migrations.RemoveConstraint("creditentry", "entry_suits_its_reason"),
        validate_key("availabilityrule"),
        validate_key("slot"),
        AddIndexConcurrently(
            "slot",
            models.Index(
                fields=["offering", "starts_at", "id"],
                name="slot_by_offering",
                condition=Q(offering__isnull=False),
            ),
        ),
    ]
