from rest_framework import serializers

from bookings.policies.trail import KINDS
from bookings.serializers.answers import EntrySessionSerializer, RowSerializer


class TrailSerializer(RowSerializer):
    """One thing that happened to the caller's account or bookings."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=list(KINDS))
    created_at = serializers.DateTimeField()
    by_you = serializers.BooleanField(help_text="False for what a host, our staff or a job did.")
    address = serializers.CharField(allow_null=True, help_text="The internet address that it came from, where known.")
    client_id = serializers.CharField(help_text="The application that was used; empty where none was noted.")
    name = serializers.CharField(help_text="The device, token or repository that it is about; else empty.")
    booking_id = serializers.UUIDField(allow_null=True)
    session = EntrySessionSerializer(allow_null=True, help_text="What was booked; null for what is of no booking.")
