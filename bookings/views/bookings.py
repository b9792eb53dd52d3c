from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookings import errors
from bookings.serializers.answers import (
    BookingDetailSerializer,
    BookingSerializer,
    RefundPreviewSerializer,
    RosterSerializer,
)
from bookings.serializers.requests import (
    BookingQuery,
    BookingRequest,
    CancelRequest,
    GiveBackRequest,
    MessageRequest,
)
from bookings.serializers.series import (
    BookedSeriesSerializer,
    SeriesPreviewSerializer,
    SeriesQuery,
    SeriesRequest,
)
from bookings.services import booking, booking_detail, cancelling, giving_back, hosting, moving, series
from bookings.views.answers import caller_id, cursor_of, page_body, read_body, read_key, read_query, read_whole_query
from bookings.views.schema import CURSOR, IDEMPOTENCY_KEY, page_of


class BookingsView(APIView):
    """The caller's bookings."""

    required_scopes = {"GET": "bookings:read", "POST": "bookings:write"}
    refusals = {"POST": (*booking.SEAT_REFUSALS.values(), errors.PriceChanged, errors.IdempotencyConflict)}

    @extend_schema(
        operation_id="bookings_list", parameters=[BookingQuery, CURSOR], responses=page_of(BookingSerializer)
    )
    def get(self, request: Request) -> Response:
        """Bookings by session, the latest first; `when=upcoming` gives the next first."""
        filters = read_query(BookingQuery, request)
        page = booking.list_bookings(client_id=caller_id(request), cursor=cursor_of(request), **filters)
        return Response(page_body(page, BookingSerializer(), request))

    @extend_schema(parameters=[IDEMPOTENCY_KEY], request=BookingRequest, responses={201: BookingSerializer})
    def post(self, request: Request) -> Response:
        """Book a seat for its price; where that is not `expected_credits_charged`, `price_changed` says so."""
        wish, key = read_body(BookingRequest, request), read_key(request)
        row = booking.book_slot(client_id=caller_id(request), idempotency_key=key, **wish)
        return Response(BookingSerializer(row).data, status=status.HTTP_201_CREATED)


class SeriesView(APIView):
    """Every session of weekly hours, for a time."""

    required_scopes = {"GET": "bookings:read", "POST": "bookings:write"}
    refusals = {
        "GET": (errors.NoSeries, errors.Busy),
        "POST": (
            errors.NoSeries,
            *booking.SEAT_REFUSALS.values(),
            errors.PriceChanged,
            errors.PreviewChanged,
            errors.IdempotencyConflict,
        ),
    }

    @extend_schema(parameters=[SeriesQuery], responses=SeriesPreviewSerializer)
    def get(self, request: Request, slot_id: UUID) -> Response:
        """What booking the slot and its sessions of the weeks after it would do; nothing is done."""
        until = read_whole_query(SeriesQuery, request)["until"]
        preview = series.preview_series(client_id=caller_id(request), slot_id=slot_id, until=until)
        return Response(SeriesPreviewSerializer(preview).data)

    @extend_schema(parameters=[IDEMPOTENCY_KEY], request=SeriesRequest, responses={201: BookedSeriesSerializer})
    def post(self, request: Request, slot_id: UUID) -> Response:
        """Book what the preview has shown, all or nothing; a refusal names the first `slot_id` that it is about."""
        wish, key = read_body(SeriesRequest, request), read_key(request)
        made = series.book_series(client_id=caller_id(request), slot_id=slot_id, idempotency_key=key, **wish)
        return Response(BookedSeriesSerializer(made).data, status=status.HTTP_201_CREATED)


class BookingView(APIView):
    """One of the caller's bookings."""

    required_scopes = {"GET": "bookings:read"}

    @extend_schema(responses=BookingDetailSerializer)
    def get(self, request: Request, booking_id: UUID) -> Response:
        """The booking with its refund now, its earlier times and its ledger entries."""
        detail = booking_detail.get_booking_detail(client_id=caller_id(request), booking_id=booking_id)
        return Response(BookingDetailSerializer(detail).data)


class RefundPreviewView(APIView):
    """What cancelling would give back."""

    required_scopes = {"GET": "bookings:read"}
    refusals = {"GET": (errors.BookingNotActive, errors.SessionStarted)}

    @extend_schema(responses=RefundPreviewSerializer)
    def get(self, request: Request, booking_id: UUID) -> Response:
        """The deadline, the amount, where it goes, and until when it can be used."""
        preview = cancelling.preview_refund(client_id=caller_id(request), booking_id=booking_id)
        return Response(RefundPreviewSerializer(preview).data)


class BookingCancelView(APIView):
    """A client's cancellation."""

    required_scopes = {"POST": "bookings:write"}
    refusals = {"POST": (errors.BookingNotActive, errors.SessionStarted, errors.RefundChanged)}

    @extend_schema(request=CancelRequest, responses=BookingSerializer)
    def post(self, request: Request, booking_id: UUID) -> Response:
        """Cancel; where the refund is not `expected_credits_refunded`, nothing is done and `refund_changed` says so."""
        expected = read_body(CancelRequest, request).get("expected_credits_refunded")
        row = cancelling.cancel_booking(
            client_id=caller_id(request), booking_id=booking_id, expected_credits_refunded=expected
        )
        return Response(BookingSerializer(row).data)


class BookingRescheduleView(APIView):
    """A client's move to another slot."""

    required_scopes = {"POST": "bookings:write"}
    refusals = {
        "POST": (
            errors.BookingNotActive,
            errors.SessionStarted,
            errors.LateReschedule,
            *booking.SEAT_REFUSALS.values(),
            errors.PriceChanged,
        ),
    }

    @extend_schema(request=BookingRequest, responses=BookingSerializer)
    def post(self, request: Request, booking_id: UUID) -> Response:
        """Move the booking before its refund deadline; it keeps its id, and the difference of the prices is settled."""
        wish = read_body(BookingRequest, request)
        row = moving.reschedule_booking(client_id=caller_id(request), booking_id=booking_id, **wish)
        return Response(BookingSerializer(row).data)


class GiveBackView(APIView):
    """What a host gives back besides a cancellation's refund."""

    required_scopes = {"POST": "bookings:write"}
    refusals = {"POST": (errors.IdempotencyConflict,)}

    @extend_schema(parameters=[IDEMPOTENCY_KEY], request=GiveBackRequest, responses=BookingSerializer)
    def post(self, request: Request, booking_id: UUID) -> Response:
        """Give back some of what a booking of your own session has cost, before or after its start, with a note."""
        body, key, host_id = read_body(GiveBackRequest, request), read_key(request), caller_id(request)
        row = giving_back.give_back(
            booking_id=booking_id, host_id=host_id, actor_id=host_id, idempotency_key=key, **body
        )
        return Response(BookingSerializer(row).data)


class RemovalView(APIView):
    """Somebody whom a host takes out of a session."""

    required_scopes = {"POST": "bookings:write"}
    refusals = {"POST": (errors.BookingNotActive, errors.SessionStarted)}

    @extend_schema(request=MessageRequest, responses=RosterSerializer)
    def post(self, request: Request, booking_id: UUID) -> Response:
        """Cancel a booking of your own session before its start; the client is refunded in full and told."""
        words = read_body(MessageRequest, request)
        row = cancelling.remove_client(host_id=caller_id(request), booking_id=booking_id, **words)
        return Response(RosterSerializer(row).data)


class NoShowView(APIView):
    """A client who did not come."""

    required_scopes = {"POST": "bookings:write", "DELETE": "bookings:write"}
    refusals = {
        "POST": (errors.BookingNotActive, errors.NotValid),
        "DELETE": (errors.BookingNotActive, errors.OverlappingBooking),
    }

    @extend_schema(request=None, responses=BookingSerializer)
    def post(self, request: Request, booking_id: UUID) -> Response:
        """Note it, from the start of your own session on."""
        row = hosting.mark_no_show(host_id=caller_id(request), booking_id=booking_id)
        return Response(BookingSerializer(row).data)

    @extend_schema(responses={200: BookingSerializer})
    def delete(self, request: Request, booking_id: UUID) -> Response:
        """They came after all; refused where they have booked another session at that time since."""
        row = hosting.undo_no_show(host_id=caller_id(request), booking_id=booking_id)
        return Response(BookingSerializer(row).data)
