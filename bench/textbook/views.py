"""What a booking is compared with, behind the same authentication: nothing at all, and the way of the textbooks."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.services.events import record_event
from bookings.models import Booking, CreditEntry, Slot, Subscription
from bookings.repositories import bookings, jobs
from bookings.serializers.answers import BookingSerializer
from bookings.serializers.requests import SlotChoice
from bookings.views.answers import read_body
from tokens.authentication import credential_of


class EmptyView(APIView):
    """Authenticates the caller as every endpoint does, checks the scope, and does nothing."""

    required_scopes = {"POST": "bookings:write"}

    def post(self, request: Request) -> Response:
        return Response({})


class TextbookBookingView(APIView):
    """A booking as `SELECT … FOR UPDATE`, check, `save`: same tables, constraints, ledger, trail, jobs and answer."""

    required_scopes = {"POST": "bookings:write"}

    def post(self, request: Request) -> Response:
        client_id, now = credential_of(request).person.pk, datetime.now(UTC)
        with transaction.atomic():
            slot = Slot.objects.select_for_update().get(id=read_body(SlotChoice, request)["slot_id"])
            subscription = _usable(client_id, now).select_for_update().order_by("ends_at").first()
            if subscription is None or slot.seats_taken >= slot.capacity or _overlapping(client_id, slot).exists():
                return Response({"code": "refused"}, status=409)
            booking = _book(slot, subscription, request.headers["Idempotency-Key"], now)
        return Response(BookingSerializer(bookings.find_row(booking.id)).data, status=201)


def _usable(client_id: Any, now: datetime) -> Any:
    return Subscription.objects.filter(user_id=client_id, credits_remaining__gt=0, starts_at__lte=now, ends_at__gt=now)


def _overlapping(client_id: Any, slot: Slot) -> Any:
    return Booking.objects.filter(
        client_id=client_id,
        status="active",
        scheduled_start_time__lt=slot.ends_at,
        scheduled_end_time__gt=slot.starts_at,
    )


def _book(slot: Slot, subscription: Subscription, key: str, now: datetime) -> Booking:
    slot.seats_taken += 1
    slot.save()
    subscription.credits_remaining -= 1
    subscription.save()
    booking = Booking.objects.create(
        slot=slot,
        client_id=subscription.user_id,
        host_id=slot.host_id,
        subscription=subscription,
        scheduled_start_time=slot.starts_at,
        scheduled_end_time=slot.ends_at,
        refund_window=timedelta(hours=12),
        credits_charged=1,
        idempotency_key=key,
        requested_slot_id=slot.id,
        remind_at=slot.starts_at - timedelta(hours=24),
        created_at=now,
        changed_at=now,
    )
    CreditEntry.objects.create(
        subscription=subscription,
        booking=booking,
        amount=-1,
        reason="booking",
        balance_after=subscription.credits_remaining,
        created_at=now,
    )
    record_event(kind="booking.made", user_id=subscription.user_id, detail={"booking_id": str(booking.id)})
    jobs.defer_notices("booking_made", [(subscription.user_id, booking.id, 0)])
    return booking
