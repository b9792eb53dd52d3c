from datetime import date, datetime, timedelta
from typing import Any

from rest_framework import serializers

from accounts.policies import clean_text

LONGEST_SESSION = timedelta(hours=24)
MOST_SEATS = 500
# At the ends of the calendar a day of one zone is none in another: whoever converted it would fail.
FIRST_YEAR, LAST_YEAR = 2000, 2199


class InstantField(serializers.DateTimeField):
    """RFC 3339 with an offset: a time without one would be read in a zone that nobody named."""

    default_error_messages = {"no_offset": "Say which offset this time has, as in 2026-11-24T14:00:00+01:00 or ...Z."}

    def enforce_timezone(self, value: datetime) -> datetime:
        if value.tzinfo is None:
            self.fail("no_offset")
        return super().enforce_timezone(value)


class SessionInstantField(InstantField):
    """An instant that every zone can show."""

    default_error_messages = {"too_far": f"Choose a time from {FIRST_YEAR} to {LAST_YEAR}."}

    def to_internal_value(self, value: Any) -> datetime:
        instant = super().to_internal_value(value)
        if not FIRST_YEAR <= instant.year <= LAST_YEAR:
            self.fail("too_far")
        return instant


class DayField(serializers.DateField):
    """A day that every zone can show."""

    default_error_messages = {"too_far": f"Choose a day from {FIRST_YEAR} to {LAST_YEAR}."}

    def to_internal_value(self, value: Any) -> date:
        day = super().to_internal_value(value)
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            self.fail("too_far")
        return day


class TitleField(serializers.CharField):
    """One line of text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=200, **options)

    def to_internal_value(self, data: Any) -> str:
        return clean_text(super().to_internal_value(data), limit=200)


class SlotQuery(serializers.Serializer[Any]):
    """Which slots to list: by start in `[from, to)`, by host, and only those that are open for booking (or not)."""

    # `from` is a keyword of Python's, so the field cannot be written as an assignment.
    vars()["from"] = InstantField(source="starts_from", required=False)
    to = InstantField(source="starts_before", required=False)
    host = serializers.UUIDField(source="host_id", required=False)
    open = serializers.BooleanField(source="is_open", required=False)


class BookingQuery(serializers.Serializer[Any]):
    when = serializers.ChoiceField(choices=["upcoming", "past"], required=False)
    status = serializers.ChoiceField(choices=["active", "cancelled", "completed", "no_show"], required=False)


class SlotRequest(serializers.Serializer[Any]):
    title = TitleField()
    starts_at = SessionInstantField()
    ends_at = SessionInstantField()
    capacity = serializers.IntegerField(min_value=1, max_value=MOST_SEATS)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        length = attrs["ends_at"] - attrs["starts_at"]
        if not timedelta(0) < length <= LONGEST_SESSION:
            raise serializers.ValidationError({"ends_at": "End after the start and within 24 hours of it."})
        return attrs


class SlotChoice(serializers.Serializer[Any]):
    """The slot to book or to move to."""

    slot_id = serializers.UUIDField()


class CancelRequest(serializers.Serializer[Any]):
    """`expected_credits_refunded` is what the person was shown; where it is not true any more, nothing is done."""

    expected_credits_refunded = serializers.IntegerField(min_value=0, required=False, allow_null=True)


class DayRequest(serializers.Serializer[Any]):
    date = DayField(help_text="A day in the host's own time zone.")


class RuleRequest(serializers.Serializer[Any]):
    """Weekly hours need `weekday`, extra hours `date`, both the times and a title; a day off needs `date` alone."""

    kind = serializers.ChoiceField(choices=["weekly", "extra", "day_off"])
    weekday = serializers.IntegerField(min_value=1, max_value=7, required=False)
    date = DayField(required=False)
    start_time = serializers.TimeField(required=False)
    end_time = serializers.TimeField(required=False)
    title = TitleField(required=False)
    capacity = serializers.IntegerField(min_value=1, max_value=MOST_SEATS, required=False)
    slot_minutes = serializers.IntegerField(min_value=5, max_value=1440, required=False)
    buffer_minutes = serializers.IntegerField(min_value=0, max_value=1440, required=False)
    minimum_notice_minutes = serializers.IntegerField(min_value=0, max_value=60 * 24 * 60, required=False)
    horizon_days = serializers.IntegerField(min_value=1, max_value=366, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        needed = {
            "weekly": {"weekday", "start_time", "end_time", "title"},
            "extra": {"date", "start_time", "end_time", "title"},
            "day_off": {"date"},
        }[attrs["kind"]]
        barred = {"weekday", "date", "start_time", "end_time"} - needed
        problems = dict.fromkeys(sorted(needed - attrs.keys()), "This kind of rule needs it.")
        problems |= dict.fromkeys(sorted(barred & attrs.keys()), "This kind of rule does not have it.")
        if not problems and "start_time" in needed and attrs["start_time"] >= attrs["end_time"]:
            problems["end_time"] = "End after the start, on the same day."
        if problems:
            raise serializers.ValidationError(problems)
        return attrs
