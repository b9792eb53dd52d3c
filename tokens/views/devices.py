from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tokens import errors
from tokens.authentication import credential_of
from tokens.serializers import DeviceRequestSerializer
from tokens.services import devices
from tokens.throttles import UserCodeThrottle


class DeviceRequestView(APIView):
    """A device's sign-in request (RFC 8628 §3.3). Reading it never approves it."""

    required_scopes = {"GET": "account:write"}
    throttle_classes = [UserCodeThrottle]

    @extend_schema(responses=DeviceRequestSerializer)
    def get(self, request: Request, user_code: str) -> Response:
        """The requesting client, its label, address and time."""
        user_id = credential_of(request).person.pk
        grant = devices.get_request(user_code=user_code, user_id=user_id, now=timezone.now())
        return Response(DeviceRequestSerializer(grant, context={"user_code": user_code}).data)


class _DecisionView(APIView):
    required_scopes = {"POST": "account:write"}
    throttle_classes = [UserCodeThrottle]
    approve: bool

    @extend_schema(request=None, responses=DeviceRequestSerializer)
    def post(self, request: Request, user_code: str) -> Response:
        grant = devices.decide_request(
            decider=credential_of(request), user_code=user_code, approve=self.approve, now=timezone.now()
        )
        return Response(DeviceRequestSerializer(grant, context={"user_code": user_code}).data)


class ApproveDeviceView(_DecisionView):
    """Approve the device. A personal access token may not."""

    approve = True
    refusals = {"POST": (errors.AlreadyDecided, errors.StepUpRequired)}


class DenyDeviceView(_DecisionView):
    """Deny the device."""

    approve = False
    refusals = {"POST": (errors.AlreadyDecided,)}
