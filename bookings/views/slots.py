from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookings import errors
from bookings.serializers.answers import (
    CancelledDaySerializer,
    CancelledSlotsSerializer,
    ChangedSlotSerializer,
    DaySerializer,
    HostSerializer,
    PublicHostSerializer,
    PublicSlotSerializer,
    RosterSerializer,
    SlotSerializer,
    WaitingPlaceSerializer,
)
from bookings.serializers.requests import (
    BookInRequest,
    DayRequest,
    DaysQuery,
    HostedQuery,
    MessageRequest,
    ShownPrice,
    SlotPatch,
    SlotQuery,
    SlotRequest,
)
from bookings.serializers.waiting import PlaceSerializer
from bookings.services import booking_in, browsing, editing, hosting, waiting
from bookings.views.answers import (
    CalendarView,
    caller_id,
    cursor_of,
    find_caller_id,
    host_shape,
    page_body,
    read_body,
    read_days,
    read_key,
    read_query,
    rows_body,
    slot_shape,
    take_how,
)
from bookings.views.schema import CURSOR, IDEMPOTENCY_KEY, page_of, seen_as


class HostsView(CalendarView):
    """The people who offer sessions."""

    @extend_schema(
        operation_id="hosts_list", parameters=[CURSOR], responses=page_of(HostSerializer, PublicHostSerializer)
    )
    def get(self, request: Request) -> Response:
        """Hosts by login; without a token those who have a public offering."""
        page = browsing.list_hosts(viewer_id=find_caller_id(request), cursor=cursor_of(request))
        return Response(page_body(page, host_shape(request), request))


class HostView(CalendarView):
    """One host."""

    @extend_schema(responses=seen_as(HostSerializer, PublicHostSerializer))
    def get(self, request: Request, login: str) -> Response:
        """The host of that login, whatever its case."""
        row = browsing.get_host(login=login, viewer_id=find_caller_id(request))
        return Response(host_shape(request).to_representation(row))


class SlotsView(CalendarView):
    """Sessions that can be booked."""

    required_scopes = {"GET": "bookings:read", "POST": "bookings:write"}
    refusals = {"POST": (errors.NotAHost, errors.SlotStarted, errors.SlotOverlaps)}

    @extend_schema(
        operation_id="slots_list",
        parameters=[SlotQuery, CURSOR],
        responses=page_of(SlotSerializer, PublicSlotSerializer),
    )
    def get(self, request: Request) -> Response:
        """Slots by start, from now on unless `from` says otherwise. `open=true` leaves out what cannot be booked."""
        filters = read_query(SlotQuery, request)
        page = browsing.list_slots(viewer_id=find_caller_id(request), cursor=cursor_of(request), **filters)
        return Response(page_body(page, slot_shape(request), request))

    @extend_schema(request=SlotRequest, responses={201: SlotSerializer})
    def post(self, request: Request) -> Response:
        """Add a slot to your own calendar, for hosts."""
        row = hosting.create_slot(host_id=caller_id(request), **read_body(SlotRequest, request))
        return Response(SlotSerializer(row).data, status=status.HTTP_201_CREATED)


class SlotView(CalendarView):
    """One slot."""

    required_scopes = {"GET": "bookings:read", "PATCH": "bookings:write"}
    refusals = {
        "PATCH": (
            errors.NotAHost,
            errors.SlotCancelled,
            errors.SessionStarted,
            errors.SlotStarted,
            errors.SlotOverlaps,
            errors.CapacityBelowSeats,
            errors.PreviewChanged,
        ),
    }

    @extend_schema(responses=seen_as(SlotSerializer, PublicSlotSerializer))
    def get(self, request: Request, slot_id: UUID) -> Response:
        """The slot as the caller sees it."""
        row = browsing.get_slot(slot_id=slot_id, viewer_id=find_caller_id(request))
        return Response(slot_shape(request).to_representation(row))

    @extend_schema(request=SlotPatch, responses=ChangedSlotSerializer)
    def patch(self, request: Request, slot_id: UUID) -> Response:
        """Change your own slot. Those booked and waiting are told, and who is booked elsewhere then is cancelled."""
        values = read_body(SlotPatch, request)
        how = take_how(values, "message", "seen")
        done = editing.edit_slot(host_id=caller_id(request), slot_id=slot_id, values=values, **how)
        return Response(ChangedSlotSerializer(done).data)


class SlotDaysView(CalendarView):
    """What can be booked, by day."""

    @extend_schema(parameters=[DaysQuery], responses=page_of(DaySerializer))
    def get(self, request: Request) -> Response:
        """A row for each local day of `zone` from `from` up to `to`, those without a session included."""
        asked = read_days(request, now=timezone.now())
        viewer_id = find_caller_id(request)
        counted = browsing.count_days(viewer_id=viewer_id, days=asked.days, zone=asked.zone, **asked.filters)
        return Response({"results": rows_body(DaySerializer(), counted), "next": None, "previous": None})


class SlotCancelView(APIView):
    """A host's cancellation of one slot."""

    required_scopes = {"POST": "bookings:write"}
    refusals = {"POST": (errors.SlotCancelled, errors.SessionStarted)}

    @extend_schema(request=MessageRequest, responses=CancelledSlotsSerializer)
    def post(self, request: Request, slot_id: UUID) -> Response:
        """Cancel your own slot; every client is refunded in full and told."""
        words = read_body(MessageRequest, request)
        done = hosting.cancel_slot(host_id=caller_id(request), slot_id=slot_id, **words)
        return Response(CancelledSlotsSerializer(done).data)


class SlotReopenView(APIView):
    """A cancelled slot that takes place after all."""

    required_scopes = {"POST": "bookings:write"}
    refusals = {"POST": (errors.NotAHost, errors.SlotStarted, errors.SlotOverlaps)}

    @extend_schema(request=None, responses=SlotSerializer)
    def post(self, request: Request, slot_id: UUID) -> Response:
        """Open your own cancelled slot again; those who had booked it may book it again."""
        return Response(SlotSerializer(editing.reopen_slot(host_id=caller_id(request), slot_id=slot_id)).data)


class DayCancelView(APIView):
    """A host's cancellation of a day."""

    required_scopes = {"POST": "bookings:write"}
    refusals = {"POST": (errors.NotAHost,)}

    @extend_schema(request=DayRequest, responses=CancelledDaySerializer)
    def post(self, request: Request) -> Response:
        """Cancel every open slot that starts on that date in your own time zone; it is a day off from then on."""
        body = read_body(DayRequest, request)
        done = hosting.cancel_day(host_id=caller_id(request), day=body.pop("date"), **body)
        return Response(CancelledDaySerializer(done).data)


class HostedSlotsView(APIView):
    """A host's own calendar."""

    required_scopes = {"GET": "bookings:read"}
    refusals = {"GET": (errors.NotAHost,)}

    @extend_schema(parameters=[HostedQuery, CURSOR], responses=page_of(SlotSerializer))
    def get(self, request: Request) -> Response:
        """Your own slots, for hosts: upcoming ones, the next first, or past or cancelled ones, the latest first."""
        filters = read_query(HostedQuery, request)
        page = hosting.list_hosted_slots(host_id=caller_id(request), cursor=cursor_of(request), **filters)
        return Response(page_body(page, SlotSerializer(), request))


class RosterView(APIView):
    """Who comes to a session."""

    required_scopes = {"GET": "bookings:write", "POST": "bookings:write"}
    refusals = {
        "POST": (
            errors.SlotCancelled,
            errors.SlotStarted,
            errors.SlotFull,
            errors.PriceChanged,
            errors.CannotBookPerson,
            errors.IdempotencyConflict,
        ),
    }
    # A host who could try names without end would learn who is here: tokens/throttles.py counts each.
    posts_for_others = True

    @extend_schema(parameters=[CURSOR], responses=page_of(RosterSerializer))
    def get(self, request: Request, slot_id: UUID) -> Response:
        """The bookings of your own slot, with their clients."""
        page = hosting.list_roster(host_id=caller_id(request), slot_id=slot_id, cursor=cursor_of(request))
        return Response(page_body(page, RosterSerializer(), request))

    @extend_schema(parameters=[IDEMPOTENCY_KEY], request=BookInRequest, responses={201: RosterSerializer})
    def post(self, request: Request, slot_id: UUID) -> Response:
        """Book somebody into your own slot; they are told and may leave without loss until the start."""
        wish, key = read_body(BookInRequest, request), read_key(request)
        row = booking_in.book_person_in(host_id=caller_id(request), slot_id=slot_id, idempotency_key=key, **wish)
        return Response(RosterSerializer(row).data, status=status.HTTP_201_CREATED)


class CsvRenderer(BaseRenderer):
    """Text as it is; problems as JSON."""

    media_type = "text/csv"
    format = "csv"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return data.encode() if isinstance(data, str) else JSONRenderer().render(data)


class RosterFileView(APIView):
    """Who comes to a session, for a spreadsheet."""

    required_scopes = {"GET": "bookings:write"}
    renderer_classes = [CsvRenderer]

    @extend_schema(operation_id="slots_bookings_csv", responses={(200, "text/csv"): str})
    def get(self, request: Request, slot_id: UUID) -> Response:
        """Those who hold a seat in your own slot: name, login, email, status, instant, credits."""
        text = hosting.render_roster(host_id=caller_id(request), slot_id=slot_id)
        return Response(text, headers={"Content-Disposition": 'attachment; filename="who-comes.csv"'})


class PlacesView(APIView):
    """What the caller waits for."""

    required_scopes = {"GET": "bookings:read"}

    @extend_schema(parameters=[CURSOR], responses=page_of(WaitingPlaceSerializer))
    def get(self, request: Request) -> Response:
        """Your places in the queues of full slots, as you joined, with what kept a free seat from you."""
        page = waiting.list_places(client_id=caller_id(request), cursor=cursor_of(request))
        return Response(page_body(page, WaitingPlaceSerializer(), request))


class WaitlistView(APIView):
    """The queue of a full slot."""

    required_scopes = {"POST": "bookings:write", "DELETE": "bookings:write"}
    refusals = {
        "POST": (
            errors.SlotCancelled,
            errors.SlotStarted,
            errors.OwnSlot,
            errors.AlreadyBooked,
            errors.OverlappingBooking,
            errors.PriceChanged,
            errors.NotValid,
        ),
    }

    @extend_schema(request=ShownPrice, responses={201: PlaceSerializer})
    def post(self, request: Request, slot_id: UUID) -> Response:
        """Wait for a seat, which is consent to be booked when one is free; doing it twice keeps the place."""
        shown = read_body(ShownPrice, request)
        place = waiting.join_waitlist(client_id=caller_id(request), slot_id=slot_id, **shown)
        return Response(PlaceSerializer(place).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, slot_id: UUID) -> Response:
        """Give up the place in the queue."""
        waiting.leave_waitlist(client_id=caller_id(request), slot_id=slot_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
