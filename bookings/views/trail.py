from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookings.serializers.trail import TrailSerializer
from bookings.services.trail import list_trail
from bookings.views.answers import caller_id, cursor_of, page_body
from bookings.views.schema import CURSOR, page_of


class TrailView(APIView):
    """What happened to the caller's account."""

    required_scopes = {"GET": "account:read"}
    own_sign_ins_only = True

    @extend_schema(parameters=[CURSOR], responses=page_of(TrailSerializer))
    def get(self, request: Request) -> Response:
        """Sign-ins, access tokens, devices, publishers, applications and bookings, newest first; for sign-ins only."""
        page = list_trail(user_id=caller_id(request), cursor=cursor_of(request))
        return Response(page_body(page, TrailSerializer(), request))
