from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    # The index goes beside the writers of its table.
    atomic = False

    dependencies = [("accounts", "0002_indexes_of_lists")]

    operations = [RemoveIndexConcurrently(model_name="event", name="event_by_time")]
