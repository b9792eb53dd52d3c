from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookings.errors import NotFound
from bookings.services import calendar
from bookings.views.answers import caller_id

ADDRESS = inline_serializer("CalendarFeed", {"url": serializers.URLField()})


class CalendarFeedView(APIView):
    """The secret address of the caller's calendar."""

    required_scopes = {"GET": "bookings:read"}

    @extend_schema(responses=ADDRESS)
    def get(self, request: Request) -> Response:
        """The address to give to a calendar program. Whoever has it can read the calendar."""
        return Response({"url": _address(calendar.get_feed_secret(user_id=caller_id(request)))})


class CalendarFeedRotateView(APIView):
    """Another address."""

    required_scopes = {"POST": "bookings:read"}

    @extend_schema(request=None, responses=ADDRESS)
    def post(self, request: Request) -> Response:
        """Make the old address unknown and give a new one."""
        return Response({"url": _address(calendar.rotate_feed(user_id=caller_id(request)))})


def _address(secret: str) -> str:
    # Never the request's Host header, which its sender chooses.
    return f"{settings.BACKEND_URL}{reverse('calendar', args=[secret])}"


@require_safe
def calendar_file(request: HttpRequest, secret: str) -> HttpResponse:
    """The calendar of whoever the secret belongs to (RFC 5545). It is public to those who know the address."""
    try:
        body = calendar.render_feed(secret=secret)
    except NotFound:
        return HttpResponse("There is no calendar at this address.\n", status=404, content_type="text/plain")
    headers = {"Cache-Control": "private, no-store", "Content-Disposition": 'inline; filename="insighta.ics"'}
    return HttpResponse(body, content_type="text/calendar; charset=utf-8", headers=headers)
