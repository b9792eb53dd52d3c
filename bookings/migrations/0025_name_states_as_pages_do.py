from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("bookings", "0024_name_what_pages_name")]

    operations = [
        migrations.AlterField(
            "booking",
            "status",
            models.CharField(
                choices=[("active", "Booked"), ("cancelled", "Cancelled"), ("no_show", "Did not come")],
                default="active",
                max_length=16,
            ),
        ),
    ]
