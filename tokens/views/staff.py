"""How the staff come into the admin: by password, or by GitHub. Their session there is none of the product's."""

from http import HTTPStatus
from uuid import UUID

from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME, login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.authentication import begin_sign_in, flow_cookie, forget_flow_cookie, sign_in_problem
from accounts.errors import AccountsError, SignInFlowNotFound
from tokens import throttles
from tokens.authentication import client_address
from tokens.errors import Throttled, TokensError
from tokens.services import staff

BACKEND = "accounts.authentication.StaffBackend"


@never_cache
def sign_in_with_password(request: HttpRequest) -> HttpResponse:
    """Django's own page, with a limit on guesses."""
    if request.method == "POST":
        try:
            throttles.check(request, throttles.StaffPasswordThrottle)
        except Throttled as error:
            return _refuse(request, error, HTTPStatus.TOO_MANY_REQUESTS)
    return admin.site.login(request)


@never_cache
@require_GET
def begin(request: HttpRequest) -> HttpResponse:
    """Off to GitHub; `next` is the page of the admin to come back to."""
    try:
        throttles.check(request, throttles.SignInThrottle)
    except Throttled as error:
        return _refuse(request, error, HTTPStatus.TOO_MANY_REQUESTS)
    return begin_sign_in(
        request,
        flow_request=staff.describe_request(path=_path(request)),
        resume_path=reverse("tokens:staff_return"),
        restart_path=reverse("admin:login"),
    )


@never_cache
@require_GET
def come_back(request: HttpRequest) -> HttpResponse:
    """Back from GitHub: a session of the admin for a member of the staff, a page with the reason for anybody else."""
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
    login(request, signed_in.person, backend=BACKEND)
    response = HttpResponseRedirect(signed_in.path)
    forget_flow_cookie(response, flow_id)
    return response


def _flow_id(request: HttpRequest) -> UUID:
    try:
        return UUID(request.GET.get("flow", ""))
    except ValueError as error:
        raise SignInFlowNotFound from error


def _path(request: HttpRequest) -> str:
    """The page asked for, if it is one of ours; never another site's."""
    path = request.GET.get(REDIRECT_FIELD_NAME, "")
    is_ours = path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return path if is_ours else reverse("admin:index")


def _refuse(request: HttpRequest, error: TokensError | AccountsError, status: HTTPStatus) -> HttpResponse:
    response = sign_in_problem(request, error.code, str(error), status=status, restart_path=reverse("admin:login"))
    if isinstance(error, Throttled):
        response["Retry-After"] = str(error.retry_after_seconds)
    return response
