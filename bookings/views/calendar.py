from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookings.errors import NotFound
from bookings.services import calendar_feed
from bookings.views.answers import feed_address
from tokens.authentication import credential_of

ADDRESS = inline_serializer("CalendarFeed", {"url": serializers.URLField()})


class CalendarFeedView(APIView):
    """The secret address of the caller's calendar."""

    required_scopes = {"GET": "bookings:read"}

    @extend_schema(responses=ADDRESS)
    def get(self, request: Request) -> Response:
        """The address to give to a calendar program. Whoever has it can read the calendar.

        It is shown to sign-ins only: a personal access token is refused.
        """
        return Response({"url": feed_address(calendar_feed.get_own_feed_secret(reader=credential_of(request)))})


class CalendarFeedRotateView(APIView):
    """Another address."""

    required_scopes = {"POST": "bookings:write"}

    @extend_schema(request=None, responses=ADDRESS)
    def post(self, request: Request) -> Response:
        """Make the old address unknown and give a new one. A personal access token is refused."""
        return Response({"url": feed_address(calendar_feed.rotate_feed(owner=credential_of(request)))})


@require_safe
def calendar_file(request: HttpRequest, secret: str) -> HttpResponseBase:
    """The calendar of whoever the secret belongs to (RFC 5545). It is public to those who know the address.

    A program that sends the entity tag back gets 304 while nothing has changed (RFC 9110 section 13).
    """
    try:
        body, entity_tag = calendar_feed.render_feed(secret=secret)
    except NotFound:
        return HttpResponse("There is no calendar at this address.\n", status=404, content_type="text/plain")
    headers = {
        "Cache-Control": "private, no-cache",
        "Content-Disposition": 'inline; filename="insighta.ics"',
        "ETag": entity_tag,
    }
    response = HttpResponse(body, content_type="text/calendar; charset=utf-8", headers=headers)
    return get_conditional_response(request, etag=entity_tag, response=response) or response
