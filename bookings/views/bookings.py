import re
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookings.errors import NotValid
from bookings.serializers.answers import BookingDetailSerializer, BookingSerializer, RefundPreviewSerializer
from bookings.serializers.requests import BookingQuery, CancelRequest, SlotChoice
from bookings.services import bookings, cancellations, pages, rescheduling
from bookings.views.answers import caller_id, cursor_of, page_body, read_body, read_query
from bookings.views.schema import CURSOR, IDEMPOTENCY_KEY, page_of

KEY_FORM = re.compile(r"[\x21-\x7e]{1,255}")


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not KEY_FORM.fullmatch(key):
        raise NotValid("An Idempotency-Key has 1 to 255 visible ASCII characters. Send one like that, or none.")
    return key


class BookingsView(APIView):
    """The caller's bookings."""

    required_scopes = {"GET": "bookings:read", "POST": "bookings:write"}

    @extend_schema(
        operation_id="bookings_list", parameters=[BookingQuery, CURSOR], responses=page_of(BookingSerializer)
    )
    def get(self, request: Request) -> Response:
        """Bookings by session, the latest first; `when=upcoming` gives the next first."""
        filters = read_query(BookingQuery, request)
        page = bookings.list_bookings(client_id=caller_id(request), cursor=cursor_of(request), **filters)
        return Response(page_body(page, BookingSerializer(), request))

    @extend_schema(parameters=[IDEMPOTENCY_KEY], request=SlotChoice, responses={201: BookingSerializer})
    def post(self, request: Request) -> Response:
        """Book a seat for one credit."""
        slot_id = read_body(SlotChoice, request)["slot_id"]
        key = _idempotency_key(request)
        row = bookings.book_slot(client_id=caller_id(request), slot_id=slot_id, idempotency_key=key)
        return Response(BookingSerializer(row).data, status=status.HTTP_201_CREATED)


class BookingView(APIView):
    """One of the caller's bookings."""

    required_scopes = {"GET": "bookings:read"}

    @extend_schema(responses=BookingDetailSerializer)
    def get(self, request: Request, booking_id: UUID) -> Response:
        """The booking with its refund now, its earlier times and its ledger entries."""
        detail = pages.get_booking_detail(client_id=caller_id(request), booking_id=booking_id)
        return Response(BookingDetailSerializer(detail).data)


class RefundPreviewView(APIView):
    """What cancelling would give back."""

    required_scopes = {"GET": "bookings:read"}

    @extend_schema(responses=RefundPreviewSerializer)
    def get(self, request: Request, booking_id: UUID) -> Response:
        """The deadline, the amount, where it goes, and until when it can be used."""
        preview = cancellations.preview_refund(client_id=caller_id(request), booking_id=booking_id)
        return Response(RefundPreviewSerializer(preview).data)


class BookingCancelView(APIView):
    """A client's cancellation."""

    required_scopes = {"POST": "bookings:write"}

    @extend_schema(request=CancelRequest, responses=BookingSerializer)
    def post(self, request: Request, booking_id: UUID) -> Response:
        """Cancel; where the refund is not `expected_credits_refunded`, nothing is done and `refund_changed` says so."""
        expected = read_body(CancelRequest, request).get("expected_credits_refunded")
        row = cancellations.cancel_booking(
            client_id=caller_id(request), booking_id=booking_id, expected_credits_refunded=expected
        )
        return Response(BookingSerializer(row).data)


class BookingRescheduleView(APIView):
    """A client's move to another slot."""

    required_scopes = {"POST": "bookings:write"}

    @extend_schema(request=SlotChoice, responses=BookingSerializer)
    def post(self, request: Request, booking_id: UUID) -> Response:
        """Move the booking, with its credit, before its refund deadline; it keeps its id."""
        slot_id = read_body(SlotChoice, request)["slot_id"]
        row = rescheduling.reschedule_booking(client_id=caller_id(request), booking_id=booking_id, slot_id=slot_id)
        return Response(BookingSerializer(row).data)


class NoShowView(APIView):
    """A client who did not come."""

    required_scopes = {"POST": "bookings:write"}

    @extend_schema(request=None, responses=BookingSerializer)
    def post(self, request: Request, booking_id: UUID) -> Response:
        """Note it, from the start of your own session on."""
        row = bookings.mark_no_show(host_id=caller_id(request), booking_id=booking_id)
        return Response(BookingSerializer(row).data)
