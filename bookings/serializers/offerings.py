from typing import Any

from rest_framework import serializers

from bookings.serializers.answers import (
    HostSerializer,
    OfPublicHost,
    PublicHostSerializer,
    Row,
    RowSerializer,
)
from bookings.serializers.availability import FollowedChangeSerializer


class OfferingSerializer(RowSerializer):
    """What a host offers: slots and availability rules are made from it."""

    id = serializers.UUIDField()
    host = HostSerializer()
    title = serializers.CharField()
    description = serializers.CharField()
    place = serializers.CharField()
    link = serializers.CharField(allow_null=True, help_text="For its host; null for others.")
    minutes = serializers.IntegerField(help_text="How long a session is.")
    capacity = serializers.IntegerField()
    price_credits = serializers.IntegerField()
    refund_window_hours = serializers.IntegerField(
        allow_null=True, help_text="Until how long before the start a cancellation refunds; null: as everywhere here."
    )
    public = serializers.BooleanField(help_text="Whether people without an account see it, where that is allowed.")
    archived_at = serializers.DateTimeField(allow_null=True, help_text="Since when nothing new is made from it.")


class PublicOfferingSerializer(OfPublicHost):
    """An offering as everybody sees it."""

    id = serializers.UUIDField()
    host = PublicHostSerializer()
    title = serializers.CharField()
    description = serializers.CharField()
    place = serializers.CharField()
    minutes = serializers.IntegerField()
    capacity = serializers.IntegerField()
    price_credits = serializers.IntegerField()
    refund_window_hours = serializers.IntegerField(allow_null=True)


class ChangedOfferingSerializer(OfferingSerializer, FollowedChangeSerializer):
    """An offering as it is now, what follows it, and what another length did to the calendar."""

    def to_representation(self, instance: Any) -> Row:
        change = FollowedChangeSerializer().to_representation(instance)
        return {**OfferingSerializer().to_representation(instance.offering), **change}
