from uuid import UUID

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tokens.authentication import credential_of, visible_person
from tokens.errors import NotFound
from tokens.policies.scopes import describe_scope
from tokens.serializers import (
    ApplicationSerializer,
    DeviceRequestSerializer,
    KnownSessionSerializer,
    KnownTokenSerializer,
    PersonalAccessTokenSerializer,
    SessionSerializer,
    TrustedPublisherSerializer,
)
from tokens.services import consents, devices, origins, personal_tokens, publishers, sessions
from tokens.throttles import UserCodeThrottle


@extend_schema(exclude=True)
class AccountPageView(APIView):
    required_scopes = {"GET": "account:read"}
    refuses_applications = True

    def get(self, request: Request) -> Response:
        """The person, and how many sign-ins of theirs can still be used."""
        found = sessions.list_sessions(user_id=credential_of(request).person.pk, now=timezone.now())
        return Response({"person": visible_person(request), "session_count": len(found)})


@extend_schema(exclude=True)
class SessionsPageView(APIView):
    required_scopes = {"GET": "account:read"}
    refuses_applications = True

    def get(self, request: Request) -> Response:
        """The person's sign-ins, newest first."""
        found = sessions.list_sessions(user_id=credential_of(request).person.pk, now=timezone.now())
        rows = SessionSerializer(found, many=True, context={"request": request}).data
        return Response({"person": visible_person(request), "sessions": rows})


@extend_schema(exclude=True)
class ApplicationsPageView(APIView):
    required_scopes = {"GET": "account:read"}
    own_sign_ins_only = True

    def get(self, request: Request) -> Response:
        """The applications that the person has allowed, newest first, with what each may do in words."""
        found = consents.list_applications(user_id=credential_of(request).person.pk)
        rows = ApplicationSerializer(found, many=True).data
        for row in rows:
            row["meanings"] = describe_scope(" ".join(row["scopes"]))
        return Response({"person": visible_person(request), "applications": rows})


@extend_schema(exclude=True)
class SessionPageView(APIView):
    required_scopes = {"GET": "account:read"}
    refuses_applications = True

    def get(self, request: Request, session_id: UUID) -> Response:
        """One of the person's sign-ins, also when it has ended."""
        user_id = credential_of(request).person.pk
        known = origins.describe_session(user_id=user_id, session_id=session_id, now=timezone.now())
        return Response(
            {"person": visible_person(request), **KnownSessionSerializer(known, context={"request": request}).data}
        )


@extend_schema(exclude=True)
class TokensPageView(APIView):
    required_scopes = {"GET": "account:write"}

    def get(self, request: Request) -> Response:
        """The person's personal access tokens and trusted publishers, newest first."""
        user_id = credential_of(request).person.pk
        found = personal_tokens.list_tokens(user_id=user_id, now=timezone.now())
        rows = PersonalAccessTokenSerializer(found, many=True).data
        trusted = TrustedPublisherSerializer(publishers.list_publishers(user_id=user_id), many=True).data
        return Response({"person": visible_person(request), "tokens": rows, "publishers": trusted})


@extend_schema(exclude=True)
class TokenPageView(APIView):
    required_scopes = {"GET": "account:write"}
    refuses_applications = True

    def get(self, request: Request, token_id: UUID) -> Response:
        """One of the person's personal access tokens, also when it has ended."""
        user_id = credential_of(request).person.pk
        known = origins.describe_token(user_id=user_id, token_id=token_id, now=timezone.now())
        return Response(
            {"person": visible_person(request), **KnownTokenSerializer(known, context={"request": request}).data}
        )


@extend_schema(exclude=True)
class DevicePageView(APIView):
    required_scopes = {"GET": "account:write"}
    throttle_classes = [UserCodeThrottle]

    def get(self, request: Request, user_code: str) -> Response:
        """The sign-in that waits on a device; null where no device shows this code or somebody else has decided."""
        user_id = credential_of(request).person.pk
        try:
            grant = devices.get_request(user_code=user_code, user_id=user_id, now=timezone.now())
        except NotFound:
            asking = None
        else:
            asking = DeviceRequestSerializer(grant, context={"user_code": user_code}).data
        lifetime = {"idle_days": settings.REFRESH_TOKEN_LIFETIME.days, "days": settings.SESSION_LIFETIME.days}
        return Response({"person": visible_person(request), "device_request": asking, "lifetime": lifetime})
