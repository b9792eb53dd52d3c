import datetime

from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently
from django.db import migrations, models
from django.db.models import F, Q

HAS_HOURS = Q(start_time__isnull=False, end_time__isnull=False) & (
    ~Q(start_time=F("end_time")) | Q(end_time=datetime.time(0, 0))
)


class Migration(migrations.Migration):
    # Each index is built beside the writers of its table.
    atomic = False

    accepted = {"ban-drop-constraint": "the one added before it refuses all but hours that end on the next day"}
    dependencies = [("bookings", "0006_ledger_is_never_emptied")]

    operations = [
        migrations.AddField(
            model_name="slot",
            name="frees_time",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="host",
            name="expansion_due_at",
            field=models.DateTimeField(null=True),
        ),
        AddIndexConcurrently(
            model_name="host",
            index=models.Index(
                condition=Q(("expansion_due_at__isnull", False)),
                fields=["expansion_due_at"],
                name="host_expansion_due",
            ),
        ),
        AddIndexConcurrently(
            model_name="slot",
            index=models.Index(
                condition=Q(("status", "open")),
                fields=["starts_at", "id", "bookings_close_at"],
                name="slot_open_by_start",
            ),
        ),
        AddConstraintNotValid(
            model_name="availabilityrule",
            constraint=models.CheckConstraint(
                condition=(
                    Q(HAS_HOURS, kind="weekly", weekday__range=(1, 7), date=None)
                    | Q(HAS_HOURS, kind="extra", weekday=None, date__isnull=False)
                    | Q(kind="day_off", weekday=None, date__isnull=False, start_time=None, end_time=None)
                ),
                name="rule_has_what_its_kind_needs",
            ),
        ),
        migrations.RemoveConstraint(model_name="availabilityrule", name="rule_fits_its_kind"),
    ]
