from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

import bookings.models.credits


class Migration(migrations.Migration):
    # Indexes are built beside the writers of their table.
    atomic = False

    dependencies = [("bookings", "0008_rules_have_hours")]

    operations = [
        migrations.AddField(
            model_name="creditentry",
            name="number",
            field=models.BigIntegerField(editable=False, null=True),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                # A default that is set afterwards does not rewrite the table.
                migrations.RunSQL(
                    "CREATE SEQUENCE bookings_creditentry_number OWNED BY bookings_creditentry.number",
                    "DROP SEQUENCE bookings_creditentry_number",
                ),
                migrations.RunSQL(
                    "ALTER TABLE bookings_creditentry"
                    " ALTER COLUMN number SET DEFAULT nextval('bookings_creditentry_number')",
                    "ALTER TABLE bookings_creditentry ALTER COLUMN number DROP DEFAULT",
                ),
            ],
            state_operations=[
                migrations.AlterField(
                    model_name="creditentry",
                    name="number",
                    field=models.BigIntegerField(
                        db_default=bookings.models.credits.NextNumber(), editable=False, null=True
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="booking",
            name="credits_given_back",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="creditentry",
            name="idempotency_key",
            field=models.CharField(blank=True, max_length=255, null=True),
        ),
        migrations.AddField(
            model_name="creditentry",
            name="note",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AddField(
            model_name="waitlistentry",
            name="passed_over",
            field=models.CharField(
                blank=True,
                choices=[("no_credit", "No Credit"), ("overlap", "Overlap"), ("changed", "Changed")],
                db_default="",
                default="",
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="creditentry",
            name="reason",
            field=models.CharField(
                choices=[
                    ("welcome", "Welcome"),
                    ("plan", "Plan"),
                    ("grant", "Grant"),
                    ("renewal", "Renewal"),
                    ("booking", "Booking"),
                    ("refund", "Refund"),
                    ("goodwill", "Goodwill"),
                    ("adjustment", "Adjustment"),
                ],
                max_length=16,
            ),
        ),
        AddIndexConcurrently(
            model_name="creditentry",
            index=models.Index(fields=["subscription", "-number"], name="entry_in_order"),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "CREATE UNIQUE INDEX CONCURRENTLY entry_idempotent"
                    " ON bookings_creditentry (booking_id, idempotency_key) WHERE reason = 'goodwill'",
                    "DROP INDEX CONCURRENTLY entry_idempotent",
                ),
            ],
            state_operations=[
                migrations.AddConstraint(
                    model_name="creditentry",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("reason", "goodwill")),
                        fields=("booking", "idempotency_key"),
                        name="entry_idempotent",
                    ),
                ),
            ],
        ),
    ]
