from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("bookings", "0018_rules_become_offerings")]

    operations = [
        migrations.AddField("slot", "is_detached", models.BooleanField(db_default=False, default=False)),
    ]
