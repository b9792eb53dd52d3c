from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tokens.authentication import credential_of
from tokens.serializers import SessionPageSerializer, SessionSerializer
from tokens.services import ending_access, sessions


class SessionsView(APIView):
    """A person's sign-ins."""

    required_scopes = {"GET": "account:read", "DELETE": "account:write"}
    refuses_applications = True

    @extend_schema(responses=SessionPageSerializer)
    def get(self, request: Request) -> Response:
        """Every sign-in that can still be used, newest first."""
        found = sessions.list_sessions(user_id=credential_of(request).person.pk, now=timezone.now())
        rows = SessionSerializer(found, many=True, context={"request": request}).data
        return Response({"results": rows, "next": None, "previous": None})

    @extend_schema(
        operation_id="sessions_destroy_all",
        parameters=[OpenApiParameter("keep", enum=["current"], description="Keep the sign-in that asks.")],
        responses={204: None},
    )
    def delete(self, request: Request) -> Response:
        """Sign out everywhere; with `keep=current` everywhere else."""
        credential = credential_of(request)
        asked = request.query_params.getlist("keep")
        if asked not in ([], ["current"]):
            raise ValidationError({"keep": ["Use keep=current, or leave it out to sign out here, too."]})
        keep = credential.session_id if asked else None
        user_id = credential.person.pk
        ending_access.sign_out_everywhere(user_id=user_id, actor_id=user_id, keep=keep, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class SessionView(APIView):
    """One sign-in."""

    required_scopes = {"DELETE": "account:write"}

    @extend_schema(responses={204: None})
    def delete(self, request: Request, session_id: UUID) -> Response:
        """Sign it out at once."""
        user_id = credential_of(request).person.pk
        ending_access.end_own_session(user_id=user_id, session_id=session_id, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)
