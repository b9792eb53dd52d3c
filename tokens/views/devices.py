from typing import TYPE_CHECKING

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tokens.authentication import credential_of
from tokens.serializers import DeviceRequestSerializer
from tokens.services import devices
from tokens.services.clients import find_client
from tokens.throttles import UserCodeAddressThrottle, UserCodePersonThrottle

if TYPE_CHECKING:
    from tokens.models import DeviceGrant


class DeviceRequestView(APIView):
    """A sign-in that waits on a device for this person's word. Looking never approves."""

    required_scopes = {"GET": "account:write"}
    throttle_classes = [UserCodePersonThrottle, UserCodeAddressThrottle]

    @extend_schema(responses=DeviceRequestSerializer)
    def get(self, request: Request, user_code: str) -> Response:
        """Which program asks, what it calls itself, from which address and since when."""
        user_id = credential_of(request).person.pk
        grant = devices.get_request(user_code=user_code, user_id=user_id, now=timezone.now())
        return _answer(grant, user_code)


class _DecisionView(APIView):
    required_scopes = {"POST": "account:write"}
    throttle_classes = [UserCodePersonThrottle, UserCodeAddressThrottle]
    approve: bool

    @extend_schema(request=None, responses=DeviceRequestSerializer)
    def post(self, request: Request, user_code: str) -> Response:
        grant = devices.decide_request(
            decider=credential_of(request), user_code=user_code, approve=self.approve, now=timezone.now()
        )
        return _answer(grant, user_code)


class ApproveDeviceView(_DecisionView):
    """Let the device sign in as this person. A personal access token may not do this."""

    approve = True


class DenyDeviceView(_DecisionView):
    """Turn the device away."""

    approve = False


def _answer(grant: "DeviceGrant", user_code: str) -> Response:
    client = find_client(grant.client_id)
    context = {"user_code": user_code, "client_name": client.name if client else grant.client_id}
    return Response(DeviceRequestSerializer(grant, context=context).data)
