from http import HTTPStatus
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from accounts.authentication import begin_sign_in, flow_cookie, sign_in_problem
from accounts.errors import AccountsError, SignInDecided, SignInFlowNotFound
from tokens import throttles
from tokens.authentication import client_address
from tokens.errors import AccessDenied, ConsentNeeded, InvalidRequest, LoginRequired, Throttled, TokensError
from tokens.policies.labels import browser_label
from tokens.policies.scopes import describe_scope
from tokens.services import authorization
from tokens.services.authorization import OTHER_PERSON, AuthorizationRequest, ReturnedRequest, Target
from tokens.services.openid_requests import read_login_hint, read_time_zone, selects_account

DENIED = "denied"
_OTHER_PERSON = "The id_token_hint is about another person than GitHub named. Ask with prompt=select_account."


# An application's form may begin a sign-in from its own site; the answer to the confirmation needs our token.
@never_cache
@csrf_exempt
@require_http_methods(["GET", "POST"])
def authorize(request: HttpRequest) -> HttpResponse:
    """The authorization endpoint (RFC 6749 §3.1): a person, GitHub's word for who they are, and what the client gets.

    Without `flow` a trip to GitHub begins, by GET or by POST (OpenID Connect Core §3.1.2.1). With it the browser is
    back, or by POST answers the confirmation.
    """
    try:
        if "flow" in request.POST:
            return _decide(request)
        if request.method == "GET" and "flow" in request.GET:
            return _resume(request)
        return _begin(request)
    except Throttled as error:
        again, status = authorization.known_parameters(_parameters(request)), HTTPStatus.TOO_MANY_REQUESTS
        response = sign_in_problem(request, error.code, str(error), status=status, restart_path=_restart_path(again))
        response["Retry-After"] = str(error.retry_after_seconds)
        return response
    except InvalidRequest as error:
        # Only what cannot be told to the program itself comes here.
        sentence = f"The program that sent you here made a mistake: {error}. Update it, or tell those who made it."
        return sign_in_problem(request, error.code, sentence, status=HTTPStatus.BAD_REQUEST)
    except (SignInFlowNotFound, TokensError) as error:
        restart_path = getattr(error, "restart_path", "")
        return sign_in_problem(
            request, error.code, str(error), status=HTTPStatus.BAD_REQUEST, restart_path=restart_path
        )


def _begin(request: HttpRequest) -> HttpResponse:
    throttles.SIGN_IN.count_address(request)
    params = _parameters(request)
    target = authorization.read_target(params=params)
    try:
        asked = authorization.read_request(
            target, params=params, default_label=_default_label(request, target), now=timezone.now()
        )
    except TokensError as error:
        return _redirect(target, {"error": error.code, "error_description": str(error)})
    return begin_sign_in(
        request,
        flow_request=authorization.describe_request(asked),
        resume_path=reverse("tokens:authorize"),
        restart_path=_restart_path(authorization.kept_parameters(asked, params=params)),
        select_account=selects_account(params),
        login_hint=read_login_hint(params),
        time_zone=read_time_zone(params),
    )


def _parameters(request: HttpRequest) -> dict[str, list[str]]:
    return dict((request.POST if request.method == "POST" else request.GET).lists())


def _restart_path(parameters: dict[str, str]) -> str:
    return f"{reverse('tokens:authorize')}?{urlencode(parameters)}"


def _resume(request: HttpRequest) -> HttpResponse:
    returned = _returned_request(request, request.GET.get("flow", ""))
    if returned.refusal:
        return _refuse(returned, returned.refusal)
    if not returned.flow.decision and authorization.asks_person(returned):
        return _confirm(request, returned)
    return _grant(request, returned, is_confirmed=False)


@csrf_protect
def _decide(request: HttpRequest) -> HttpResponse:
    returned = _returned_request(request, request.POST.get("flow", ""))
    if returned.refusal not in {"", DENIED}:
        return _refuse(returned, returned.refusal)
    if request.POST.get("decision") != "approve":
        return _refuse(returned, DENIED)
    return _grant(request, returned, is_confirmed=True)


def _confirm(request: HttpRequest, returned: ReturnedRequest) -> HttpResponse:
    """The confirmation page (RFC 8252 §8.6): client, device label and person."""
    asked, flow = returned.request, returned.flow
    context = {"flow": flow, "person": returned.person, "client": asked.client, "label": asked.label}
    context["days"] = {"idle": settings.REFRESH_TOKEN_LIFETIME.days, "in_all": settings.SESSION_LIFETIME.days}
    context["switch_path"] = "" if asked.subject else _with_account_choice(flow.restart_path)
    if asked.client.is_built_in:
        context["gives"] = describe_scope(asked.scope, is_of_application=False)
        response = render(request, "tokens/confirm.html", context)
    else:
        context |= {"host": urlsplit(asked.redirect_uri).netloc, "gives": describe_scope(asked.scope)}
        response = render(request, "tokens/consent.html", context)
    # Browsers apply form-action to the redirect that answers the form, too.
    response._csp_update = {"form-action": [_source(asked.redirect_uri)]}  # type: ignore[attr-defined]  # django-csp's
    return response


def _grant(request: HttpRequest, returned: ReturnedRequest, *, is_confirmed: bool) -> HttpResponse:
    address = client_address(request)
    try:
        given = authorization.grant_request(returned, is_confirmed=is_confirmed, address=address, now=timezone.now())
    except ConsentNeeded:
        return _confirm(request, returned)
    except SignInDecided as error:
        return _answer_late(returned, error)
    except SignInFlowNotFound:
        raise
    except AccountsError as error:
        return _refuse(returned, error.code)
    return _redirect(returned.request, given)


def _refuse(returned: ReturnedRequest, because: str) -> HttpResponse:
    try:
        authorization.refuse_request(returned=returned, because=because, now=timezone.now())
    except SignInDecided as error:
        return _answer_late(returned, error)
    refused = LoginRequired(_OTHER_PERSON) if because == OTHER_PERSON else AccessDenied(because)
    return _redirect(returned.request, {"error": refused.code, "error_description": str(refused)})


def _answer_late(returned: ReturnedRequest, error: SignInDecided) -> HttpResponse:
    """Back to a site, which knows its browser and goes on; for a terminal, which listens no longer, a page."""
    if returned.request.client.loopback:
        raise error
    return _redirect(returned.request, {"error": AccessDenied.code, "error_description": error.code})


def _redirect(asked: AuthorizationRequest | Target, parameters: dict[str, str]) -> HttpResponse:
    """303 back to the client. What the URL carries must not travel on in a Referer or stay in a cache."""
    query = urlencode(authorization.answer_parameters(asked, parameters=parameters))
    joint = "&" if "?" in asked.redirect_uri else "?"
    response = HttpResponseRedirect(f"{asked.redirect_uri}{joint}{query}", status=HTTPStatus.SEE_OTHER)
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store"
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
