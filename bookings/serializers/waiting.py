from rest_framework import serializers

from bookings.serializers.answers import ObjectSerializer


class PlaceSerializer(ObjectSerializer):
    """A place in a queue; without a usable credit others are served first."""

    slot_id = serializers.UUIDField()
    position = serializers.IntegerField()
    joined_at = serializers.DateTimeField()
    credits_available = serializers.IntegerField()
