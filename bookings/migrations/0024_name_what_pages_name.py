from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("bookings", "0023_name_hosts")]

    operations = [migrations.AlterModelOptions("slot", options={"verbose_name": "session"})]
