from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tokens import errors
from tokens.authentication import credential_of
from tokens.serializers import (
    NewPublisherSerializer,
    TrustedPublisherPageSerializer,
    TrustedPublisherSerializer,
)
from tokens.services import publishers


class TrustedPublishersView(APIView):
    """CI jobs that may act as a person without a secret."""

    required_scopes = {"GET": "account:write", "POST": "account:write"}
    refusals = {"POST": (errors.StepUpRequired, errors.Unavailable)}

    @extend_schema(responses=TrustedPublisherPageSerializer)
    def get(self, request: Request) -> Response:
        """Every trusted publisher of the person, newest first."""
        found = publishers.list_publishers(user_id=credential_of(request).person.pk)
        rows = TrustedPublisherSerializer(found, many=True).data
        return Response({"results": rows, "next": None, "previous": None})

    @extend_schema(request=NewPublisherSerializer, responses={201: TrustedPublisherSerializer})
    def post(self, request: Request) -> Response:
        """Add one. Its repository and owner are looked up at GitHub and pinned by id. Needs a recent sign-in."""
        form = NewPublisherSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        said = publishers.NewPublisher(**{**form.validated_data, "scopes": frozenset(form.validated_data["scopes"])})
        added = publishers.add_publisher(creator=credential_of(request), said=said, now=timezone.now())
        return Response(TrustedPublisherSerializer(added).data, status=status.HTTP_201_CREATED)


class TrustedPublisherView(APIView):
    """One trusted publisher."""

    required_scopes = {"DELETE": "account:write"}

    @extend_schema(responses={204: None})
    def delete(self, request: Request, publisher_id: UUID) -> Response:
        """Remove it. The access of its jobs ends at once."""
        user_id = credential_of(request).person.pk
        publishers.remove_publisher(user_id=user_id, publisher_id=publisher_id, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)
