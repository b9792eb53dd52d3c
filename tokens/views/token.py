import json
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from urllib.parse import parse_qs

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from accounts.errors import AccountsError
from tokens import errors, throttles
from tokens.authentication import client_address, read_retry_key
from tokens.policies import limits, pkce
from tokens.policies.clients import (
    AUTHORIZATION_CODE,
    CI,
    DEVICE_CODE,
    REFRESH_TOKEN,
    TOKEN_EXCHANGE,
    Client,
    is_basic,
    read_basic,
)
from tokens.policies.refresh_tokens import read_token
from tokens.services import clients, codes, devices, introspection, publishers, revocation, rotation
from tokens.services.sessions import TokenPair

_TOO_LARGE = "the request body is too large"
_JSON = json.JSONEncoder()


class Form(dict[str, list[str]]):
    """The parameters of a request's body (RFC 6749 appendix B)."""

    def parameter(self, name: str, *, required: bool = True) -> str:
        """One parameter. Raises InvalidRequest where it is repeated, too long, or required and absent or empty."""
        values = self.get(name, [""])
        if len(values) > 1:
            raise errors.InvalidRequest(f"{name} is given more than once")
        (value,) = values
        if required and not value:
            raise errors.InvalidRequest(f"{name} is missing")
        if excess := limits.describe_excess(limits.TOKEN, name, value):
            raise errors.InvalidRequest(excess)
        return value


View = Callable[[HttpRequest, Form], HttpResponse]


def oauth_endpoint(view: View) -> Callable[[HttpRequest], HttpResponse]:
    """A form endpoint of OAuth: POST only, no cookies, never cached, errors as RFC 6749 §5.2 says."""

    @csrf_exempt
    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        try:
            response = _checked(view, request)
        except (errors.TokensError, AccountsError) as error:
            response = _refusal(request, error)
        except RequestDataTooBig:
            response = _error("invalid_request", _TOO_LARGE, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        response["Cache-Control"] = "no-store"
        return response

    return answer


@oauth_endpoint
def token(request: HttpRequest, form: Form) -> HttpResponse:
    """`POST /oauth/token` (RFC 6749 §3.2): a grant for tokens."""
    grant_type = form.parameter("grant_type")
    client = authenticated_client(request, form, otherwise=CI if grant_type == TOKEN_EXCHANGE else "")
    grant = _GRANTS.get(grant_type)
    if grant is None:
        raise errors.UnsupportedGrantType
    if grant_type not in client.grant_types:
        raise errors.UnauthorizedClient
    return _token_response(grant(request, form, client))


@oauth_endpoint
def revoke(request: HttpRequest, form: Form) -> HttpResponse:
    """`POST /oauth/revoke` (RFC 7009): 200 whether or not the token was known."""
    client = authenticated_client(request, form)
    revocation.revoke_token(client=client, token=form.parameter("token"), now=timezone.now())
    return HttpResponse(status=HTTPStatus.OK)


@oauth_endpoint
def introspect(request: HttpRequest, form: Form) -> HttpResponse:
    """`POST /oauth/introspect` (RFC 7662), for clients with a secret."""
    client = authenticated_client(request, form)
    text = form.parameter("token")
    return _json(introspection.introspect_token(client=client, token=text, now=timezone.now()))


@oauth_endpoint
def device_authorization(request: HttpRequest, form: Form) -> HttpResponse:
    """`POST /oauth/device_authorization` (RFC 8628 §3.1)."""
    client = authenticated_client(request, form)
    throttles.DEVICE.count_address(request)
    begun = devices.authorize_device(
        client=client,
        scope=form.parameter("scope", required=False),
        label=form.parameter("device_label", required=False),
        address=client_address(request),
        now=timezone.now(),
    )
    page = f"{settings.PORTAL_URL}/device"
    return _json(
        {
            "device_code": begun.device_code,
            "user_code": begun.user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={begun.user_code}",
            "expires_in": begun.expires_in,
            "interval": begun.interval,
        }
    )


def _refresh(request: HttpRequest, form: Form, client: Client) -> TokenPair:
    presented = read_token(form.parameter("refresh_token"), keys=settings.TOKEN_KEYS)
    throttles.count_refresh(presented)
    return rotation.rotate_session(
        client=client,
        presented=presented,
        retry_key=read_retry_key(request),
        challenge=pkce.challenge_of(form.parameter("code_verifier", required=False)),
        scope=form.parameter("scope", required=False),
        address=client_address(request, is_vouched_for=client.vouches_for_address),
        now=timezone.now(),
    )


def _redeem(request: HttpRequest, form: Form, client: Client) -> TokenPair:
    redemption = codes.Redemption(
        client=client,
        code=form.parameter("code"),
        redirect_uri=form.parameter("redirect_uri"),
        code_verifier=form.parameter("code_verifier"),
        retry_key=read_retry_key(request),
        address=client_address(request, is_vouched_for=client.vouches_for_address),
    )
    return codes.redeem_code(redemption=redemption, now=timezone.now())


def _redeem_device_code(request: HttpRequest, form: Form, client: Client) -> TokenPair:
    return devices.redeem_device_code(
        client=client,
        device_code=form.parameter("device_code"),
        address=client_address(request, is_vouched_for=client.vouches_for_address),
        now=timezone.now(),
    )


def _exchange(request: HttpRequest, form: Form, client: Client) -> TokenPair:
    """RFC 8693 §2.1, for ID tokens of CI jobs alone."""
    if form.parameter("subject_token_type") != publishers.ID_TOKEN_TYPE:
        raise errors.InvalidRequest(f"subject_token_type must be {publishers.ID_TOKEN_TYPE}")
    wanted = form.parameter("requested_token_type", required=False)
    if wanted not in {"", publishers.ACCESS_TOKEN_TYPE}:
        raise errors.InvalidRequest(f"requested_token_type must be {publishers.ACCESS_TOKEN_TYPE}")
    if form.parameter("actor_token", required=False):
        raise errors.InvalidRequest("actor_token is not supported")
    for name in ("audience", "resource"):
        if form.parameter(name, required=False) not in {"", settings.BACKEND_URL}:
            raise errors.InvalidTarget(f"{name} must be {settings.BACKEND_URL}")
    return publishers.exchange_token(
        subject_token=form.parameter("subject_token"),
        publisher_id=form.parameter("publisher", required=False),
        scope=form.parameter("scope", required=False),
        address=client_address(request),
        now=timezone.now(),
    )


_GRANTS: dict[str, Callable[[HttpRequest, Form, Client], TokenPair]] = {
    AUTHORIZATION_CODE: _redeem,
    REFRESH_TOKEN: _refresh,
    DEVICE_CODE: _redeem_device_code,
    TOKEN_EXCHANGE: _exchange,
}


def authenticated_client(request: HttpRequest, form: Form, *, otherwise: str = "") -> Client:
    """By `client_secret_basic` or `client_secret_post`, not both (RFC 6749 §2.3). Raises InvalidClient.

    `otherwise` is the public client of a request that names none.
    """
    try:
        client = _authenticate(request, form, otherwise)
    except errors.InvalidClient:
        throttles.CLIENT_SECRET.count_address(request)
        raise
    throttles.count_client(request, client)
    return client


def _authenticate(request: HttpRequest, form: Form, otherwise: str) -> Client:
    posted_id = form.parameter("client_id", required=False)
    posted_secret = form.parameter("client_secret", required=False)
    if not _uses_basic(request):
        return clients.authenticate_client(client_id=posted_id or otherwise, secret=posted_secret or None)
    client_id, secret = _basic_credentials(request)
    if posted_secret or posted_id not in {"", client_id}:
        raise errors.InvalidRequest("use one way of client authentication, not two")
    return clients.authenticate_client(client_id=client_id, secret=secret)


def _uses_basic(request: HttpRequest) -> bool:
    return is_basic(str(request.META.get("HTTP_AUTHORIZATION", "")))


def _basic_credentials(request: HttpRequest) -> tuple[str, str]:
    found = read_basic(request.META["HTTP_AUTHORIZATION"])
    if found is None:
        raise errors.InvalidClient
    return found


def _checked(view: View, request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        response = _error("invalid_request", "use POST", HTTPStatus.METHOD_NOT_ALLOWED)
        response["Allow"] = "POST"
        return response
    if request.content_type != "application/x-www-form-urlencoded":
        raise errors.InvalidRequest("send application/x-www-form-urlencoded")
    return view(request, _read_form(request))


def _read_form(request: HttpRequest) -> Form:
    """The form, in UTF-8 whatever else is said. Django's `QueryDict` takes three times as long.

    Raises InvalidRequest, RequestDataTooBig.
    """
    if (request.encoding or "utf-8").lower() != "utf-8":
        raise errors.InvalidRequest("send the form as UTF-8")
    try:
        text = request.body.decode()
    except UnicodeDecodeError as error:
        raise errors.InvalidRequest("send the form as UTF-8") from error
    try:
        return Form(parse_qs(text, keep_blank_values=True, max_num_fields=settings.DATA_UPLOAD_MAX_NUMBER_FIELDS))
    except ValueError as error:
        raise RequestDataTooBig(_TOO_LARGE) from error


# RFC 6749 §5.2: 400 for every refusal but these.
_STATUS = {"throttled": HTTPStatus.TOO_MANY_REQUESTS, "invalid_client": HTTPStatus.UNAUTHORIZED}


def _refusal(request: HttpRequest, error: errors.TokensError | AccountsError) -> HttpResponse:
    if isinstance(error, AccountsError):
        return _error(errors.InvalidGrant.code, error.code, HTTPStatus.BAD_REQUEST)
    response = _error(error.code, str(error), _STATUS.get(error.code, HTTPStatus.BAD_REQUEST))
    if isinstance(error, errors.Throttled):
        response["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, errors.InvalidClient) and _uses_basic(request):
        response["WWW-Authenticate"] = 'Basic realm="insighta"'
    return response


def _error(code: str, description: str, status: HTTPStatus) -> HttpResponse:
    return _json({"error": code, "error_description": description}, status=status)


def _json(members: dict[str, object], *, status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    """Django's `JsonResponse` makes an encoder for each answer."""
    return HttpResponse(_JSON.encode(members), content_type="application/json", status=status)


def _token_response(pair: TokenPair) -> HttpResponse:
    """RFC 6749 §5.1, and OpenID Connect Core §3.1.3.3."""
    answer: dict[str, object] = {
        "access_token": pair.access_token,
        "token_type": "Bearer",
        "expires_in": pair.expires_in,
    }
    if pair.issued_token_type:
        answer["issued_token_type"] = pair.issued_token_type
    if pair.refresh_token:
        answer["refresh_token"] = pair.refresh_token
    answer["scope"] = pair.scope
    if pair.id_token:
        answer["id_token"] = pair.id_token
    return _json(answer)
