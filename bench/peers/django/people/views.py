from typing import Any, ClassVar

from django.utils.module_loading import import_string
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from people.models import Person

_AUTHENTICATION = {
    "simplejwt": "rest_framework_simplejwt.authentication.JWTAuthentication",
    "toolkit": "oauth2_provider.contrib.rest_framework.OAuth2Authentication",
    "toolkit_with_grace": "oauth2_provider.contrib.rest_framework.OAuth2Authentication",
    "allauth": "allauth.idp.oidc.contrib.rest_framework.authentication.TokenAuthentication",
}


def authentication_of(peer: str) -> list[Any]:
    """What DRF is given to find the caller of an API call."""
    return [import_string(_AUTHENTICATION[peer])] if peer in _AUTHENTICATION else []


class PersonSerializer(serializers.ModelSerializer[Person]):
    scopes = serializers.SerializerMethodField()

    class Meta:
        model = Person
        fields = (
            "id",
            "login",
            "display_name",
            "email",
            "email_notifications",
            "avatar_url",
            "time_zone",
            "standing",
            "is_host",
            "is_staff",
            "scopes",
        )

    def get_scopes(self, person: Person) -> list[str]:
        return ["account:read", "account:write", "bookings:read", "bookings:write"]


class MeView(APIView):
    """The same JSON as the product's `GET /api/v1/me`, of the same kind of row."""

    permission_classes: ClassVar = [IsAuthenticated]

    def get(self, request: Request) -> Response:
        return Response(PersonSerializer(request.user).data)


class EmptyView(APIView):
    """The limit: what the framework and the server can do when nothing is done."""

    authentication_classes: ClassVar = []
    permission_classes: ClassVar = []

    def get(self, request: Request) -> Response:
        return Response({})

    post = get
