from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tokens", "0005_openid_connect")]

    operations = [
        migrations.AddField(
            model_name="application",
            name="backchannel_logout_uri",
            field=models.CharField(blank=True, db_default="", max_length=500),
        ),
    ]
