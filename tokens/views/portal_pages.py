from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tokens.authentication import credential_of, visible_person
from tokens.errors import NotFound
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
        """The person alone, for a page that shows nothing else of theirs."""
        return Response({"person": visible_person(request)})


@extend_schema(exclude=True)
class AccessPageView(APIView):
    required_scopes = {"GET": "account:read"}
    own_sign_ins_only = True

    def get(self, request: Request) -> Response:
        """Everything that can act for the person, newest first: sign-ins, personal access tokens, trusted publishers
        and applications, each with what it may do. Tokens and publishers are null without `account:write`."""
        credential, now = credential_of(request), timezone.now()
        user_id = credential.person.pk
        found = sessions.list_sessions(user_id=user_id, now=now)
        own = SessionSerializer(found, many=True, context={"request": request}).data
        for row, session in zip(own, found, strict=True):
            row["scopes"] = session.scope.split()
        allowed = ApplicationSerializer(consents.list_applications(user_id=user_id), many=True).data
        page: dict[str, Any] = {"person": visible_person(request), "sessions": own, "applications": allowed}
        page |= {"tokens": None, "publishers": None}
        if "account:write" in credential.scopes:
            made = personal_tokens.list_tokens(user_id=user_id, now=now)
            trusted = publishers.list_publishers(user_id=user_id)
            page["tokens"] = PersonalAccessTokenSerializer(made, many=True).data
            page["publishers"] = TrustedPublisherSerializer(trusted, many=True).data
        return Response(page)


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
