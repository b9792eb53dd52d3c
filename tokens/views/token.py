import base64
import binascii
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from urllib.parse import unquote_plus

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig, TooManyFieldsSent
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from accounts.errors import AccountsError
from tokens import errors, throttles
from tokens.authentication import client_address
from tokens.policies import pkce
from tokens.policies.clients import DEVICE_CODE, Client
from tokens.policies.refresh_tokens import read_token
from tokens.policies.rotation import is_retry_key
from tokens.services import clients, codes, devices, introspection, revocation, rotation
from tokens.services.sessions import TokenPair

View = Callable[[HttpRequest], HttpResponse]


def oauth_endpoint(view: View) -> View:
    """A form endpoint of OAuth: POST only, no cookies, never cached, errors as RFC 6749 §5.2 says."""

    @csrf_exempt
    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        try:
            response = _checked(view, request)
        except errors.Throttled as error:
            response = _error(error.code, str(error), HTTPStatus.TOO_MANY_REQUESTS)
            response["Retry-After"] = str(error.retry_after_seconds)
        except errors.TokensError as error:
            response = _refusal(request, error.code, str(error))
        except AccountsError as error:
            response = _refusal(request, errors.InvalidGrant.code, error.code)
        except BadRequest:
            response = _error("invalid_request", "send the form as UTF-8", HTTPStatus.BAD_REQUEST)
        except (RequestDataTooBig, TooManyFieldsSent):
            response = _error("invalid_request", "the request body is too large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        response["Cache-Control"] = "no-store"
        return response

    return answer


@oauth_endpoint
def token(request: HttpRequest) -> HttpResponse:
    """`POST /oauth/token` (RFC 6749 §3.2): a grant for tokens."""
    grant_type = parameter(request, "grant_type")
    client = authenticated_client(request)
    grant = _GRANTS.get(grant_type)
    if grant is None:
        raise errors.UnsupportedGrantType
    if grant_type not in client.grant_types:
        raise errors.UnauthorizedClient
    return _token_response(grant(request, client))


@oauth_endpoint
def revoke(request: HttpRequest) -> HttpResponse:
    """`POST /oauth/revoke` (RFC 7009): 200 whether or not the token was known."""
    client = authenticated_client(request)
    revocation.revoke_token(client=client, token=parameter(request, "token"), now=timezone.now())
    return HttpResponse(status=HTTPStatus.OK)


@oauth_endpoint
def introspect(request: HttpRequest) -> HttpResponse:
    """`POST /oauth/introspect` (RFC 7662), for clients with a secret."""
    client = authenticated_client(request)
    text = parameter(request, "token")
    return JsonResponse(introspection.introspect_token(client=client, token=text, now=timezone.now()))


@oauth_endpoint
def device_authorization(request: HttpRequest) -> HttpResponse:
    """`POST /oauth/device_authorization` (RFC 8628 §3.1)."""
    client = authenticated_client(request)
    throttles.check(request, throttles.DeviceThrottle)
    begun = devices.authorize_device(
        client=client,
        scope=parameter(request, "scope", required=False),
        label=parameter(request, "device_label", required=False),
        address=client_address(request),
        now=timezone.now(),
    )
    page = f"{settings.PORTAL_URL}/device"
    return JsonResponse(
        {
            "device_code": begun.device_code,
            "user_code": begun.user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={begun.user_code}",
            "expires_in": begun.expires_in,
            "interval": begun.interval,
        }
    )


def _refresh(request: HttpRequest, client: Client) -> TokenPair:
    presented = read_token(parameter(request, "refresh_token"), keys=settings.TOKEN_KEYS)
    throttles.check(presented, throttles.SessionThrottle)
    retry_key = request.META.get("HTTP_IDEMPOTENCY_KEY", "")
    if retry_key and not is_retry_key(retry_key):
        raise errors.InvalidRequest("Idempotency-Key must be 16 to 255 visible ASCII characters")
    return rotation.rotate_session(
        client=client,
        presented=presented,
        retry_key=retry_key,
        challenge=pkce.challenge_of(parameter(request, "code_verifier", required=False)),
        address=client_address(request, is_vouched_for=client.is_confidential),
        now=timezone.now(),
    )


def _redeem(request: HttpRequest, client: Client) -> TokenPair:
    redemption = codes.Redemption(
        client=client,
        code=parameter(request, "code"),
        redirect_uri=parameter(request, "redirect_uri"),
        code_verifier=parameter(request, "code_verifier"),
        address=client_address(request, is_vouched_for=client.is_confidential),
    )
    return codes.redeem_code(redemption=redemption, now=timezone.now())


def _redeem_device_code(request: HttpRequest, client: Client) -> TokenPair:
    return devices.redeem_device_code(
        client=client,
        device_code=parameter(request, "device_code"),
        address=client_address(request, is_vouched_for=client.is_confidential),
        now=timezone.now(),
    )


_GRANTS: dict[str, Callable[[HttpRequest, Client], TokenPair]] = {
    "authorization_code": _redeem,
    "refresh_token": _refresh,
    DEVICE_CODE: _redeem_device_code,
}


def parameter(request: HttpRequest, name: str, *, required: bool = True) -> str:
    """One form parameter. Raises InvalidRequest where it is repeated, or required and absent or empty."""
    values = request.POST.getlist(name)
    if len(values) > 1:
        raise errors.InvalidRequest(f"{name} is given more than once")
    value = values[0] if values else ""
    if required and not value:
        raise errors.InvalidRequest(f"{name} is missing")
    return value


def authenticated_client(request: HttpRequest) -> Client:
    """By `client_secret_basic` or `client_secret_post`, not both (RFC 6749 §2.3). Raises InvalidClient."""
    try:
        client = _authenticate(request)
    except errors.InvalidClient:
        throttles.check(request, throttles.ClientSecretThrottle)
        raise
    if not client.is_confidential:
        throttles.check(request, throttles.PublicClientThrottle)
    return client


def _authenticate(request: HttpRequest) -> Client:
    posted_id = parameter(request, "client_id", required=False)
    posted_secret = parameter(request, "client_secret", required=False)
    if not _uses_basic(request):
        return clients.authenticate_client(client_id=posted_id, secret=posted_secret or None)
    client_id, secret = _basic_credentials(request)
    if posted_secret or posted_id not in {"", client_id}:
        raise errors.InvalidRequest("use one way of client authentication, not two")
    return clients.authenticate_client(client_id=client_id, secret=secret)


def _uses_basic(request: HttpRequest) -> bool:
    return str(request.META.get("HTTP_AUTHORIZATION", ""))[:6].lower() == "basic "


def _basic_credentials(request: HttpRequest) -> tuple[str, str]:
    try:
        decoded = base64.b64decode(request.META["HTTP_AUTHORIZATION"][6:], validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise errors.InvalidClient from error
    client_id, colon, secret = decoded.partition(":")
    if not colon:
        raise errors.InvalidClient
    return unquote_plus(client_id), unquote_plus(secret)


def _checked(view: View, request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        response = _error("invalid_request", "use POST", HTTPStatus.METHOD_NOT_ALLOWED)
        response["Allow"] = "POST"
        return response
    if request.content_type != "application/x-www-form-urlencoded":
        raise errors.InvalidRequest("send application/x-www-form-urlencoded")
    return view(request)


def _refusal(request: HttpRequest, code: str, description: str) -> HttpResponse:
    if code != errors.InvalidClient.code:
        return _error(code, description, HTTPStatus.BAD_REQUEST)
    response = _error(code, description, HTTPStatus.UNAUTHORIZED)
    if _uses_basic(request):
        response["WWW-Authenticate"] = 'Basic realm="insighta"'
    return response


def _error(code: str, description: str, status: HTTPStatus) -> JsonResponse:
    return JsonResponse({"error": code, "error_description": description}, status=status)


def _token_response(pair: TokenPair) -> JsonResponse:
    return JsonResponse(
        {
            "access_token": pair.access_token,
            "token_type": "Bearer",
            "expires_in": pair.expires_in,
            "refresh_token": pair.refresh_token,
            "scope": pair.scope,
        }
    )
