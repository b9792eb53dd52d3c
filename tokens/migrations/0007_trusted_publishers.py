import django.db.models.deletion
import django.db.models.functions.datetime
import uuid6
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tokens", "0006_backchannel_logout"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="UsedJobToken",
            fields=[
                ("id", models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ("token_hash", models.BinaryField(max_length=32, unique=True)),
                ("expires_at", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.AddField(
            model_name="session",
            name="publisher_id",
            field=models.UUIDField(help_text="The trusted publisher whose job this is.", null=True),
        ),
        migrations.CreateModel(
            name="TrustedPublisher",
            fields=[
                ("id", models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ("issuer", models.CharField(max_length=300)),
                ("repository", models.CharField(max_length=140)),
                ("repository_id", models.BigIntegerField(null=True)),
                ("repository_owner_id", models.BigIntegerField()),
                ("workflow", models.CharField(max_length=100)),
                ("environment", models.CharField(blank=True, max_length=255)),
                ("ref", models.CharField(blank=True, max_length=255)),
                ("scope", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("last_used_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["repository_owner_id"], name="publisher_by_owner")],
            },
        ),
    ]
