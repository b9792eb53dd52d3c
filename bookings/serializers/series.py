from typing import Any

from rest_framework import serializers

from bookings.policies.seats import MOST_SESSIONS, Refusal
from bookings.serializers.answers import BookingSerializer, ObjectSerializer, Row, SlotSerializer
from bookings.serializers.requests import DayField


class SeriesQuery(serializers.Serializer[Any]):
    """Up to which day, that day's session included."""

    until = DayField(help_text="A day in the host's own time zone.")


class SeriesRequest(serializers.Serializer[Any]):
    """What a preview has shown: the sessions that can be booked, what they cost together, and its `seen`."""

    slot_ids = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=MOST_SESSIONS)
    expected_credits_charged = serializers.IntegerField(min_value=0)
    seen = serializers.CharField(max_length=64)


class SeriesSessionSerializer(ObjectSerializer):
    """A session of a series, and why it would not be booked."""

    slot = SlotSerializer()
    refusal = serializers.ChoiceField(
        choices=[refusal.value for refusal in Refusal],
        allow_null=True,
        help_text="The code with which a booking of it alone would be refused; null: it would be booked.",
    )

    def to_representation(self, instance: Any) -> Row:
        return {"slot": SlotSerializer().to_representation(instance.slot), "refusal": instance.refusal}


class SeriesPreviewSerializer(ObjectSerializer):
    """What booking the series would do."""

    sessions = SeriesSessionSerializer(many=True)
    credits_charged = serializers.IntegerField(help_text="What those that would be booked cost together.")
    opened_until = serializers.DateField(
        allow_null=True, help_text="The last day whose session is open so far; later ones cannot be booked yet."
    )
    seen = serializers.CharField(help_text="Names what is shown, for the confirmation.")

    def to_representation(self, instance: Any) -> Row:
        sessions = [SeriesSessionSerializer().to_representation(one) for one in instance.sessions]
        return {**super().to_representation(instance), "sessions": sessions}


class BookedSeriesSerializer(ObjectSerializer):
    """The bookings of a series, each by itself from now on."""

    bookings = BookingSerializer(many=True)
    credits_charged = serializers.IntegerField()

    def to_representation(self, instance: Any) -> Row:
        made = [BookingSerializer().to_representation(row) for row in instance.bookings]
        return {**super().to_representation(instance), "bookings": made}
