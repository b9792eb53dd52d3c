from http import HTTPStatus
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from accounts.authentication import begin_sign_in, flow_cookie, forget_flow_cookie, sign_in_problem
from accounts.errors import AccountsError, SignInFlowNotFound
from tokens import throttles
from tokens.authentication import client_address
from tokens.errors import AccessDenied, Throttled, TokensError
from tokens.policies.labels import browser_label
from tokens.services import authorization
from tokens.services.authorization import AuthorizationRequest, ReturnedRequest, Target


@never_cache
@csrf_protect
@require_http_methods(["GET", "POST"])
def authorize(request: HttpRequest) -> HttpResponse:
    """The authorization endpoint (RFC 6749 §3.1): a person, GitHub's word for who they are, and what the client gets.

    Without `flow` a trip to GitHub begins; with it the browser is back; a POST is the answer to the confirmation.
    """
    try:
        if request.method == "POST":
            return _decide(request)
        if "flow" in request.GET:
            return _resume(request)
        return _begin(request)
    except Throttled as error:
        response = sign_in_problem(request, error.code, str(error), status=HTTPStatus.TOO_MANY_REQUESTS)
        response["Retry-After"] = str(error.retry_after_seconds)
        return response
    except (SignInFlowNotFound, TokensError) as error:
        return sign_in_problem(request, error.code, str(error), status=HTTPStatus.BAD_REQUEST)


def _begin(request: HttpRequest) -> HttpResponse:
    throttles.check(request, throttles.SignInThrottle)
    params = dict(request.GET.lists())
    target = authorization.read_target(params=params)
    try:
        asked = authorization.read_request(target, params=params, default_label=_default_label(request, target))
    except TokensError as error:
        return _redirect(target, {"error": error.code, "error_description": str(error)})
    return begin_sign_in(
        request,
        flow_request=authorization.describe_request(asked),
        resume_path=reverse("tokens:authorize"),
        restart_path=f"{reverse('tokens:authorize')}?{request.GET.urlencode()}",
        select_account=request.GET.get("prompt") == "select_account",
    )


def _resume(request: HttpRequest) -> HttpResponse:
    returned = _returned_request(request, request.GET.get("flow", ""))
    if returned.refused_because:
        return _refuse(returned, returned.refused_because)
    if returned.request.client.asks_consent:
        return _confirm(request, returned)
    return _grant(request, returned)


def _decide(request: HttpRequest) -> HttpResponse:
    returned = _returned_request(request, request.POST.get("flow", ""))
    if request.POST.get("decision") != "approve" or returned.refused_because:
        return _refuse(returned, returned.refused_because or "denied")
    return _grant(request, returned)


def _confirm(request: HttpRequest, returned: ReturnedRequest) -> HttpResponse:
    """The page that names the client, the device and the person before a code goes to a terminal."""
    asked, flow = returned.request, returned.flow
    context = {"flow": flow, "person": returned.person, "client": asked.client, "label": asked.label}
    context["switch_path"] = _with_account_choice(flow.restart_path)
    response = render(request, "tokens/confirm.html", context)
    # Browsers apply form-action to the redirect that answers the form, too.
    response._csp_update = {"form-action": [_source(asked.redirect_uri)]}  # type: ignore[attr-defined]  # django-csp's
    return response


def _grant(request: HttpRequest, returned: ReturnedRequest) -> HttpResponse:
    try:
        given = authorization.grant_request(returned, address=client_address(request), now=timezone.now())
    except SignInFlowNotFound:
        raise
    except AccountsError as error:
        return _refuse(returned, error.code)
    return _redirect(returned.request, given, flow_id=returned.flow.id)


def _refuse(returned: ReturnedRequest, because: str) -> HttpResponse:
    authorization.refuse_request(returned=returned, because=because)
    refusal = {"error": AccessDenied.code, "error_description": because}
    return _redirect(returned.request, refusal, flow_id=returned.flow.id)


def _redirect(
    asked: AuthorizationRequest | Target, parameters: dict[str, str], *, flow_id: UUID | None = None
) -> HttpResponse:
    """303 back to the client. What the URL carries must not travel on in a Referer or stay in a cache."""
    query = urlencode(authorization.answer_parameters(asked, parameters=parameters))
    response = HttpResponseRedirect(f"{asked.redirect_uri}?{query}", status=HTTPStatus.SEE_OTHER)
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store"
    if flow_id is not None:
        forget_flow_cookie(response, flow_id)
    return response


def _returned_request(request: HttpRequest, flow_id: str) -> ReturnedRequest:
    try:
        parsed = UUID(flow_id)
    except ValueError as error:
        raise SignInFlowNotFound from error
    cookie = flow_cookie(request, parsed)
    return authorization.get_returned_request(flow_id=parsed, cookie=cookie, now=timezone.now())


def _with_account_choice(restart_path: str) -> str:
    path, _, query = restart_path.partition("?")
    parameters = QueryDict(query, mutable=True)
    parameters["prompt"] = "select_account"
    return f"{path}?{parameters.urlencode()}"


def _default_label(request: HttpRequest, target: Target) -> str:
    if target.client.loopback:
        return target.client.name
    return browser_label(request.headers.get("User-Agent", ""))


def _source(url: str) -> str:
    """The URL's origin as a CSP source; CSP cannot name an IPv6 address, so for `[::1]` it is the scheme alone."""
    parts = urlsplit(url)
    return f"{parts.scheme}:" if parts.netloc.startswith("[") else f"{parts.scheme}://{parts.netloc}"
