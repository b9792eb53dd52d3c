from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tokens", "0007_trusted_publishers")]

    operations = [
        migrations.AddField(model_name="session", name="last_address", field=models.GenericIPAddressField(null=True)),
        migrations.AddField(
            model_name="personalaccesstoken", name="last_address", field=models.GenericIPAddressField(null=True)
        ),
    ]
