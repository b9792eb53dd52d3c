from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_hosts_choose_their_mails")]

    operations = [
        migrations.AddField(
            "user",
            "email_for_hosts",
            models.BooleanField(
                db_default=False,
                default=False,
                help_text="Whether hosts of what this person has booked see the address.",
            ),
        ),
    ]
