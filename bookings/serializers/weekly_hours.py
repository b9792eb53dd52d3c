import re
from datetime import time
from typing import Any

from rest_framework import serializers

from bookings.policies.weekly_hours import MOST_RANGES, Hours
from bookings.serializers.answers import Row
from bookings.serializers.availability import EndTimeField, FollowedChangeSerializer, RuleSerializer
from bookings.serializers.requests import MessageField, PreviewFields

_WHOLE_MINUTES = re.compile(r"\d{1,2}:\d\d(:00(\.0{1,6})?)?", re.ASCII)


class _WholeMinuteField(serializers.TimeField):
    """A local time in whole minutes: the zone is the host's."""

    default_error_messages = {"whole_minutes": "Give a time in whole minutes and without an offset, like 09:30."}

    def to_internal_value(self, value: Any) -> time:
        read = super().to_internal_value(value)
        # Django reads an offset and forgets it.
        if not _WHOLE_MINUTES.fullmatch(str(value)):
            self.fail("whole_minutes")
        return read


class _EndField(_WholeMinuteField, EndTimeField):
    pass


class RangeRequest(serializers.Serializer[Any]):
    """Hours of a weekday, in the host's own time zone."""

    weekday = serializers.IntegerField(min_value=1, max_value=7, help_text="ISO 8601: Monday is 1.")
    start_time = _WholeMinuteField()
    end_time = _EndField(help_text="Later on the same day; 24:00 ends it.")

    def to_internal_value(self, data: Any) -> Any:
        return Hours(**super().to_internal_value(data))


class WeeklyHoursRequest(PreviewFields):
    """All the weekly hours that an offering is to have. With `preview` nothing is done, and the answer is what would
    be."""

    hours = serializers.ListField(child=RangeRequest(), max_length=MOST_RANGES)
    buffer_minutes = serializers.IntegerField(
        min_value=0, max_value=1440, required=False, help_text="Kept free between sessions; left out, it stays."
    )
    message = MessageField()


class WeeklyHoursSerializer(FollowedChangeSerializer):
    """The weekly hours of an offering as they are now, and what their change did to the calendar."""

    rules = RuleSerializer(many=True)
    changed = serializers.BooleanField(help_text="Whether they are others than before.")

    def to_representation(self, instance: Any) -> Row:
        change = FollowedChangeSerializer().to_representation(instance)
        rules = [RuleSerializer().to_representation(rule) for rule in instance.rules]
        return {**change, "rules": rules, "changed": instance.changed}
