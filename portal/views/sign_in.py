"""Signing in and out: the trip to the backend and back, and the end of it."""

import logging
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from portal import client, cookies
from portal.errors import PAGES, BackendUnreachable, InvalidGrant, Page
from portal.pages import is_signed_in, local_path, redirect_with, render_error, render_page
from portal.visitor import PortalRequest, with_query

_log = logging.getLogger("portal.sign_in")

_FOREIGN = Page(
    400,
    "This sign-in was not started in this browser",
    "Nothing was changed. If you followed a link that somebody sent you, you can close this page. "
    "If you were signing in yourself, the page may have been open for too long: start once more.",
    "Sign in with GitHub",
    "/login",
    icon="person",
)
_TOO_LATE = "The sign-in took too long or its link was used before. Nothing was changed; start once more."
_REASONS = {
    "github_denied": "GitHub was told not to share who you are. You can try again whenever you like.",
    "github_unavailable": "GitHub did not answer in time. Please try again in a moment.",
    "sign_in_expired": _TOO_LATE,
}


@require_GET
def login(request: PortalRequest) -> HttpResponse:
    """Start a sign-in: remember it in this browser and go to the backend. `switch=1` lets another person sign in."""
    flow = cookies.new_flow(next_path=local_path(request.GET.get("next")))
    response = HttpResponseRedirect(_authorize_address(flow, switch=request.GET.get("switch") == "1"))
    cookies.set_flow(request, response, flow)
    return response


def _authorize_address(flow: cookies.Flow, *, switch: bool) -> str:
    query = {
        "response_type": "code" if settings.PORTAL_HANDOFF == "code" else "handoff",
        "client_id": client.CLIENT_ID,
        "redirect_uri": f"{settings.PORTAL_URL}/auth/callback",
        "state": flow.state,
        "code_challenge": flow.challenge,
        "code_challenge_method": "S256",
    } | ({"prompt": "select_account"} if switch else {})
    return f"{settings.BACKEND_URL}/oauth/authorize?{urlencode(query)}"


@sensitive_variables()
@require_GET
def callback(request: PortalRequest) -> HttpResponse:
    """The way back. Only the browser that holds this state's flow gets further than the first line."""
    flow = cookies.find_flow(request, request.GET.get("state", ""))
    if flow is None or request.GET.get("iss") != settings.BACKEND_URL:
        return render_error(request, _FOREIGN, secret_address=True)
    if "error" in request.GET:
        return _declined(request, flow)
    try:
        tokens = _redeem(request, flow)
    except InvalidGrant as refusal:
        return _try_again(request, flow, refusal.reason)
    except BackendUnreachable:
        return render_error(request, _unreachable(flow), secret_address=True)
    return _arrive(request, flow, tokens)


@sensitive_variables()
def _redeem(request: PortalRequest, flow: cookies.Flow) -> cookies.Tokens:
    caller = request.visitor.caller
    if settings.PORTAL_HANDOFF == "code":
        return client.redeem_code(code=request.GET.get("code", ""), verifier=flow.verifier, caller=caller)
    refresh_token = request.GET.get("rt", "")
    if not cookies.is_refresh_token(refresh_token):
        raise InvalidGrant("sign_in_expired")
    return client.refresh_tokens(refresh_token=refresh_token, verifier=flow.verifier, caller=caller)


@sensitive_variables()
def _arrive(request: PortalRequest, flow: cookies.Flow, tokens: cookies.Tokens) -> HttpResponse:
    visitor, former = request.visitor, request.visitor.refresh_token
    visitor.keep(tokens)
    if former and former != tokens.refresh:
        _end_former_session(former, visitor.caller)
    response = redirect_with(flow.next)
    cookies.delete_flow(response, flow)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@sensitive_variables()
def _end_former_session(refresh_token: str, caller: client.Caller) -> None:
    try:
        client.revoke_token(token=refresh_token, caller=caller)
    except BackendUnreachable:
        _log.warning("the former session of this browser could not be revoked %s", caller.request_id)


def _declined(request: PortalRequest, flow: cookies.Flow) -> HttpResponse:
    reason = request.GET.get("error_description", "")
    if request.GET.get("error") == "access_denied" and reason in {"account_pending", "account_suspended"}:
        response = render_error(request, PAGES[reason], secret_address=True)
        cookies.delete_flow(response, flow)
        return response
    return _try_again(request, flow, reason)


def _try_again(request: PortalRequest, flow: cookies.Flow, reason: str) -> HttpResponse:
    if reason in {"account_pending", "account_suspended"}:
        page = PAGES[reason]
    else:
        text = _REASONS.get(reason, _TOO_LATE)
        page = Page(
            400, "The sign-in was not completed", text, "Try again", with_query("/login", next=flow.next), "person"
        )
    response = render_error(request, page, secret_address=True)
    cookies.delete_flow(response, flow)
    return response


def _unreachable(flow: cookies.Flow) -> Page:
    text = "Our service did not answer while you were signing in. Try again within a minute to go on where you were."
    # Repeating a hand-off is safe, its retry key is derived from it. A code may be sent once only: begin anew.
    address = with_query("/login", next=flow.next) if settings.PORTAL_HANDOFF == "code" else ""
    return Page(503, "Insighta cannot be reached", text, "Try again", address, "cloud-off")


@require_http_methods(["GET", "HEAD", "POST"])
def logout(request: PortalRequest) -> HttpResponse:
    """Ask, then end the session at the backend and forget it here; the latter also when it cannot be reached."""
    if request.method != "POST":
        return _ask_to_sign_out(request)
    token, reason = request.visitor.refresh_token or request.visitor.access_token, "logout"
    try:
        if token:
            client.revoke_token(token=token, caller=request.visitor.caller)
    except BackendUnreachable:
        reason = "unconfirmed"
    request.visitor.forget()
    return redirect_with(with_query("/signed-out", reason=reason))


def _ask_to_sign_out(request: PortalRequest) -> HttpResponse:
    if not is_signed_in(request):
        return redirect_with("/")
    return render_page(request, "sign_out", {"is_signed_in": True}, me=None)


@require_safe
def signed_out(request: PortalRequest) -> HttpResponse:
    """Says that the session has ended, and returns to the page wanted.

    The cookies go only if they are the ones that were refused: another tab may have signed in meanwhile.
    """
    visitor, next_path = request.visitor, local_path(request.GET.get("next"))
    if request.GET.get("was", "") == visitor.fingerprint:
        visitor.forget()
    elif visitor.has_tokens:
        return redirect_with(next_path)
    title, text, label = _FAREWELLS.get(request.GET.get("reason", ""), _ENDED)
    return render_error(request, Page(200, title, text, label, with_query("/login", next=next_path), "person"))


_FAREWELLS = {
    "logout": ("You are signed out", "Every tab of this browser is signed out.", "Sign in again"),
    "left": (
        "Your account is deactivated",
        "You are signed out everywhere. Signing in again brings the account back.",
        "Sign in again",
    ),
    "unconfirmed": (
        "You are signed out in this browser",
        "Our service could not be reached, so the session may still be alive there. End it under Sessions next time.",
        "Sign in again",
    ),
}
_ENDED = (
    "You have been signed out",
    "Your session has ended: it was signed out elsewhere or not used for a long time.",
    "Sign in and go on",
)
