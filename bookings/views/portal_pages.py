from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookings.serializers import answers as shapes
from bookings.serializers.availability import RuleSerializer
from bookings.serializers.offerings import OfferingSerializer
from bookings.serializers.requests import ChosenDayQuery, DayRequest, HostedQuery, SlotQuery
from bookings.serializers.series import SeriesPreviewSerializer, SeriesQuery
from bookings.services import availability, hosting, offerings, portal_pages
from bookings.services.booking_detail import get_booking_detail
from bookings.views.answers import (
    CalendarView,
    caller_id,
    cursor_of,
    feed_address,
    find_caller_id,
    host_shape,
    page_body,
    read_query,
    read_whole_query,
    slot_shape,
    zone_of_caller,
)
from tokens.authentication import credential_of, visible_person

if TYPE_CHECKING:
    from bookings.repositories.keyset import Page
    from bookings.repositories.rows import SubscriptionRow
    from bookings.services.browsing import ChosenDay
    from bookings.services.portal_pages import LeavingPage


class PageView(APIView):
    """A page's content; described in docs/bookings.md rather than in the schema."""

    required_scopes = {"GET": "bookings:read"}


@extend_schema(exclude=True)
class HomePageView(PageView):
    def get(self, request: Request) -> Response:
        """What is next."""
        page = portal_pages.compose_home(client_id=caller_id(request))
        upcoming = [shapes.BookingSerializer().to_representation(row) for row in page.upcoming]
        body = {"person": visible_person(request), "credits_available": page.credits_available, "upcoming": upcoming}
        body["passed_over"] = [shapes.WaitingSerializer().to_representation(row) for row in page.passed_over]
        return Response(body)


@extend_schema(exclude=True)
class SlotsPageView(CalendarView):
    def get(self, request: Request) -> Response:
        """Slots to choose from; the filters are those of `/slots`."""
        filters = read_query(SlotQuery, request)
        page = portal_pages.compose_slots(viewer_id=find_caller_id(request), cursor=cursor_of(request), **filters)
        return Response(
            {
                "person": _person(request),
                "credits_available": page.credits_available,
                "hosts": [host_shape(request).to_representation(row) for row in page.hosts],
                "slots": page_body(page.slots, slot_shape(request), request),
            }
        )


@extend_schema(exclude=True)
class DaysPageView(CalendarView):
    def get(self, request: Request) -> Response:
        """Weeks of days, and what can be booked on one of them."""
        asked = _asked_day(request)
        asked.pop("others", None)
        page = portal_pages.compose_days(viewer_id=find_caller_id(request), now=timezone.now(), **asked)
        hosts = [host_shape(request).to_representation(row) for row in page.hosts]
        named = [{"id": row["id"], "title": row["title"]} for row in page.offerings]
        body = {"person": _person(request), "hosts": hosts, "offerings": named, "held": page.held}
        return Response({**body, **_chosen_day(page.chosen, request)})


def _asked_day(request: Request) -> dict[str, Any]:
    asked = read_query(ChosenDayQuery, request)
    return {"zone": zone_of_caller(request), "cursor": cursor_of(request), **asked}


def _chosen_day(chosen: "ChosenDay", request: Request) -> dict[str, Any]:
    return {
        "days": [shapes.DaySerializer().to_representation(row) for row in chosen.days],
        "day": chosen.day,
        "slots": page_body(chosen.slots, slot_shape(request), request),
        "next_free": [slot_shape(request).to_representation(row) for row in chosen.next_free],
    }


@extend_schema(exclude=True)
class HostPageView(CalendarView):
    def get(self, request: Request, login: str) -> Response:
        """A host, and the next slots that are open for booking there."""
        viewer_id, cursor = find_caller_id(request), cursor_of(request)
        page = portal_pages.compose_host(viewer_id=viewer_id, login=login, cursor=cursor)
        return Response(
            {
                "person": _person(request),
                "host": host_shape(request).to_representation(page.host),
                "slots": page_body(page.slots, slot_shape(request), request),
            }
        )


@extend_schema(exclude=True)
class SlotPageView(CalendarView):
    def get(self, request: Request, slot_id: UUID) -> Response:
        """One slot to book or to wait for."""
        page = portal_pages.compose_slot(viewer_id=find_caller_id(request), slot_id=slot_id)
        return Response(
            {
                "person": _person(request),
                "slot": slot_shape(request).to_representation(page.slot),
                "subscriptions": _subscriptions(page.subscriptions),
                "position": page.position,
                "repeats": page.repeats,
            }
        )


@extend_schema(exclude=True)
class SeriesPageView(PageView):
    def get(self, request: Request, slot_id: UUID) -> Response:
        """What booking a series would do."""
        until = read_whole_query(SeriesQuery, request)["until"]
        page = portal_pages.compose_series(client_id=caller_id(request), slot_id=slot_id, until=until)
        return Response(
            {
                "person": visible_person(request),
                "credits_available": page.credits_available,
                "series": SeriesPreviewSerializer().to_representation(page.preview),
            }
        )


def _person(request: Request) -> dict[str, Any] | None:
    return None if request.auth is None else visible_person(request)


@extend_schema(exclude=True)
class BookingsPageView(PageView):
    def get(self, request: Request) -> Response:
        """Upcoming bookings, a page of past ones, what the person waits for, and the address of their calendar."""
        page = portal_pages.compose_bookings(reader=credential_of(request), cursor=cursor_of(request))
        return Response(
            {
                "person": visible_person(request),
                "credits_available": page.credits_available,
                "upcoming": [shapes.BookingSerializer().to_representation(row) for row in page.upcoming],
                "past": page_body(page.past, shapes.BookingSerializer(), request),
                "waiting": [shapes.WaitingSerializer().to_representation(row) for row in page.waiting],
                "calendar_feed": page.feed_secret and feed_address(page.feed_secret),
            }
        )


@extend_schema(exclude=True)
class BookingPageView(PageView):
    def get(self, request: Request, booking_id: UUID) -> Response:
        """One booking."""
        detail = get_booking_detail(client_id=caller_id(request), booking_id=booking_id)
        booking = shapes.BookingDetailSerializer().to_representation(detail)
        return Response({"person": visible_person(request), "booking": booking})


@extend_schema(exclude=True)
class ReschedulePageView(PageView):
    def get(self, request: Request, booking_id: UUID) -> Response:
        """One booking, the open slots to move to, and the upcoming bookings; the filters are those of `/slots`."""
        filters = read_query(SlotQuery, request)
        page = portal_pages.compose_reschedule(
            client_id=caller_id(request), booking_id=booking_id, cursor=cursor_of(request), **filters
        )
        return Response(
            {
                "person": visible_person(request),
                "booking": shapes.BookingDetailSerializer().to_representation(page.detail),
                "same": [shapes.SlotSerializer().to_representation(row) for row in page.same],
                "slots": page_body(page.slots, shapes.SlotSerializer(), request),
                "upcoming": [shapes.BookingSerializer().to_representation(row) for row in page.upcoming],
            }
        )


@extend_schema(exclude=True)
class MoveDaysPageView(PageView):
    def get(self, request: Request, booking_id: UUID) -> Response:
        """One booking, weeks of days, what it can be moved to on one of them, and the upcoming bookings."""
        page = portal_pages.compose_move_days(
            client_id=caller_id(request), booking_id=booking_id, now=timezone.now(), **_asked_day(request)
        )
        return Response(
            {
                "person": visible_person(request),
                "booking": shapes.BookingDetailSerializer().to_representation(page.detail),
                "upcoming": [shapes.BookingSerializer().to_representation(row) for row in page.upcoming],
                "is_filtered": page.is_filtered,
                **_chosen_day(page.chosen, request),
            }
        )


@extend_schema(exclude=True)
class MovePageView(PageView):
    def get(self, request: Request, booking_id: UUID, slot_id: UUID) -> Response:
        """One booking and the slot chosen for it."""
        page = portal_pages.compose_move(client_id=caller_id(request), booking_id=booking_id, slot_id=slot_id)
        return Response(
            {
                "person": visible_person(request),
                "booking": shapes.BookingDetailSerializer().to_representation(page.detail),
                "slot": shapes.SlotSerializer().to_representation(page.slot),
            }
        )


@extend_schema(exclude=True)
class CreditsPageView(PageView):
    def get(self, request: Request) -> Response:
        """Subscriptions and a page of the ledger."""
        page = portal_pages.compose_credits(user_id=caller_id(request), cursor=cursor_of(request))
        return Response(
            {
                "person": visible_person(request),
                "credits_available": page.credits_available,
                "subscriptions": _subscriptions(page.subscriptions),
                "entries": page_body(page.entries, shapes.EntrySerializer(), request),
            }
        )


def _subscriptions(page: "Page[SubscriptionRow] | None") -> list[dict[str, Any]]:
    return [shapes.SubscriptionSerializer().to_representation(row) for row in page.rows] if page else []


@extend_schema(exclude=True)
class HostingPageView(PageView):
    def get(self, request: Request) -> Response:
        """A page of a host's own slots; the filter is that of `/hosting/slots`."""
        filters = read_query(HostedQuery, request)
        page = portal_pages.compose_hosting(host_id=caller_id(request), cursor=cursor_of(request), **filters)
        body = {"person": visible_person(request), "slots": page_body(page.slots, shapes.SlotSerializer(), request)}
        return Response({**body, "needs": [asdict(need) for need in page.needs]})


@extend_schema(exclude=True)
class HoursPageView(PageView):
    required_scopes = {"GET": "bookings:write"}

    def get(self, request: Request) -> Response:
        """A host's weekly hours and exceptions, and what new ones can be made from."""
        host_id = caller_id(request)
        rules = availability.list_rules(host_id=host_id)
        usable = [OfferingSerializer().to_representation(row) for row in offerings.list_usable(host_id=host_id)]
        shown = RuleSerializer(rules, many=True).data
        return Response({"person": visible_person(request), "rules": shown, "offerings": usable})


@extend_schema(exclude=True)
class OfferingsPageView(PageView):
    required_scopes = {"GET": "bookings:write"}

    def get(self, request: Request) -> Response:
        """What a host offers."""
        page = offerings.list_own(host_id=caller_id(request), cursor=cursor_of(request))
        found = page_body(page, OfferingSerializer(), request)
        return Response({"person": visible_person(request), "offerings": found})


@extend_schema(exclude=True)
class OfferingPageView(PageView):
    required_scopes = {"GET": "bookings:write"}

    def get(self, request: Request, offering_id: UUID) -> Response:
        """One of them."""
        row = offerings.get_own(host_id=caller_id(request), offering_id=offering_id)
        found = OfferingSerializer().to_representation(row)
        return Response({"person": visible_person(request), "offering": found})


@extend_schema(exclude=True)
class HostedSlotPageView(PageView):
    required_scopes = {"GET": "bookings:write"}

    def get(self, request: Request, slot_id: UUID) -> Response:
        """A host's own slot with who comes."""
        page = portal_pages.compose_hosted_slot(host_id=caller_id(request), slot_id=slot_id, cursor=cursor_of(request))
        return Response(
            {
                "person": visible_person(request),
                "slot": shapes.SlotSerializer().to_representation(page.slot),
                "bookings": page_body(page.roster, shapes.RosterSerializer(), request),
                "waiting": page.waiting,
            }
        )


@extend_schema(exclude=True)
class RosterFilePageView(PageView):
    required_scopes = {"GET": "bookings:write"}

    def get(self, request: Request, slot_id: UUID) -> Response:
        """Who comes to a host's own slot, as the text of a CSV file."""
        return Response({"csv": hosting.render_roster(host_id=caller_id(request), slot_id=slot_id)})


@extend_schema(exclude=True)
class HostedDayPageView(PageView):
    required_scopes = {"GET": "bookings:write"}

    def get(self, request: Request) -> Response:
        """What cancelling the day `date` would cancel."""
        day = read_whole_query(DayRequest, request)["date"]
        page = portal_pages.compose_hosted_day(host_id=caller_id(request), day=day)
        return Response(
            {
                "person": visible_person(request),
                "slots": [shapes.SlotSerializer().to_representation(row) for row in page.slots],
                "people": page.people,
                "credits": page.credits,
            }
        )


@extend_schema(exclude=True)
class DeactivationPageView(PageView):
    def get(self, request: Request) -> Response:
        """What deactivating the account would cancel."""
        page = portal_pages.compose_leaving(user_id=caller_id(request))
        return Response({"person": visible_person(request), **_leaving(page)})


def _leaving(page: "LeavingPage") -> dict[str, Any]:
    return {
        "bookings": [
            {**shapes.BookingSerializer().to_representation(row), "credits_to_refund": credits}
            for row, credits in page.bookings
        ],
        "slots": [shapes.SlotSerializer().to_representation(row) for row in page.slots],
    }
