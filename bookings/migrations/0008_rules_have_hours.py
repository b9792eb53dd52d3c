from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("bookings", "0007_calendars_follow_their_rules")]

    operations = [ValidateConstraint(model_name="availabilityrule", name="rule_has_what_its_kind_needs")]
