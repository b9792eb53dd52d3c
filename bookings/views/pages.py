"""One call for each page of the portal: the same objects as elsewhere, put together."""

from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookings.serializers import answers as shapes
from bookings.serializers.requests import DayRequest, SlotQuery
from bookings.services import pages
from bookings.views.answers import caller_id, cursor_of, page_body, read_query
from tokens.authentication import credential_of

if TYPE_CHECKING:
    from bookings.repositories.pages import Page
    from bookings.services.pages import LeavingPage

PERSON_FIELDS = ("id", "login", "display_name", "avatar_url", "time_zone", "is_host")
# Only for a credential that could ask `/me`.
ACCOUNT_FIELDS = ("email", "email_notifications", "standing", "is_staff")


def _person(request: Request) -> dict[str, Any]:
    """The caller as in `/me`, without another query and as far as the credential's scopes go."""
    credential = credential_of(request)
    fields = PERSON_FIELDS + (ACCOUNT_FIELDS if "account:read" in credential.scopes else ())
    return {name: getattr(credential.person, name) for name in fields}


class PageView(APIView):
    """A page's content; described in docs/bookings.md rather than in the schema."""

    required_scopes = {"GET": "bookings:read"}


@extend_schema(exclude=True)
class HomePageView(PageView):
    def get(self, request: Request) -> Response:
        """What is next."""
        page = pages.compose_home(client_id=caller_id(request))
        upcoming = [shapes.BookingSerializer().to_representation(row) for row in page.upcoming]
        body = {"person": _person(request), "credits_available": page.credits_available, "upcoming": upcoming}
        return Response(body)


@extend_schema(exclude=True)
class SlotsPageView(PageView):
    def get(self, request: Request) -> Response:
        """Slots to choose from; the filters are those of `/slots`."""
        filters = read_query(SlotQuery, request)
        page = pages.compose_slots(viewer_id=caller_id(request), cursor=cursor_of(request), **filters)
        return Response(
            {
                "person": _person(request),
                "credits_available": page.credits_available,
                "hosts": [shapes.HostSerializer().to_representation(row) for row in page.hosts],
                "slots": page_body(page.slots, shapes.SlotSerializer(), request),
            }
        )


@extend_schema(exclude=True)
class SlotPageView(PageView):
    def get(self, request: Request, slot_id: UUID) -> Response:
        """One slot to book or to wait for."""
        page = pages.compose_slot(viewer_id=caller_id(request), slot_id=slot_id)
        return Response(
            {
                "person": _person(request),
                "slot": shapes.SlotSerializer().to_representation(page.slot),
                "subscriptions": _subscriptions(page.subscriptions),
                "position": page.position,
            }
        )


@extend_schema(exclude=True)
class BookingsPageView(PageView):
    def get(self, request: Request) -> Response:
        """Upcoming bookings, a page of past ones, and what the person waits for."""
        page = pages.compose_bookings(client_id=caller_id(request), cursor=cursor_of(request))
        return Response(
            {
                "person": _person(request),
                "credits_available": page.credits_available,
                "upcoming": [shapes.BookingSerializer().to_representation(row) for row in page.upcoming],
                "past": page_body(page.past, shapes.BookingSerializer(), request),
                "waiting": [shapes.WaitingSerializer().to_representation(row) for row in page.waiting],
            }
        )


@extend_schema(exclude=True)
class BookingPageView(PageView):
    def get(self, request: Request, booking_id: UUID) -> Response:
        """One booking."""
        detail = pages.get_booking_detail(client_id=caller_id(request), booking_id=booking_id)
        booking = shapes.BookingDetailSerializer().to_representation(detail)
        return Response({"person": _person(request), "booking": booking})


@extend_schema(exclude=True)
class ReschedulePageView(PageView):
    def get(self, request: Request, booking_id: UUID) -> Response:
        """One booking and the open slots it could move to; the filters are those of `/slots`."""
        filters = read_query(SlotQuery, request)
        page = pages.compose_reschedule(
            client_id=caller_id(request), booking_id=booking_id, cursor=cursor_of(request), **filters
        )
        return Response(
            {
                "person": _person(request),
                "booking": shapes.BookingDetailSerializer().to_representation(page.detail),
                "same": [shapes.SlotSerializer().to_representation(row) for row in page.same],
                "slots": page_body(page.slots, shapes.SlotSerializer(), request),
            }
        )


@extend_schema(exclude=True)
class CreditsPageView(PageView):
    def get(self, request: Request) -> Response:
        """Subscriptions and a page of the ledger."""
        page = pages.compose_credits(user_id=caller_id(request), cursor=cursor_of(request))
        return Response(
            {
                "person": _person(request),
                "credits_available": page.credits_available,
                "subscriptions": _subscriptions(page.subscriptions),
                "entries": page_body(page.entries, shapes.EntrySerializer(), request),
            }
        )


def _subscriptions(page: "Page") -> list[dict[str, Any]]:
    return [shapes.SubscriptionSerializer().to_representation(row) for row in page.rows]


@extend_schema(exclude=True)
class HostingPageView(PageView):
    def get(self, request: Request) -> Response:
        """A host's own slots and rules."""
        page = pages.compose_hosting(host_id=caller_id(request), cursor=cursor_of(request))
        return Response(
            {
                "person": _person(request),
                "slots": page_body(page.slots, shapes.SlotSerializer(), request),
                "rules": shapes.RuleSerializer(page.rules, many=True).data,
            }
        )


@extend_schema(exclude=True)
class HostedSlotPageView(PageView):
    required_scopes = {"GET": "bookings:write"}

    def get(self, request: Request, slot_id: UUID) -> Response:
        """A host's own slot with who comes."""
        page = pages.compose_hosted_slot(host_id=caller_id(request), slot_id=slot_id, cursor=cursor_of(request))
        return Response(
            {
                "person": _person(request),
                "slot": shapes.SlotSerializer().to_representation(page.slot),
                "bookings": page_body(page.roster, shapes.RosterSerializer(), request),
                "waiting": page.waiting,
            }
        )


@extend_schema(exclude=True)
class HostedDayPageView(PageView):
    required_scopes = {"GET": "bookings:write"}

    def get(self, request: Request) -> Response:
        """What cancelling the day `date` would cancel."""
        page = pages.compose_hosted_day(host_id=caller_id(request), day=_checked_day(request))
        return Response(
            {
                "person": _person(request),
                "slots": [shapes.SlotSerializer().to_representation(row) for row in page.slots],
                "people": page.people,
                "credits": page.credits,
            }
        )


@extend_schema(exclude=True)
class DeactivationPageView(PageView):
    def get(self, request: Request) -> Response:
        """What deactivating the account would cancel."""
        page = pages.compose_leaving(user_id=caller_id(request))
        return Response({"person": _person(request), **_leaving(page)})


def _checked_day(request: Request) -> date:
    form = DayRequest(data=request.query_params.dict())
    form.is_valid(raise_exception=True)
    day: date = form.validated_data["date"]
    return day


def _leaving(page: "LeavingPage") -> dict[str, Any]:
    return {
        "bookings": [
            {**shapes.BookingSerializer().to_representation(row), "credits_to_refund": credits}
            for row, credits in page.bookings
        ],
        "slots": [shapes.SlotSerializer().to_representation(row) for row in page.slots],
    }
