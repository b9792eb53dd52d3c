from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tokens", "0008_last_addresses")]

    operations = [
        migrations.AlterModelOptions("session", options={"verbose_name": "signed-in device"}),
        migrations.AlterModelOptions("personalaccesstoken", options={"verbose_name": "access token"}),
    ]
