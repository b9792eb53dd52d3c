from typing import Any, ClassVar

from rest_framework import serializers

Row = dict[str, Any]


class RowSerializer(serializers.Serializer[Any]):
    """Fields describe the answer for the schema; the answer is what the row has under their names.

    Going through fields would make a page of fifty slots several times slower.
    """

    names: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls) -> None:
        cls.names = tuple(cls._declared_fields)

    def to_representation(self, instance: Any) -> Row:
        return {name: instance[name] for name in self.names}


class ObjectSerializer(RowSerializer):
    """As RowSerializer, for an object with attributes."""

    def to_representation(self, instance: Any) -> Row:
        return {name: getattr(instance, name) for name in self.names}


class HostSerializer(RowSerializer):
    id = serializers.UUIDField()
    login = serializers.CharField()
    display_name = serializers.CharField()
    time_zone = serializers.CharField(help_text="IANA name.")


class PublicHostSerializer(RowSerializer):
    """A host as everybody sees one."""

    id = serializers.UUIDField()
    login = serializers.CharField()
    display_name = serializers.CharField()


class OfPublicHost(RowSerializer):
    """A row whose host is shown as everybody sees one."""

    def to_representation(self, instance: Any) -> Row:
        host = PublicHostSerializer().to_representation(instance["host"])
        return {**super().to_representation(instance), "host": host}


class PublicSlotSerializer(OfPublicHost):
    """A slot as everybody sees it. Nothing in it says who has booked."""

    id = serializers.UUIDField()
    host = PublicHostSerializer()
    offering_id = serializers.UUIDField(allow_null=True)
    title = serializers.CharField()
    description = serializers.CharField()
    place = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    capacity = serializers.IntegerField()
    seats_left = serializers.IntegerField()
    status = serializers.ChoiceField(choices=["open", "cancelled"])
    price_credits = serializers.IntegerField()
    refund_deadline = serializers.DateTimeField(help_text="The deadline that a booking made now would have.")


class DaySerializer(RowSerializer):
    """What can be booked on a day."""

    date = serializers.DateField()
    open_slots = serializers.IntegerField(help_text="Slots with a free seat.")
    full_slots = serializers.IntegerField(help_text="Slots without one, whose waitlist can be joined.")
    seats_left = serializers.IntegerField()


class SlotSerializer(RowSerializer):
    """A slot as the caller sees it: `booking_id` is the caller's booking of it, `waiting` the place in its queue."""

    id = serializers.UUIDField()
    host = HostSerializer()
    offering_id = serializers.UUIDField(allow_null=True, help_text="What it was made from; null: nothing.")
    title = serializers.CharField()
    description = serializers.CharField()
    place = serializers.CharField()
    link = serializers.CharField(allow_null=True, help_text="For its host and those booked; null for others.")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    bookings_close_at = serializers.DateTimeField(help_text="No booking from this instant on.")
    capacity = serializers.IntegerField()
    seats_taken = serializers.IntegerField()
    seats_left = serializers.IntegerField()
    status = serializers.ChoiceField(choices=["open", "cancelled"])
    price_credits = serializers.IntegerField(help_text="What a booking made now costs.")
    refund_deadline = serializers.DateTimeField(help_text="The deadline that a booking made now would have.")
    booking_id = serializers.UUIDField(allow_null=True)
    waiting = serializers.BooleanField()


class BookingSerializer(RowSerializer):
    """`usable_until` says how long a credit that goes, or went, back can be spent; null: not until a renewal.

    Title, description, place and link are the session's as it is now.
    """

    id = serializers.UUIDField()
    slot_id = serializers.UUIDField()
    host = HostSerializer()
    title = serializers.CharField()
    description = serializers.CharField()
    place = serializers.CharField()
    link = serializers.CharField(allow_null=True, help_text="Null once it is cancelled.")
    status = serializers.ChoiceField(choices=["active", "cancelled", "completed", "no_show"])
    scheduled_start_time = serializers.DateTimeField()
    scheduled_end_time = serializers.DateTimeField()
    refund_deadline = serializers.DateTimeField()
    credits_charged = serializers.IntegerField()
    credits_refunded = serializers.IntegerField(help_text="What its cancellation gave back.")
    credits_given_back = serializers.IntegerField(help_text="What host or staff gave back besides.")
    free_to_leave_until = serializers.DateTimeField(
        allow_null=True,
        help_text="Until then a cancellation refunds in full: the host has changed time or place, or booked them in.",
    )
    created_at = serializers.DateTimeField()
    cancelled_at = serializers.DateTimeField(allow_null=True)
    cancelled_by = serializers.ChoiceField(choices=["client", "host", "staff"], allow_null=True)
    subscription_id = serializers.UUIDField(allow_null=True, help_text="The one charged; null where nothing was.")
    usable_until = serializers.DateTimeField(allow_null=True)


class ClientSerializer(RowSerializer):
    id = serializers.UUIDField()
    login = serializers.CharField()
    display_name = serializers.CharField()


class RosterClientSerializer(ClientSerializer):
    """Whoever comes, and where to write to them."""

    email = serializers.CharField(allow_null=True, help_text="Null unless they let hosts write to them, and come.")


class RosterSerializer(BookingSerializer):
    """A booking as the host of its slot sees it."""

    client = RosterClientSerializer()


class RefundPreviewSerializer(ObjectSerializer):
    """`usable_until` null: the subscription has ended and its credits cannot be spent until it is renewed."""

    refund_deadline = serializers.DateTimeField()
    free_to_leave_until = serializers.DateTimeField(allow_null=True, help_text="Refunds in full until then, too.")
    refundable = serializers.BooleanField()
    credits = serializers.IntegerField()
    subscription_id = serializers.UUIDField(allow_null=True)
    usable_until = serializers.DateTimeField(allow_null=True)
    now = serializers.DateTimeField(help_text="The database's clock, on which the rest is based.")


class MoveSerializer(RowSerializer):
    """Where a booking was before it was moved."""

    slot_id = serializers.UUIDField()
    scheduled_start_time = serializers.DateTimeField()
    scheduled_end_time = serializers.DateTimeField()
    moved_at = serializers.DateTimeField()


class EntrySessionSerializer(RowSerializer):
    """The session of a booking that credits were spent on or came back for, as it is now."""

    title = serializers.CharField()
    host = HostSerializer()
    scheduled_start_time = serializers.DateTimeField()
    cancelled_by = serializers.ChoiceField(choices=["client", "host", "staff"], allow_null=True)


class EntrySerializer(RowSerializer):
    id = serializers.UUIDField()
    subscription_id = serializers.UUIDField()
    booking_id = serializers.UUIDField(allow_null=True)
    amount = serializers.IntegerField()
    reason = serializers.ChoiceField(
        choices=["welcome", "plan", "grant", "renewal", "booking", "refund", "goodwill", "adjustment", "difference"]
    )
    note = serializers.CharField(help_text="Why credits were given back or adjusted; else empty.")
    balance_after = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    session = EntrySessionSerializer(allow_null=True, help_text="What was booked; null for what is of no booking.")


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
            **BookingSerializer().to_representation(detail.row),
            "may_reschedule": detail.may_reschedule,
            "refund_preview": preview,
            "history": detail.moves,
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


class PassedOverField(serializers.ChoiceField):
    """Why a free seat did not go to who waits."""

    def __init__(self) -> None:
        super().__init__(
            choices=["no_credit", "overlap", "changed"],
            allow_null=True,
            help_text="Why a seat that was free did not go to you: it is tried again when that changes.",
        )


class WaitingPlaceSerializer(RowSerializer):
    """A place in the queue of a slot."""

    slot = SlotSerializer()
    position = serializers.IntegerField(help_text="1 is next.")
    joined_at = serializers.DateTimeField()
    passed_over = PassedOverField()


class WaitingSerializer(RowSerializer):
    slot_id = serializers.UUIDField()
    title = serializers.CharField()
    host_login = serializers.CharField()
    host = HostSerializer()
    position = serializers.IntegerField(help_text="1 is next.")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    joined_at = serializers.DateTimeField()
    passed_over = PassedOverField()


class CancelledClientSerializer(RowSerializer):
    """Somebody whose booking the change has cancelled: they are booked elsewhere at the new time."""

    booking_id = serializers.UUIDField()
    client = ClientSerializer()
    credits_refunded = serializers.IntegerField()


class ChangedSlotSerializer(SlotSerializer):
    """A slot as it is now, and whom its change concerns."""

    changed = serializers.ListField(child=serializers.CharField(), help_text="The fields that are different.")
    people_told = serializers.IntegerField(help_text="How many who are booked are told.")
    waiting_told = serializers.IntegerField(help_text="How many who wait are told.")
    promoted = serializers.IntegerField(help_text="How many who waited have got one of the new seats.")
    cancelled = CancelledClientSerializer(many=True)
    seen = serializers.CharField(help_text="Names all of that, for the confirmation of a preview.")

    def to_representation(self, instance: Any) -> Row:
        names = ("changed", "people_told", "waiting_told", "promoted", "seen")
        counts = {name: getattr(instance, name) for name in names}
        return {**SlotSerializer().to_representation(instance.slot), **counts, "cancelled": instance.cancelled}


class CancelledSlotsSerializer(ObjectSerializer):
    slot_ids = serializers.ListField(child=serializers.UUIDField())
    bookings_cancelled = serializers.IntegerField()
    credits_refunded = serializers.IntegerField()


class CancelledDaySerializer(CancelledSlotsSerializer):
    rule_id = serializers.UUIDField(allow_null=True, help_text="The day off that it is now; null if it is over.")
