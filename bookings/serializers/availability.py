from datetime import time
from typing import Any

from rest_framework import serializers

from bookings.serializers.answers import ObjectSerializer, Row, RowSerializer
from bookings.serializers.requests import (
    MOST_SEATS,
    DayField,
    MessageField,
    OfferedFields,
    PreviewFields,
    TitleField,
)


class EndTimeField(serializers.TimeField):
    """A local time at which hours end; 24:00 is the midnight at the end of the day."""

    def to_internal_value(self, value: Any) -> time:
        return super().to_internal_value("00:00" if value in ("24:00", "24:00:00") else value)


class CancelBookedQuery(serializers.Serializer[Any]):
    """Whether what is booked at hours that close is cancelled by the host's rule; else it stays."""

    cancel_booked = serializers.BooleanField(required=False, default=False)


class RuleFields(OfferedFields, CancelBookedQuery):
    message = MessageField()
    offering_id = serializers.UUIDField(required=False)
    weekday = serializers.IntegerField(min_value=1, max_value=7, required=False)
    date = DayField(required=False)
    start_time = serializers.TimeField(required=False)
    end_time = EndTimeField(required=False, help_text="At or before the start: on the next day. 24:00 ends the day.")
    title = TitleField(required=False)
    capacity = serializers.IntegerField(min_value=1, max_value=MOST_SEATS, required=False)
    slot_minutes = serializers.IntegerField(min_value=5, max_value=1440, required=False)
    buffer_minutes = serializers.IntegerField(min_value=0, max_value=1440, required=False)
    minimum_notice_minutes = serializers.IntegerField(min_value=0, max_value=60 * 24 * 60, required=False)
    horizon_days = serializers.IntegerField(min_value=1, max_value=366, required=False)


class RulePatch(RuleFields, PreviewFields):
    """Other values for a rule; what is left out stays. Its kind cannot be changed.

    With an `offering_id` it says what that offering says, but for what is given. With `preview` nothing is done, and
    the answer is what would be.
    """


class RuleRequest(RuleFields):
    """Weekly hours need `weekday`, extra hours `date`, both the times and a title or an offering; a day off needs
    `date` alone."""

    kind = serializers.ChoiceField(choices=["weekly", "extra", "day_off"])


class RuleSerializer(ObjectSerializer):
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
    offering_id = serializers.UUIDField(allow_null=True, help_text="What it is made from; null for a day off.")
    description = serializers.CharField()
    place = serializers.CharField()
    link = serializers.CharField()
    price_credits = serializers.IntegerField()
    refund_window_hours = serializers.IntegerField(allow_null=True)


class LeftSlotSerializer(RowSerializer):
    """A booked slot that the rules ask for no more."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    seats_taken = serializers.IntegerField()


class ReachSerializer(ObjectSerializer):
    """Sessions ahead that say something else now, and whom that concerns."""

    coming_slots = serializers.IntegerField(help_text="Slots ahead that say something else now.")
    booked_slots = serializers.IntegerField(help_text="How many of them are booked.")
    people_told = serializers.IntegerField(help_text="How many who are booked are told.")
    waiting_told = serializers.IntegerField(help_text="How many who wait are told.")
    promoted = serializers.IntegerField(help_text="How many who waited have got one of the new seats.")


class CalendarChangeSerializer(ObjectSerializer):
    """What a change of rules did to the calendar."""

    opened = serializers.IntegerField(help_text="Slots that are new.")
    closed = serializers.IntegerField(help_text="Slots that are gone or cancelled.")
    left = LeftSlotSerializer(many=True, help_text="Those that stay because they are booked, at most a hundred.")
    left_count = serializers.IntegerField()
    bookings_cancelled = serializers.IntegerField()
    credits_refunded = serializers.IntegerField()

    def to_representation(self, instance: Any) -> Row:
        left = [LeftSlotSerializer().to_representation(row) for row in instance.left]
        return {**super().to_representation(instance), "left": left}


class FollowedChangeSerializer(CalendarChangeSerializer, ReachSerializer):
    """What a change of what sessions are made from did."""

    seen = serializers.CharField(help_text="Names all of that, for the confirmation of a preview.")

    def to_representation(self, instance: Any) -> Row:
        calendar = CalendarChangeSerializer().to_representation(instance.calendar)
        reach = ReachSerializer().to_representation(instance.calendar.reach)
        return {**calendar, **reach, "seen": instance.seen}


class ChangedRuleSerializer(RuleSerializer, FollowedChangeSerializer):
    """A rule as it is now, and what it did to the calendar."""

    def to_representation(self, instance: Any) -> Row:
        change = FollowedChangeSerializer().to_representation(instance)
        return {**RuleSerializer().to_representation(instance.rule), **change}
