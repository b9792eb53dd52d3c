from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from bookings import errors
from bookings.serializers.availability import (
    CalendarChangeSerializer,
    CancelBookedQuery,
    ChangedRuleSerializer,
    RulePatch,
    RuleRequest,
    RuleSerializer,
)
from bookings.serializers.weekly_hours import WeeklyHoursRequest, WeeklyHoursSerializer
from bookings.services import availability, weekly_hours
from bookings.views.answers import caller_id, read_body, read_query, take_how
from bookings.views.schema import page_of


class AvailabilityRulesView(APIView):
    """When a host receives."""

    required_scopes = {"GET": "bookings:write", "POST": "bookings:write"}
    refusals = {"GET": (errors.NotAHost,), "POST": (errors.NotAHost,)}

    @extend_schema(responses=page_of(RuleSerializer))
    def get(self, request: Request) -> Response:
        """Your own rules, for hosts: all of them, but for dates that are over, in one page."""
        rules = availability.list_rules(host_id=caller_id(request))
        return Response({"results": RuleSerializer(rules, many=True).data, "next": None, "previous": None})

    @extend_schema(request=RuleRequest, responses={201: ChangedRuleSerializer})
    def post(self, request: Request) -> Response:
        """Add weekly hours, extra hours or a day off; your calendar follows at once."""
        done = availability.add_rule(host_id=caller_id(request), **_read_values(RuleRequest, request))
        return Response(ChangedRuleSerializer(done).data, status=status.HTTP_201_CREATED)


class AvailabilityRuleView(APIView):
    """One rule."""

    required_scopes = {"PATCH": "bookings:write", "DELETE": "bookings:write"}
    refusals = {"PATCH": (errors.CapacityBelowSeats, errors.PreviewChanged)}

    @extend_schema(request=RulePatch, responses=ChangedRuleSerializer)
    def patch(self, request: Request, rule_id: UUID) -> Response:
        """Change it; slots that it asks for no more close, and booked ones stay unless `cancel_booked`.

        Its sessions ahead follow unless you have changed them by themselves. Those booked and waiting are told.
        """
        values = _read_values(RulePatch, request)
        done = availability.change_rule(host_id=caller_id(request), rule_id=rule_id, **values)
        return Response(ChangedRuleSerializer(done).data)

    @extend_schema(parameters=[CancelBookedQuery], responses={200: CalendarChangeSerializer})
    def delete(self, request: Request, rule_id: UUID) -> Response:
        """Remove it, with the slots ahead that it made; booked ones stay unless `cancel_booked`."""
        wish = read_query(CancelBookedQuery, request)
        done = availability.remove_rule(host_id=caller_id(request), rule_id=rule_id, **wish)
        return Response(CalendarChangeSerializer(done).data)


class WeeklyHoursView(APIView):
    """When one offering takes place, week by week."""

    required_scopes = {"PUT": "bookings:write"}
    refusals = {"PUT": (errors.CapacityBelowSeats, errors.PreviewChanged)}

    @extend_schema(request=WeeklyHoursRequest, responses=WeeklyHoursSerializer)
    def put(self, request: Request, offering_id: UUID) -> Response:
        """Let it have exactly these weekly hours; what is booked at hours that go stays.

        Sessions that old and new hours both ask for stay as they are. A refusal names a range as `hours.` and its place
        in the list, from 0.
        """
        values = read_body(WeeklyHoursRequest, request)
        how = take_how(values, "seen")
        done = weekly_hours.set_weekly_hours(host_id=caller_id(request), offering_id=offering_id, **values, **how)
        return Response(WeeklyHoursSerializer().to_representation(done))


def _read_values(form: type[Serializer[Any]], request: Request) -> dict[str, Any]:
    """The values of a rule, and apart from them how it is to be changed."""
    values = read_body(form, request)
    how = take_how(values, "cancel_booked", "message", "seen")
    return {**how, "values": values}
