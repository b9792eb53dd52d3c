import pgtrigger.compiler
import pgtrigger.migrations
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("bookings", "0010_number_entries")]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="creditentry",
            name="balance_matches_ledger",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="subscription",
            name="balance_matches_ledger",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="booking",
            trigger=pgtrigger.compiler.Trigger(
                name="matches_ledger",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    constraint="CONSTRAINT",
                    func="\n    IF (SELECT credits_refunded + credits_given_back - credits_charged FROM bookings_booking WHERE id = NEW.id)\n       <> (SELECT coalesce(sum(amount), 0) FROM bookings_creditentry WHERE booking_id = NEW.id)\n    THEN RAISE EXCEPTION 'the ledger of booking % is not what it was charged and given back', NEW.id\n        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'booking_matches_ledger';\n    END IF;\nRETURN NULL;",
                    hash="36b5993eb845e98144db356f75972e4ca52e8c1f",
                    operation='INSERT OR UPDATE OF "credits_charged", "credits_refunded", "credits_given_back"',
                    pgid="pgtrigger_matches_ledger_9d680",
                    table="bookings_booking",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="creditentry",
            trigger=pgtrigger.compiler.Trigger(
                name="balance_matches_ledger",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    constraint="CONSTRAINT",
                    declare="DECLARE last RECORD;",
                    func="\n    SELECT number, balance_after INTO last FROM bookings_creditentry\n     WHERE subscription_id = NEW.subscription_id AND number < NEW.number ORDER BY number DESC LIMIT 1;\n    IF coalesce(last.number, 0) <= 0 THEN\n        last.balance_after = (SELECT coalesce(sum(amount), 0) FROM bookings_creditentry\n                               WHERE subscription_id = NEW.subscription_id AND number < NEW.number);\n    END IF;\n    IF NEW.balance_after <> last.balance_after + NEW.amount\n    THEN RAISE EXCEPTION 'balance_after of entry % does not follow the entry before it', NEW.id\n        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'subscription_balance_matches_ledger';\n    END IF;\n\n    SELECT number, balance_after INTO last FROM bookings_creditentry\n     WHERE subscription_id = NEW.subscription_id ORDER BY number DESC LIMIT 1;\n    IF coalesce(last.number, 0) <= 0 THEN\n        last.balance_after = (SELECT coalesce(sum(amount), 0) FROM bookings_creditentry\n                               WHERE subscription_id = NEW.subscription_id);\n    END IF;\n    IF (SELECT credits_remaining FROM bookings_subscription WHERE id = NEW.subscription_id) <> last.balance_after\n    THEN RAISE EXCEPTION 'credits_remaining of subscription % is not what its ledger says', NEW.subscription_id\n        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'subscription_balance_matches_ledger';\n    END IF;\nIF NEW.booking_id IS NOT NULL THEN\n    IF (SELECT credits_refunded + credits_given_back - credits_charged FROM bookings_booking WHERE id = NEW.booking_id)\n       <> (SELECT coalesce(sum(amount), 0) FROM bookings_creditentry WHERE booking_id = NEW.booking_id)\n    THEN RAISE EXCEPTION 'the ledger of booking % is not what it was charged and given back', NEW.booking_id\n        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'booking_matches_ledger';\n    END IF;\nEND IF; RETURN NULL;",
                    hash="9c08433576c8c162913015f5d857c99c6ac07db5",
                    operation="INSERT",
                    pgid="pgtrigger_balance_matches_ledger_b4f10",
                    table="bookings_creditentry",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="subscription",
            trigger=pgtrigger.compiler.Trigger(
                name="balance_matches_ledger",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    constraint="CONSTRAINT",
                    declare="DECLARE last RECORD;",
                    func="\n    SELECT number, balance_after INTO last FROM bookings_creditentry\n     WHERE subscription_id = NEW.id ORDER BY number DESC LIMIT 1;\n    IF coalesce(last.number, 0) <= 0 THEN\n        last.balance_after = (SELECT coalesce(sum(amount), 0) FROM bookings_creditentry\n                               WHERE subscription_id = NEW.id);\n    END IF;\n    IF (SELECT credits_remaining FROM bookings_subscription WHERE id = NEW.id) <> last.balance_after\n    THEN RAISE EXCEPTION 'credits_remaining of subscription % is not what its ledger says', NEW.id\n        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'subscription_balance_matches_ledger';\n    END IF;\nRETURN NULL;",
                    hash="fdfdd9756e4d48f10b05ef82ab241bb0f0fa3d73",
                    operation='INSERT OR UPDATE OF "credits_remaining"',
                    pgid="pgtrigger_balance_matches_ledger_48949",
                    table="bookings_subscription",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
        AddConstraintNotValid(
            model_name="booking",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "credits_charged__gte",
                        models.F("credits_refunded") + models.F("credits_given_back"),
                    )
                ),
                name="booking_gives_back_at_most_its_charge",
            ),
        ),
        AddConstraintNotValid(
            model_name="creditentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("amount__lt", 0), ("booking__isnull", False), ("reason", "booking")),
                    models.Q(("amount__gt", 0), ("booking__isnull", False), ("reason__in", ["refund", "goodwill"])),
                    models.Q(
                        ("amount__gt", 0), ("booking", None), ("reason__in", ["welcome", "plan", "grant", "renewal"])
                    ),
                    models.Q(models.Q(("amount", 0), _negated=True), ("booking", None), ("reason", "adjustment")),
                    _connector="OR",
                ),
                name="entry_suits_its_reason",
            ),
        ),
    ]
