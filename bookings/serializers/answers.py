from typing import Any

from rest_framework import serializers

from bookings import policies

Row = dict[str, Any]


class RowSerializer(serializers.Serializer[Any]):
    """Fields describe the answer for the schema; `to_representation` builds it straight from a row.

    Going through fields would make a page of fifty slots several times slower.
    """

    def to_representation(self, instance: Any) -> Row:
        """Where nothing has to be renamed or computed: the attributes that the fields name."""
        return {str(name): getattr(instance, str(name)) for name in self.fields}


def _host(row: Row) -> Row:
    return {
        "id": str(row["host_id"]),
        "login": row["host__login"],
        "display_name": row["host__display_name"],
        "time_zone": row["host__time_zone"],
    }


class HostSerializer(RowSerializer):
    id = serializers.UUIDField()
    login = serializers.CharField()
    display_name = serializers.CharField()
    time_zone = serializers.CharField(help_text="IANA name.")

    def to_representation(self, instance: Row) -> Row:
        row = instance
        return {name: row[name] for name in ("id", "login", "display_name", "time_zone")}


class SlotSerializer(RowSerializer):
    """A slot as the caller sees it: `booking_id` is the caller's booking of it, `waiting` the place in its queue."""

    id = serializers.UUIDField()
    host = HostSerializer()
    title = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    bookings_close_at = serializers.DateTimeField(help_text="No booking from this instant on.")
    capacity = serializers.IntegerField()
    seats_taken = serializers.IntegerField()
    seats_left = serializers.IntegerField()
    status = serializers.ChoiceField(choices=["open", "cancelled"])
    refund_deadline = serializers.DateTimeField(help_text="The deadline that a booking made now would have.")
    booking_id = serializers.UUIDField(allow_null=True)
    waiting = serializers.BooleanField()

    def to_representation(self, instance: Row) -> Row:
        row = instance
        return {
            "id": str(row["id"]),
            "host": _host(row),
            "title": row["title"],
            "starts_at": row["starts_at"],
            "ends_at": row["ends_at"],
            "bookings_close_at": row["bookings_close_at"],
            "capacity": row["capacity"],
            "seats_taken": row["seats_taken"],
            "seats_left": row["capacity"] - row["seats_taken"],
            "status": row["status"],
            "refund_deadline": policies.refund_deadline(
                scheduled_start_time=row["starts_at"], refund_window=row["refund_window"]
            ),
            "booking_id": row["booking_id"],
            "waiting": row["waiting"],
        }


class BookingSerializer(RowSerializer):
    """`usable_until` says how long a credit that goes, or went, back can be spent; null: not until a renewal."""

    id = serializers.UUIDField()
    slot_id = serializers.UUIDField()
    host = HostSerializer()
    title = serializers.CharField()
    status = serializers.ChoiceField(choices=["active", "cancelled", "completed", "no_show"])
    scheduled_start_time = serializers.DateTimeField()
    scheduled_end_time = serializers.DateTimeField()
    refund_deadline = serializers.DateTimeField()
    credits_charged = serializers.IntegerField()
    credits_refunded = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    cancelled_at = serializers.DateTimeField(allow_null=True)
    cancelled_by = serializers.ChoiceField(choices=["client", "host", "staff"], allow_null=True)
    subscription_id = serializers.UUIDField()
    usable_until = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: Row) -> Row:
        row = instance
        is_over = row["status"] == "active" and row["scheduled_end_time"] <= row["now"]
        return {
            "id": row["id"],
            "slot_id": row["slot_id"],
            "host": _host(row),
            "title": row["slot__title"],
            "status": "completed" if is_over else row["status"],
            "scheduled_start_time": row["scheduled_start_time"],
            "scheduled_end_time": row["scheduled_end_time"],
            "refund_deadline": policies.refund_deadline(
                scheduled_start_time=row["scheduled_start_time"], refund_window=row["refund_window"]
            ),
            "credits_charged": row["credits_charged"],
            "credits_refunded": row["credits_refunded"],
            "created_at": row["created_at"],
            "cancelled_at": row["cancelled_at"],
            "cancelled_by": row["cancelled_by"] or None,
            "subscription_id": row["subscription_id"],
            "usable_until": row["subscription__ends_at"] if row["now"] < row["subscription__ends_at"] else None,
        }


class ClientSerializer(RowSerializer):
    id = serializers.UUIDField()
    login = serializers.CharField()
    display_name = serializers.CharField()


class RosterSerializer(BookingSerializer):
    """A booking as the host of its slot sees it."""

    client = ClientSerializer()

    def to_representation(self, instance: Row) -> Row:
        row = instance
        client = {"id": row["client_id"], "login": row["client_login"], "display_name": row["client_name"]}
        return {**super().to_representation(row), "client": client}


class RefundPreviewSerializer(RowSerializer):
    """`usable_until` null: the subscription has ended and its credits cannot be spent until it is renewed."""

    refund_deadline = serializers.DateTimeField()
    refundable = serializers.BooleanField()
    credits = serializers.IntegerField()
    subscription_id = serializers.UUIDField()
    usable_until = serializers.DateTimeField(allow_null=True)
    now = serializers.DateTimeField(help_text="The database's clock, on which the rest is based.")


class MoveSerializer(RowSerializer):
    """Where a booking was before it was moved."""

    slot_id = serializers.UUIDField()
    scheduled_start_time = serializers.DateTimeField()
    scheduled_end_time = serializers.DateTimeField()
    moved_at = serializers.DateTimeField()

    def to_representation(self, instance: Row) -> Row:
        row = instance
        return {
            "slot_id": row["previous_slot_id"],
            "scheduled_start_time": row["previous_start_time"],
            "scheduled_end_time": row["previous_end_time"],
            "moved_at": row["moved_at"],
        }


class EntrySerializer(RowSerializer):
    id = serializers.UUIDField()
    subscription_id = serializers.UUIDField()
    booking_id = serializers.UUIDField(allow_null=True)
    amount = serializers.IntegerField()
    reason = serializers.ChoiceField(choices=["welcome", "plan", "grant", "renewal", "booking", "refund"])
    balance_after = serializers.IntegerField()
    created_at = serializers.DateTimeField()

    def to_representation(self, instance: Row) -> Row:
        return instance


class BookingDetailSerializer(BookingSerializer):
    """A booking with all that its page shows. `refund_preview` is null where nothing can be cancelled any more."""

    may_reschedule = serializers.BooleanField()
    refund_preview = RefundPreviewSerializer(allow_null=True)
    history = MoveSerializer(many=True)
    credit_entries = EntrySerializer(many=True)

    def to_representation(self, instance: Any) -> Row:
        detail = instance
        preview = RefundPreviewSerializer().to_representation(detail.preview) if detail.preview else None
        return {
            **super().to_representation(detail.row),
            "may_reschedule": bool(preview and preview["refundable"]),
            "refund_preview": preview,
            "history": [MoveSerializer().to_representation(row) for row in detail.moves],
            "credit_entries": detail.entries,
        }


class SubscriptionSerializer(RowSerializer):
    id = serializers.UUIDField()
    plan = serializers.CharField(help_text="The plan's name.")
    credits_remaining = serializers.IntegerField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    active = serializers.BooleanField(help_text="Whether its credits can be spent now.")
    renews = serializers.BooleanField()

    def to_representation(self, instance: Row) -> Row:
        row = instance
        return {
            "id": row["id"],
            "plan": row["plan__name"],
            "credits_remaining": row["credits_remaining"],
            "starts_at": row["starts_at"],
            "ends_at": row["ends_at"],
            "active": row["starts_at"] <= row["now"] < row["ends_at"],
            "renews": row["renews"],
        }


class PlaceSerializer(RowSerializer):
    """A place in a queue; without a usable credit others are served first."""

    slot_id = serializers.UUIDField()
    position = serializers.IntegerField()
    joined_at = serializers.DateTimeField()
    credits_available = serializers.IntegerField()


class WaitingSerializer(RowSerializer):
    slot_id = serializers.UUIDField()
    title = serializers.CharField()
    host_login = serializers.CharField()
    host = HostSerializer()
    position = serializers.IntegerField(help_text="1 is next.")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    joined_at = serializers.DateTimeField()

    def to_representation(self, instance: Row) -> Row:
        row = instance
        return {
            "slot_id": row["slot_id"],
            "title": row["slot__title"],
            "host_login": row["slot__host__login"],
            "host": {name: row[f"slot__host__{name}"] for name in ("id", "login", "display_name", "time_zone")},
            "position": row["position"],
            "starts_at": row["slot__starts_at"],
            "ends_at": row["slot__ends_at"],
            "joined_at": row["joined_at"],
        }


class CancelledSlotsSerializer(RowSerializer):
    slot_ids = serializers.ListField(child=serializers.UUIDField())
    bookings_cancelled = serializers.IntegerField()
    credits_refunded = serializers.IntegerField()


class RuleSerializer(RowSerializer):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=["weekly", "extra", "day_off"])
    weekday = serializers.IntegerField(allow_null=True, help_text="ISO 8601: Monday is 1.")
    date = serializers.DateField(allow_null=True)
    start_time = serializers.TimeField(allow_null=True)
    end_time = serializers.TimeField(allow_null=True)
    title = serializers.CharField()
    capacity = serializers.IntegerField()
    slot_minutes = serializers.IntegerField()
    buffer_minutes = serializers.IntegerField()
    minimum_notice_minutes = serializers.IntegerField()
    horizon_days = serializers.IntegerField()
