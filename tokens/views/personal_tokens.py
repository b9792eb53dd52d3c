from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tokens import errors
from tokens.authentication import credential_of, read_retry_key
from tokens.serializers import (
    CreatedTokenSerializer,
    NewTokenSerializer,
    PersonalAccessTokenPageSerializer,
    PersonalAccessTokenSerializer,
)
from tokens.services import personal_tokens

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    location=OpenApiParameter.HEADER,
    description="16 to 255 visible ASCII characters. The same key, name and scopes again answer the same token.",
)


class PersonalAccessTokensView(APIView):
    """A person's personal access tokens."""

    required_scopes = {"GET": "account:write", "POST": "account:write"}
    refusals = {"POST": (errors.InvalidRequest, errors.TokenMadeBefore, errors.StepUpRequired)}

    @extend_schema(responses=PersonalAccessTokenPageSerializer)
    def get(self, request: Request) -> Response:
        """Every token that can still be used, newest first, without its secret."""
        found = personal_tokens.list_tokens(user_id=credential_of(request).person.pk, now=timezone.now())
        rows = PersonalAccessTokenSerializer(found, many=True).data
        return Response({"results": rows, "next": None, "previous": None})

    @extend_schema(parameters=[IDEMPOTENCY_KEY], request=NewTokenSerializer, responses={201: CreatedTokenSerializer})
    def post(self, request: Request) -> Response:
        """Make a token. The answer holds its secret, once. A personal access token may not."""
        now = timezone.now()
        form = NewTokenSerializer(data=request.data, context={"now": now})
        form.is_valid(raise_exception=True)
        token, secret = personal_tokens.create_token(
            creator=credential_of(request),
            name=form.validated_data["name"],
            scopes=frozenset(form.validated_data["scopes"]),
            expires_at=form.validated_data.get("expires_at"),
            now=now,
            idempotency_key=read_retry_key(request),
        )
        body = CreatedTokenSerializer(token, context={"secret": secret}).data
        return Response(body, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})


class PersonalAccessTokenView(APIView):
    """One token."""

    required_scopes = {"DELETE": "account:write"}

    @extend_schema(responses={204: None})
    def delete(self, request: Request, token_id: UUID) -> Response:
        """Revoke it at once."""
        user_id = credential_of(request).person.pk
        personal_tokens.revoke_token(user_id=user_id, token_id=token_id, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)
