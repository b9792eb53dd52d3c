from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tokens.authentication import credential_of
from tokens.serializers import ApplicationPageSerializer, ApplicationSerializer
from tokens.services import consents


class ApplicationsView(APIView):
    """The applications that a person has signed in to."""

    required_scopes = {"GET": "account:read"}
    own_sign_ins_only = True

    @extend_schema(responses=ApplicationPageSerializer)
    def get(self, request: Request) -> Response:
        """Every application that the person has allowed and not withdrawn, newest first. The portal and the terminal
        may ask, no personal access token and no application."""
        found = consents.list_applications(user_id=credential_of(request).person.pk)
        rows = ApplicationSerializer(found, many=True).data
        return Response({"results": rows, "next": None, "previous": None})


class ApplicationView(APIView):
    """One application."""

    required_scopes = {"DELETE": "account:write"}
    own_sign_ins_only = True

    @extend_schema(responses={204: None})
    def delete(self, request: Request, client_id: str) -> Response:
        """Withdraw what it was allowed. Its sign-ins end at once; it asks again next time."""
        user_id = credential_of(request).person.pk
        consents.withdraw_application(user_id=user_id, client_id=client_id, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)
