from django.contrib.postgres.operations import RemoveIndexConcurrently, ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    # Constraints are checked, and the index is dropped, beside the writers of their tables.
    atomic = False

    accepted = {"ban-drop-constraint": "the constraints validated here refuse all that these do"}

    dependencies = [("bookings", "0011_ledger_guards")]

    operations = [
        ValidateConstraint(model_name="booking", name="booking_gives_back_at_most_its_charge"),
        ValidateConstraint(model_name="creditentry", name="entry_suits_its_reason"),
        migrations.RemoveConstraint(model_name="booking", name="booking_refunds_at_most_its_charge"),
        migrations.RemoveConstraint(model_name="creditentry", name="entry_fits_its_reason"),
        RemoveIndexConcurrently(
            model_name="creditentry",
            name="entry_by_subscription",
        ),
    ]
