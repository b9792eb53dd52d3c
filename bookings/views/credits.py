from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookings.serializers.answers import EntrySerializer, SubscriptionSerializer
from bookings.services import credits
from bookings.views.answers import caller_id, cursor_of, page_body
from bookings.views.schema import CURSOR, page_of


class SubscriptionsView(APIView):
    """Where the caller's credits are."""

    required_scopes = {"GET": "bookings:read"}

    @extend_schema(parameters=[CURSOR], responses=page_of(SubscriptionSerializer))
    def get(self, request: Request) -> Response:
        """Subscriptions, the last to end first."""
        page = credits.list_subscriptions(user_id=caller_id(request), cursor=cursor_of(request))
        return Response(page_body(page, SubscriptionSerializer(), request))


class CreditEntriesView(APIView):
    """The caller's ledger."""

    required_scopes = {"GET": "bookings:read"}

    @extend_schema(parameters=[CURSOR], responses=page_of(EntrySerializer))
    def get(self, request: Request) -> Response:
        """Every credit given, spent and refunded, newest first."""
        page = credits.list_entries(user_id=caller_id(request), cursor=cursor_of(request))
        return Response(page_body(page, EntrySerializer(), request))
