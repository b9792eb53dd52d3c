from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookings.serializers import answers as shapes
from bookings.serializers.availability import RuleSerializer
from bookings.serializers.offerings import OfferingSerializer, PublicOfferingSerializer
from bookings.serializers.requests import ChosenDayQuery, DayRequest, HostedQuery, SlotQuery
from bookings.serializers.series import SeriesPreviewSerializer, SeriesQuery
from bookings.serializers.trail import TrailSerializer
from bookings.services import availability, hosting, offerings, portal_pages
from bookings.services.booking_detail import get_booking_detail
from bookings.services.trail import list_trail
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
    rows_body,
    slot_shape,
    zone_of_caller,
)
from tokens.authentication import credential_of, visible_person

if TYPE_CHECKING:
    from bookings.repositories.keyset import Page
    from bookings.repositories.rows import SubscriptionRow
    from bookings.services.browsing import ChosenDay


class PageView(APIView):
    """What a page of the portal shows, with its person: described in docs/bookings.md rather than in the schema."""

    schema = None
    required_scopes = {"GET": "bookings:read"}
    content: Callable[..., dict[str, Any]]

    def get(self, request: Request, **address: Any) -> Response:
        person = None if request.auth is None else visible_person(request)
        return Response({"person": person, **self.content(request, **address)})


class CalendarPageView(PageView, CalendarView):
    """A page of the public calendar."""


class HomePageView(PageView):
    def content(self, request: Request) -> dict[str, Any]:
        """What is next."""
        page = portal_pages.compose_home(client_id=caller_id(request))
        return {
            "credits_available": page.credits_available,
            "upcoming": rows_body(shapes.BookingSerializer(), page.upcoming),
            "passed_over": rows_body(shapes.WaitingSerializer(), page.passed_over),
        }


class SlotsPageView(CalendarPageView):
    def content(self, request: Request) -> dict[str, Any]:
        """Slots to choose from; the filters are those of `/slots`."""
        filters = read_query(SlotQuery, request)
        page = portal_pages.compose_slots(viewer_id=find_caller_id(request), cursor=cursor_of(request), **filters)
        return {
            "credits_available": page.credits_available,
            "hosts": rows_body(host_shape(request), page.hosts),
            "slots": page_body(page.slots, slot_shape(request), request),
        }


class DaysPageView(CalendarPageView):
    def content(self, request: Request) -> dict[str, Any]:
        """Weeks of days, and what can be booked on one of them."""
        asked = _asked_day(request)
        asked.pop("others", None)
        page = portal_pages.compose_days(viewer_id=find_caller_id(request), now=timezone.now(), **asked)
        return {
            "hosts": rows_body(host_shape(request), page.hosts),
            "offerings": [{"id": row["id"], "title": row["title"]} for row in page.offerings],
            "held": page.held,
            **_chosen_day(page.chosen, request),
        }


def _asked_day(request: Request) -> dict[str, Any]:
    asked = read_query(ChosenDayQuery, request)
    return {"zone": zone_of_caller(request), "cursor": cursor_of(request), **asked}


def _chosen_day(chosen: "ChosenDay", request: Request) -> dict[str, Any]:
    return {
        "days": rows_body(shapes.DaySerializer(), chosen.days),
        "day": chosen.day,
        "slots": page_body(chosen.slots, slot_shape(request), request),
        "next_free": rows_body(slot_shape(request), chosen.next_free),
    }


class HostPageView(CalendarPageView):
    def content(self, request: Request, login: str) -> dict[str, Any]:
        """A host, what is offered, and the next slots with a free seat there."""
        viewer_id, cursor = find_caller_id(request), cursor_of(request)
        page = portal_pages.compose_host(viewer_id=viewer_id, login=login, cursor=cursor)
        return {
            "host": host_shape(request).to_representation(page.host),
            "slots": page_body(page.slots, slot_shape(request), request),
            "offerings": rows_body(PublicOfferingSerializer(), page.offerings),
        }


class SlotPageView(CalendarPageView):
    def content(self, request: Request, slot_id: UUID) -> dict[str, Any]:
        """One slot to book or to wait for."""
        page = portal_pages.compose_slot(viewer_id=find_caller_id(request), slot_id=slot_id)
        return {
            "slot": slot_shape(request).to_representation(page.slot),
            "subscriptions": _subscriptions(page.subscriptions),
            "position": page.position,
            "repeats": page.repeats,
        }


class SeriesPageView(PageView):
    def content(self, request: Request, slot_id: UUID) -> dict[str, Any]:
        """What booking a series would do."""
        until = read_whole_query(SeriesQuery, request)["until"]
        page = portal_pages.compose_series(client_id=caller_id(request), slot_id=slot_id, until=until)
        return {
            "credits_available": page.credits_available,
            "series": SeriesPreviewSerializer().to_representation(page.preview),
        }


class BookingsPageView(PageView):
    def content(self, request: Request) -> dict[str, Any]:
        """Upcoming bookings, a page of past ones, what the person waits for, and the address of their calendar."""
        page = portal_pages.compose_bookings(reader=credential_of(request), cursor=cursor_of(request))
        return {
            "credits_available": page.credits_available,
            "upcoming": rows_body(shapes.BookingSerializer(), page.upcoming),
            "past": page_body(page.past, shapes.BookingSerializer(), request),
            "waiting": rows_body(shapes.WaitingSerializer(), page.waiting),
            "calendar_feed": page.feed_secret and feed_address(page.feed_secret),
        }


class BookingPageView(PageView):
    def content(self, request: Request, booking_id: UUID) -> dict[str, Any]:
        """One booking."""
        detail = get_booking_detail(client_id=caller_id(request), booking_id=booking_id)
        return {"booking": shapes.BookingDetailSerializer().to_representation(detail)}


class ReschedulePageView(PageView):
    def content(self, request: Request, booking_id: UUID) -> dict[str, Any]:
        """One booking, the open slots to move to, and the upcoming bookings; the filters are those of `/slots`."""
        filters = read_query(SlotQuery, request)
        page = portal_pages.compose_reschedule(
            client_id=caller_id(request), booking_id=booking_id, cursor=cursor_of(request), **filters
        )
        return {
            "booking": shapes.BookingDetailSerializer().to_representation(page.detail),
            "same": rows_body(shapes.SlotSerializer(), page.same),
            "slots": page_body(page.slots, shapes.SlotSerializer(), request),
            "upcoming": rows_body(shapes.BookingSerializer(), page.upcoming),
        }


class MoveDaysPageView(PageView):
    def content(self, request: Request, booking_id: UUID) -> dict[str, Any]:
        """One booking, weeks of days with what it can be moved to, and what that is on one of them."""
        page = portal_pages.compose_move_days(
            client_id=caller_id(request), booking_id=booking_id, now=timezone.now(), **_asked_day(request)
        )
        return {
            "booking": shapes.BookingDetailSerializer().to_representation(page.detail),
            "is_filtered": page.is_filtered,
            **_chosen_day(page.chosen, request),
        }


class MovePageView(PageView):
    def content(self, request: Request, booking_id: UUID, slot_id: UUID) -> dict[str, Any]:
        """One booking and the slot chosen for it."""
        page = portal_pages.compose_move(client_id=caller_id(request), booking_id=booking_id, slot_id=slot_id)
        return {
            "booking": shapes.BookingDetailSerializer().to_representation(page.detail),
            "slot": shapes.SlotSerializer().to_representation(page.slot),
        }


class CreditsPageView(PageView):
    def content(self, request: Request) -> dict[str, Any]:
        """Subscriptions and a page of the ledger."""
        page = portal_pages.compose_credits(user_id=caller_id(request), cursor=cursor_of(request))
        return {
            "credits_available": page.credits_available,
            "subscriptions": _subscriptions(page.subscriptions),
            "entries": page_body(page.entries, shapes.EntrySerializer(), request),
        }


def _subscriptions(page: "Page[SubscriptionRow] | None") -> list[dict[str, Any]]:
    return rows_body(shapes.SubscriptionSerializer(), page.rows) if page else []


class HostingPageView(PageView):
    def content(self, request: Request) -> dict[str, Any]:
        """A page of a host's own slots; the filter is that of `/hosting/slots`."""
        filters = read_query(HostedQuery, request)
        page = portal_pages.compose_hosting(host_id=caller_id(request), cursor=cursor_of(request), **filters)
        slots = page_body(page.slots, shapes.SlotSerializer(), request)
        return {"slots": slots, "needs": [asdict(need) for need in page.needs]}


class HoursPageView(PageView):
    required_scopes = {"GET": "bookings:write"}

    def content(self, request: Request) -> dict[str, Any]:
        """A host's weekly hours and exceptions, and what new ones can be made from."""
        host_id = caller_id(request)
        rules = availability.list_rules(host_id=host_id)
        usable = rows_body(OfferingSerializer(), offerings.list_usable(host_id=host_id))
        return {"rules": RuleSerializer(rules, many=True).data, "offerings": usable}


class OfferingsPageView(PageView):
    required_scopes = {"GET": "bookings:write"}

    def content(self, request: Request) -> dict[str, Any]:
        """What a host offers."""
        page = offerings.list_own(host_id=caller_id(request), cursor=cursor_of(request))
        return {"offerings": page_body(page, OfferingSerializer(), request)}


class OfferingPageView(PageView):
    required_scopes = {"GET": "bookings:write"}

    def content(self, request: Request, offering_id: UUID) -> dict[str, Any]:
        """One of them."""
        row = offerings.get_own(host_id=caller_id(request), offering_id=offering_id)
        return {"offering": OfferingSerializer().to_representation(row)}


class HostedSlotPageView(PageView):
    required_scopes = {"GET": "bookings:write"}

    def content(self, request: Request, slot_id: UUID) -> dict[str, Any]:
        """A host's own slot with who comes."""
        page = portal_pages.compose_hosted_slot(host_id=caller_id(request), slot_id=slot_id, cursor=cursor_of(request))
        return {
            "slot": shapes.SlotSerializer().to_representation(page.slot),
            "bookings": page_body(page.roster, shapes.RosterSerializer(), request),
            "waiting": page.waiting,
        }


class RosterFilePageView(PageView):
    required_scopes = {"GET": "bookings:write"}

    def content(self, request: Request, slot_id: UUID) -> dict[str, Any]:
        """Who comes to a host's own slot, as the text of a CSV file."""
        return {"csv": hosting.render_roster(host_id=caller_id(request), slot_id=slot_id)}


class HostedDayPageView(PageView):
    required_scopes = {"GET": "bookings:write"}

    def content(self, request: Request) -> dict[str, Any]:
        """What cancelling the day `date` would cancel."""
        day = read_whole_query(DayRequest, request)["date"]
        page = portal_pages.compose_hosted_day(host_id=caller_id(request), day=day)
        slots = rows_body(shapes.SlotSerializer(), page.slots)
        return {"slots": slots, "people": page.people, "credits": page.credits}


class DeactivationPageView(PageView):
    def content(self, request: Request) -> dict[str, Any]:
        """What deactivating the account would cancel."""
        page = portal_pages.compose_leaving(user_id=caller_id(request))
        booking = shapes.BookingSerializer()
        return {
            "bookings": [
                {**booking.to_representation(row), "credits_to_refund": credits} for row, credits in page.bookings
            ],
            "slots": rows_body(shapes.SlotSerializer(), page.slots),
        }


class TrailPageView(PageView):
    required_scopes = {"GET": "account:read"}
    own_sign_ins_only = True

    def content(self, request: Request) -> dict[str, Any]:
        """What happened to the account."""
        page = list_trail(user_id=caller_id(request), cursor=cursor_of(request))
        return {"events": page_body(page, TrailSerializer(), request)}
