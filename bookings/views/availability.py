from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookings.serializers.answers import RuleSerializer
from bookings.serializers.requests import RuleRequest
from bookings.services import availability
from bookings.views.answers import caller_id, read_body
from bookings.views.schema import page_of


class AvailabilityRulesView(APIView):
    """When a host receives."""

    required_scopes = {"GET": "bookings:write", "POST": "bookings:write"}

    @extend_schema(responses=page_of(RuleSerializer))
    def get(self, request: Request) -> Response:
        """Your own rules, for hosts: all of them, in one page."""
        rules = availability.list_rules(host_id=caller_id(request))
        return Response({"results": RuleSerializer(rules, many=True).data, "next": None, "previous": None})

    @extend_schema(request=RuleRequest, responses={201: RuleSerializer})
    def post(self, request: Request) -> Response:
        """Add weekly hours, extra hours or a day off; your calendar follows at once."""
        rule = availability.add_rule(host_id=caller_id(request), values=read_body(RuleRequest, request))
        return Response(RuleSerializer(rule).data, status=status.HTTP_201_CREATED)


class AvailabilityRuleView(APIView):
    """One rule."""

    required_scopes = {"DELETE": "bookings:write"}

    @extend_schema(responses={204: None})
    def delete(self, request: Request, rule_id: UUID) -> Response:
        """Remove it, with the future slots that it made and nobody has booked; booked ones stay."""
        availability.remove_rule(host_id=caller_id(request), rule_id=rule_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
