from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.policies import clean_paragraphs, clean_text, list_zones
from bookings.policies.availability import LONGEST_SESSION

MOST_SEATS = 500
# At the ends of the calendar a day of one zone is none in another: whoever converted it would fail.
FIRST_YEAR, LAST_YEAR = 2000, 2199


class InstantField(serializers.DateTimeField):
    """RFC 3339 with an offset: a time without one would be read in a zone that nobody named."""

    default_error_messages = {"no_offset": "Say which offset this time has, as in 2026-11-24T14:00:00+01:00 or ...Z."}

    def to_internal_value(self, value: Any) -> datetime:
        """RFC 3339 section 5.6: the letters T and Z may be lower case."""
        return super().to_internal_value(value.upper() if isinstance(value, str) else value)

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
    """One line of text. What is too long is refused, not cut."""

    def __init__(self, *, max_length: int = 200, **options: Any) -> None:
        super().__init__(max_length=max_length, **options)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        cleaned = clean_text(text, limit=len(text))
        if text and not cleaned and not self.allow_blank:
            self.fail("blank")
        return cleaned


class ParagraphsField(serializers.CharField):
    """Text of several lines; at the end of none of them is a space."""

    def to_internal_value(self, data: Any) -> str:
        return clean_paragraphs(super().to_internal_value(data))


class LinkField(serializers.CharField):
    """An address that a browser opens; empty where there is none."""

    default_error_messages = {"not_https": "Give a whole address that begins with https://."}
    _is_https = URLValidator(schemes=["https"])

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=500, allow_blank=True, **options)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not text:
            return text
        try:
            self._is_https(text)
        except ValidationError:
            self.fail("not_https")
        if clean_text(text, limit=len(text)) != text or "@" in urlsplit(text).netloc:
            self.fail("not_https")
        return text


class SlotQuery(serializers.Serializer[Any]):
    """Which slots to list: by start in `[from, to)`, by host or offering, and whether they are open for booking."""

    # `from` is a keyword of Python's, so the field cannot be written as an assignment.
    vars()["from"] = InstantField(source="starts_from", required=False)
    to = InstantField(source="starts_before", required=False)
    host = serializers.UUIDField(source="host_id", required=False)
    offering = serializers.UUIDField(source="offering_id", required=False)
    open = serializers.BooleanField(source="is_open", required=False)
    free = serializers.BooleanField(source="has_seat", required=False, help_text="`true` leaves out what is full.")


class HostedQuery(serializers.Serializer[Any]):
    """Which of a host's own slots: by default those that are open and not over."""

    when = serializers.ChoiceField(choices=["upcoming", "past", "cancelled"], required=False)


@extend_schema_field({"type": "string", "examples": ["2026-11-23", "2026-11-23T00:00:00+01:00"]})
class DayOrInstantField(serializers.Field[Any, Any, Any, Any]):
    """A local day, or an instant that stands for the day on which it lies."""

    def to_internal_value(self, data: Any) -> date:
        try:
            return DayField().to_internal_value(data)
        except serializers.ValidationError:
            return SessionInstantField().to_internal_value(data)


@extend_schema_field({"type": "string", "examples": ["Africa/Lagos"]})
class ZoneField(serializers.Field[Any, Any, Any, Any]):
    """The IANA name of a place's time zone."""

    def to_internal_value(self, data: Any) -> ZoneInfo:
        if data not in list_zones():
            raise serializers.ValidationError("Use an IANA time zone name such as Africa/Lagos.")
        return ZoneInfo(data)


class DaysQuery(serializers.Serializer[Any]):
    """Which days to count, `[from, to)`, by default five weeks from today, of which host and offering."""

    vars()["from"] = DayOrInstantField(source="first", required=False, help_text="A day, or an instant on it.")
    to = DayOrInstantField(source="end", required=False, help_text="The day after the last, at most 100 after `from`.")
    host = serializers.UUIDField(source="host_id", required=False)
    offering = serializers.UUIDField(source="offering_id", required=False)
    zone = ZoneField(required=False, help_text="IANA name; the caller's own, or UTC without a token.")


class ChosenDayQuery(serializers.Serializer[Any]):
    """Which weeks, and which day of them, of which host and offering; `others` for a move to another session."""

    vars()["from"] = DayField(source="first", required=False)
    day = DayField(required=False)
    host = serializers.UUIDField(source="host_id", required=False)
    offering = serializers.UUIDField(source="offering_id", required=False)
    others = serializers.BooleanField(required=False)
    zone = ZoneField(required=False)


class BookingQuery(serializers.Serializer[Any]):
    when = serializers.ChoiceField(choices=["upcoming", "past"], required=False)
    status = serializers.ChoiceField(choices=["active", "cancelled", "completed", "no_show"], required=False)


class MessageField(ParagraphsField):
    """What a host writes to those whom a change or cancellation concerns."""

    def __init__(self) -> None:
        super().__init__(max_length=1000, required=False, allow_blank=True, help_text="Stands in their mails.")


class PreviewFields(serializers.Serializer[Any]):
    """With `preview` nothing is done, and the answer is what would be."""

    preview = serializers.BooleanField(default=False)
    seen = serializers.CharField(
        max_length=64, required=False, help_text="That of the preview; where it is not so any more, nothing is done."
    )


class OfferedFields(serializers.Serializer[Any]):
    """What offerings, rules and slots say under the same names."""

    description = ParagraphsField(max_length=2000, required=False, allow_blank=True)
    place = TitleField(required=False, allow_blank=True)
    link = LinkField(required=False, help_text="For those booked and the host alone.")
    price_credits = serializers.IntegerField(min_value=0, max_value=100, required=False)
    refund_window_hours = serializers.IntegerField(
        min_value=0,
        max_value=720,
        required=False,
        allow_null=True,
        help_text="Until how long before the start a cancellation refunds; null: as everywhere here.",
    )


class OfferingFields(OfferedFields):
    title = TitleField(max_length=100, required=False)
    minutes = serializers.IntegerField(min_value=5, max_value=1440, required=False)
    capacity = serializers.IntegerField(min_value=1, max_value=MOST_SEATS, required=False)
    public = serializers.BooleanField(required=False)


class OfferingPatch(OfferingFields, PreviewFields):
    """What is different from now on; what is left out stays. With `preview` nothing is done, and the answer is what
    would be."""

    message = MessageField()


class OfferingRequest(OfferingFields):
    """What a host offers."""

    title = TitleField(max_length=100)
    minutes = serializers.IntegerField(min_value=5, max_value=1440)
    capacity = serializers.IntegerField(min_value=1, max_value=MOST_SEATS, default=1)


class OfferingQuery(serializers.Serializer[Any]):
    host = serializers.UUIDField(source="host_id", required=False)


class SlotRequest(OfferedFields):
    """A slot of an offering says what that says, but for what is given; without one it needs title, end and seats."""

    offering_id = serializers.UUIDField(required=False, allow_null=True)
    title = TitleField(required=False)
    starts_at = SessionInstantField()
    ends_at = SessionInstantField(required=False)
    capacity = serializers.IntegerField(min_value=1, max_value=MOST_SEATS, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        missing = {"title", "ends_at", "capacity"} - attrs.keys() if attrs.get("offering_id") is None else set()
        if missing:
            raise serializers.ValidationError(dict.fromkeys(sorted(missing), "This field is required."))
        if "ends_at" not in attrs:
            return attrs
        length = attrs["ends_at"] - attrs["starts_at"]
        if not timedelta(0) < length <= LONGEST_SESSION:
            raise serializers.ValidationError({"ends_at": "End after the start and within 24 hours of it."})
        return attrs


class SlotPatch(PreviewFields):
    """What is different from now on; what is left out stays. With `preview` nothing is done, and the answer is what
    would be."""

    title = TitleField(required=False)
    description = ParagraphsField(max_length=2000, required=False, allow_blank=True)
    place = TitleField(required=False, allow_blank=True)
    link = LinkField(required=False)
    capacity = serializers.IntegerField(min_value=1, max_value=MOST_SEATS, required=False)
    starts_at = SessionInstantField(required=False)
    ends_at = SessionInstantField(required=False)
    message = MessageField()


class MessageRequest(serializers.Serializer[Any]):
    """The host's own words, if any, to those who are told."""

    message = MessageField()


class BookInRequest(serializers.Serializer[Any]):
    """Whom to book: by `person_id` or by `login`. With `charge` they pay the price, else nothing."""

    person_id = serializers.UUIDField(required=False)
    login = serializers.CharField(max_length=100, required=False)
    charge = serializers.BooleanField(default=False, help_text="Only for somebody who has booked a session of yours.")
    expected_credits_charged = serializers.IntegerField(
        min_value=0, required=False, allow_null=True, help_text="What it was said to cost them; else nothing is done."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The person under one name."""
        given = [attrs.pop(name) for name in ("person_id", "login") if name in attrs]
        if len(given) != 1:
            raise serializers.ValidationError({"login": "Name one person, by login or by person_id."})
        return {**attrs, "person": str(given[0])}


class SlotChoice(serializers.Serializer[Any]):
    """The slot to book or to move to."""

    slot_id = serializers.UUIDField()


class ShownPrice(serializers.Serializer[Any]):
    """`expected_credits_charged` is the price that the person was shown; where it is another, nothing is done."""

    expected_credits_charged = serializers.IntegerField(min_value=0, required=False, allow_null=True)


class BookingRequest(SlotChoice, ShownPrice):
    """`expected_credits_charged` is the price that the person was shown; where it is another, nothing is done."""


class CancelRequest(serializers.Serializer[Any]):
    """`expected_credits_refunded` is what the person was shown; where it is not true any more, nothing is done."""

    expected_credits_refunded = serializers.IntegerField(min_value=0, required=False, allow_null=True)


class GiveBackRequest(serializers.Serializer[Any]):
    """Part or all of what was charged and has not gone back, and why: the client reads it."""

    credits = serializers.IntegerField(min_value=1, max_value=32767)
    note = TitleField()


class DayRequest(MessageRequest):
    date = DayField(help_text="A day in the host's own time zone.")
