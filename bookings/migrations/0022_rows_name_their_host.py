from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("bookings", "0021_one_index_of_each")]

    operations = [
        migrations.AddField(model_name=name, name="host_id", field=models.UUIDField(editable=False, null=True))
        for name in ("bookingmove", "waitlistentry")
    ]
