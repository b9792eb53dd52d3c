from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookings import errors
from bookings.serializers.offerings import ChangedOfferingSerializer, OfferingSerializer, PublicOfferingSerializer
from bookings.serializers.requests import OfferingPatch, OfferingQuery, OfferingRequest
from bookings.services import offerings
from bookings.views.answers import (
    CalendarView,
    caller_id,
    cursor_of,
    find_caller_id,
    page_body,
    read_body,
    read_key,
    read_query,
    take_how,
)
from bookings.views.schema import CURSOR, IDEMPOTENCY_KEY, page_of


class OfferingsView(CalendarView):
    """What people offer."""

    required_scopes = {"GET": "bookings:read", "POST": "bookings:write"}
    refusals = {"POST": (errors.NotAHost, errors.IdempotencyConflict)}

    @extend_schema(
        operation_id="offerings_list",
        parameters=[OfferingQuery, CURSOR],
        responses=page_of(OfferingSerializer, PublicOfferingSerializer),
    )
    def get(self, request: Request) -> Response:
        """What people offer, or one `host` does, oldest first; your own archived offerings are among them."""
        filters = read_query(OfferingQuery, request)
        page = offerings.list_offerings(viewer_id=find_caller_id(request), cursor=cursor_of(request), **filters)
        shape = PublicOfferingSerializer() if request.auth is None else OfferingSerializer()
        return Response(page_body(page, shape, request))

    @extend_schema(parameters=[IDEMPOTENCY_KEY], request=OfferingRequest, responses={201: OfferingSerializer})
    def post(self, request: Request) -> Response:
        """Offer something, for hosts; make slots or hours from it afterwards."""
        values, key = read_body(OfferingRequest, request), read_key(request)
        row = offerings.add_offering(host_id=caller_id(request), values=values, idempotency_key=key)
        return Response(OfferingSerializer(row).data, status=status.HTTP_201_CREATED)


class OfferingView(APIView):
    """One offering."""

    required_scopes = {"PATCH": "bookings:write"}
    refusals = {"PATCH": (errors.CapacityBelowSeats, errors.PreviewChanged)}

    @extend_schema(request=OfferingPatch, responses=ChangedOfferingSerializer)
    def patch(self, request: Request, offering_id: UUID) -> Response:
        """Change your own; hours and open slots ahead that said what it said follow. Bookings keep what they cost."""
        values = read_body(OfferingPatch, request)
        how = take_how(values, "message", "seen")
        done = offerings.change_offering(host_id=caller_id(request), offering_id=offering_id, values=values, **how)
        return Response(ChangedOfferingSerializer(done).data)


class OfferingArchiveView(APIView):
    """The end of an offering."""

    required_scopes = {"POST": "bookings:write"}
    refusals = {"POST": (errors.NotValid,)}

    @extend_schema(request=None, responses=OfferingSerializer)
    def post(self, request: Request, offering_id: UUID) -> Response:
        """Make nothing new from your own; what was made from it stays."""
        row = offerings.archive_offering(host_id=caller_id(request), offering_id=offering_id)
        return Response(OfferingSerializer(row).data)
