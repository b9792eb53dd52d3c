"""Sign-in to the admin, by password or with GitHub."""

from http import HTTPStatus
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME, login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.authentication import begin_sign_in, flow_cookie, sign_in_problem
from accounts.errors import AccountsError, SignInFlowNotFound
from tokens import throttles
from tokens.authentication import client_address
from tokens.errors import Throttled, TokensError
from tokens.services import staff
from tokens.services.staff_sessions import Verification

LONGEST_PATH = 1000
BACKEND = "accounts.authentication.StaffBackend"


@never_cache
def sign_in_with_password(request: HttpRequest) -> HttpResponse:
    """Django's own page, rate limited here by address and in its form by account."""
    if request.method == "POST":
        try:
            throttles.STAFF_PASSWORD.count_address(request)
        except Throttled as error:
            return _refuse(request, error, HTTPStatus.TOO_MANY_REQUESTS)
        _note(request, Verification("password", staff.read_verification_time()))
    try:
        return admin.site.login(request)
    except Throttled as error:
        return _refuse(request, error, HTTPStatus.TOO_MANY_REQUESTS)
    except (TokensError, AccountsError) as error:
        return _refuse_ended(request, error)


@never_cache
@require_GET
def begin(request: HttpRequest) -> HttpResponse:
    """Redirect to GitHub; `next` is the page of the admin to return to."""
    try:
        throttles.SIGN_IN.count_address(request)
    except Throttled as error:
        return _refuse(request, error, HTTPStatus.TOO_MANY_REQUESTS)
    path = _path(request)
    return begin_sign_in(
        request,
        flow_request=staff.describe_request(path=path),
        resume_path=reverse("tokens:staff_return"),
        restart_path=f"{reverse('tokens:staff_begin')}?{urlencode({REDIRECT_FIELD_NAME: path})}",
    )


@never_cache
@require_GET
def come_back(request: HttpRequest) -> HttpResponse:
    """The return from GitHub: a staff member gets a session of the admin, anybody else a page with the reason."""
    try:
        flow_id = _flow_id(request)
        signed_in = staff.sign_in_staff(
            flow_id=flow_id,
            cookie=flow_cookie(request, flow_id),
            address=client_address(request),
            now=timezone.now(),
        )
    except (TokensError, AccountsError) as error:
        return _refuse(request, error, HTTPStatus.FORBIDDEN)
    if signed_in.person is not None:
        _note(request, Verification("github", signed_in.verified_at or staff.read_verification_time()))
        try:
            login(request, signed_in.person, backend=BACKEND)
        except (TokensError, AccountsError) as error:
            return _refuse_ended(request, error)
    return HttpResponseRedirect(signed_in.path)


def _note(request: HttpRequest, verification: Verification) -> None:
    """For `begin_staff_session`, which Django's signal of a sign-in calls."""
    request.verification = verification  # type: ignore[attr-defined]  # nobody else's attribute


def _refuse_ended(request: HttpRequest, error: TokensError | AccountsError) -> HttpResponse:
    """All access or the role ended while the person signed in: Django's session, which names them already, goes."""
    logout(request)
    return _refuse(request, error, HTTPStatus.FORBIDDEN)


def _flow_id(request: HttpRequest) -> UUID:
    try:
        return UUID(request.GET.get("flow", ""))
    except ValueError as error:
        raise SignInFlowNotFound from error


def _path(request: HttpRequest) -> str:
    """The page asked for, if it is one of ours; never another site's."""
    path = request.GET.get(REDIRECT_FIELD_NAME, "")
    is_ours = (
        len(path) <= LONGEST_PATH and path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    )
    return path if is_ours else reverse("admin:index")


def _refuse(request: HttpRequest, error: TokensError | AccountsError, status: HTTPStatus) -> HttpResponse:
    restart_path = getattr(error, "restart_path", "") or reverse("admin:login")
    response = sign_in_problem(request, error.code, str(error), status=status, restart_path=restart_path)
    if isinstance(error, Throttled):
        response["Retry-After"] = str(error.retry_after_seconds)
    return response
