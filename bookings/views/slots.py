from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookings.serializers.answers import (
    CancelledSlotsSerializer,
    HostSerializer,
    PlaceSerializer,
    RosterSerializer,
    SlotSerializer,
)
from bookings.serializers.requests import DayRequest, SlotQuery, SlotRequest
from bookings.services import bookings, cancellations, slots, waitlist
from bookings.views.answers import caller_id, cursor_of, page_body, read_body, read_query
from bookings.views.schema import CURSOR, page_of


class HostsView(APIView):
    """The people who offer sessions."""

    required_scopes = {"GET": "bookings:read"}

    @extend_schema(parameters=[CURSOR], responses=page_of(HostSerializer))
    def get(self, request: Request) -> Response:
        """Hosts by login."""
        return Response(page_body(slots.list_hosts(cursor=cursor_of(request)), HostSerializer(), request))


class SlotsView(APIView):
    """Sessions that can be booked."""

    required_scopes = {"GET": "bookings:read", "POST": "bookings:write"}

    @extend_schema(operation_id="slots_list", parameters=[SlotQuery, CURSOR], responses=page_of(SlotSerializer))
    def get(self, request: Request) -> Response:
        """Slots by start, from now on unless `from` says otherwise. `open=true` leaves out what cannot be booked."""
        filters = read_query(SlotQuery, request)
        page = slots.list_slots(viewer_id=caller_id(request), cursor=cursor_of(request), **filters)
        return Response(page_body(page, SlotSerializer(), request))

    @extend_schema(request=SlotRequest, responses={201: SlotSerializer})
    def post(self, request: Request) -> Response:
        """Add a slot to your own calendar, for hosts."""
        row = slots.create_slot(host_id=caller_id(request), **read_body(SlotRequest, request))
        return Response(SlotSerializer(row).data, status=status.HTTP_201_CREATED)


class SlotView(APIView):
    """One slot."""

    required_scopes = {"GET": "bookings:read"}

    @extend_schema(responses=SlotSerializer)
    def get(self, request: Request, slot_id: UUID) -> Response:
        """The slot as the caller sees it."""
        return Response(SlotSerializer(slots.get_slot(slot_id=slot_id, viewer_id=caller_id(request))).data)


class SlotCancelView(APIView):
    """A host's cancellation of one slot."""

    required_scopes = {"POST": "bookings:write"}

    @extend_schema(request=None, responses=CancelledSlotsSerializer)
    def post(self, request: Request, slot_id: UUID) -> Response:
        """Cancel your own slot; every client is refunded in full and told."""
        done = cancellations.cancel_slot(host_id=caller_id(request), slot_id=slot_id)
        return Response(CancelledSlotsSerializer(done).data)


class DayCancelView(APIView):
    """A host's cancellation of a day."""

    required_scopes = {"POST": "bookings:write"}

    @extend_schema(request=DayRequest, responses=CancelledSlotsSerializer)
    def post(self, request: Request) -> Response:
        """Cancel every open slot that starts on that date in your own time zone and has not started."""
        day = read_body(DayRequest, request)["date"]
        done = cancellations.cancel_day(host_id=caller_id(request), day=day)
        return Response(CancelledSlotsSerializer(done).data)


class RosterView(APIView):
    """Who comes to a session."""

    required_scopes = {"GET": "bookings:write"}

    @extend_schema(parameters=[CURSOR], responses=page_of(RosterSerializer))
    def get(self, request: Request, slot_id: UUID) -> Response:
        """The bookings of your own slot, with their clients."""
        page = bookings.list_roster(host_id=caller_id(request), slot_id=slot_id, cursor=cursor_of(request))
        return Response(page_body(page, RosterSerializer(), request))


class WaitlistView(APIView):
    """The queue of a full slot."""

    required_scopes = {"POST": "bookings:write", "DELETE": "bookings:write"}

    @extend_schema(request=None, responses={201: PlaceSerializer})
    def post(self, request: Request, slot_id: UUID) -> Response:
        """Wait for a seat, which is consent to be booked when one is free; doing it twice keeps the place."""
        place = waitlist.join_waitlist(client_id=caller_id(request), slot_id=slot_id)
        return Response(PlaceSerializer(place).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, slot_id: UUID) -> Response:
        """Give up the place in the queue."""
        waitlist.leave_waitlist(client_id=caller_id(request), slot_id=slot_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
