import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# Each stands beside an index that begins with the same column, and every booking would write both.
_INDEXES = {
    "bookings_booking_client_id_4922b542": "bookings_booking (client_id)",
    "bookings_booking_host_id_d8825dc6": "bookings_booking (host_id)",
    "bookings_creditentry_booking_id_ed6f3bf9": "bookings_creditentry (booking_id)",
    "bookings_creditentry_subscription_id_e78ed89f": "bookings_creditentry (subscription_id)",
    "bookings_subscription_plan_id_d9691496": "bookings_subscription (plan_id)",
    "bookings_subscription_user_id_7c7aa354": "bookings_subscription (user_id)",
}


def _key(to: str, related_name: str, **options: bool) -> "models.ForeignKey[object, object]":
    return models.ForeignKey(
        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name=related_name, to=to, **options
    )


class Migration(migrations.Migration):
    # The indexes are dropped beside the writers of their tables.
    atomic = False

    dependencies = [
        ("bookings", "0020_offerings_are_idempotent"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    sql=f"DROP INDEX CONCURRENTLY IF EXISTS {name}",
                    reverse_sql=f"CREATE INDEX CONCURRENTLY {name} ON {columns}",
                )
                for name, columns in _INDEXES.items()
            ],
            state_operations=[
                migrations.AlterField("booking", "client", _key(settings.AUTH_USER_MODEL, "bookings")),
                migrations.AlterField("booking", "host", _key(settings.AUTH_USER_MODEL, "hosted_bookings")),
                migrations.AlterField(
                    "creditentry", "booking", _key("bookings.booking", "entries", null=True, blank=True)
                ),
                migrations.AlterField("creditentry", "subscription", _key("bookings.subscription", "entries")),
                migrations.AlterField("subscription", "plan", _key("bookings.plan", "subscriptions")),
                migrations.AlterField("subscription", "user", _key(settings.AUTH_USER_MODEL, "subscriptions")),
            ],
        )
    ]
