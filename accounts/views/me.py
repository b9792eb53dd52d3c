from typing import TYPE_CHECKING, cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import errors
from accounts.serializers import MeSerializer
from accounts.services import people

if TYPE_CHECKING:
    from accounts.models import User


def signed_in(request: Request) -> "User":
    """The caller. The permission class has made sure that there is one."""
    return cast("User", request.user)


class MeView(APIView):
    """The signed-in person."""

    required_scopes = {"GET": "account:read", "PATCH": "account:write"}
    serializer_class = MeSerializer

    def get(self, request: Request) -> Response:
        """Who the credential belongs to, and its scopes."""
        return Response(MeSerializer(signed_in(request), context={"request": request}).data)

    def patch(self, request: Request) -> Response:
        """Change name, `time_zone` (an IANA name) or wishes for mails; a host's calendar follows the zone."""
        form = MeSerializer(signed_in(request), data=request.data, partial=True, context={"request": request})
        form.is_valid(raise_exception=True)
        person, effects = people.update_profile(user_id=signed_in(request).pk, changes=form.validated_data)
        return Response({**MeSerializer(person, context={"request": request}).data, **effects})


class DeactivateView(APIView):
    """Deactivate the account; the next sign-in reactivates it."""

    required_scopes = {"POST": "account:write"}
    refusals = {"POST": (errors.LastAdministrator,)}

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """Sign out everywhere and cancel upcoming bookings by the client's rule; signing in again reactivates."""
        people.deactivate_person(user_id=signed_in(request).pk, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)
