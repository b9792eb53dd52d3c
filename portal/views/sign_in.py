import logging
from dataclasses import replace
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from portal import client, cookies
from portal.errors import BackendUnreachable, InvalidGrant, PortalRefused
from portal.links import local_path, url
from portal.messages import MESSAGES, REFUSED, Message
from portal.rendering import redirect_to, render_message, render_page
from portal.times import zone_of
from portal.visitor import PortalRequest, SeeOther

_log = logging.getLogger("portal.sign_in")

_FOREIGN = Message(
    400,
    "This sign-in was not started in this browser",
    "Nothing was changed. If you followed a link that somebody sent you, you can close this page. "
    "If you were signing in yourself, the page may have been open for too long: start once more.",
    "Sign in with GitHub",
    "login",
    icon="person",
)
_WITHOUT_COOKIE = replace(
    _FOREIGN,
    text="Your browser brought no cookie along, and a sign-in needs one. If it refuses cookies, allow them for this "
    "site and start once more. If you followed a link that somebody sent you, you can close this page: nothing was "
    "changed.",
)
_TOO_LATE = "The sign-in took too long or its link was used before. Nothing was changed; start once more."
# Its link repeats the address, which is safe: the retry key is derived from the token or the code.
_UNREACHABLE = Message(
    503,
    "Insighta cannot be reached",
    "Our service did not answer while you were signing in. Try again within a minute to go on where you were.",
    icon="cloud-off",
)
_REASONS = {
    "github_denied": "GitHub was told not to share who you are. You can try again whenever you like.",
    "github_unavailable": "GitHub did not answer in time. Please try again in a moment.",
    "sign_in_expired": _TOO_LATE,
    "sign_in_decided": "This sign-in is over, it was answered before. Nothing was changed; start once more.",
}


@require_GET
def login(request: PortalRequest) -> HttpResponse:
    """Start a sign-in: remember it in this browser and go to the backend. `switch=1` lets another person sign in."""
    flow = cookies.new_flow(next_path=local_path(request.GET.get("next")))
    # For somebody new: the zone that they chose for this browser, or the one that it says it is in.
    chosen = request.visitor.zone
    zone = request.GET.get("zone", "") if chosen == "UTC" else chosen
    response = HttpResponseRedirect(_authorize_address(flow, switch=request.GET.get("switch") == "1", zone=zone))
    cookies.set_flow(request, response, flow)
    return response


def _authorize_address(flow: cookies.Flow, *, switch: bool, zone: str) -> str:
    query = {
        "response_type": "code" if settings.PORTAL_HANDOFF == "code" else "handoff",
        "client_id": client.CLIENT_ID,
        "redirect_uri": _callback_address(),
        "state": flow.state,
        "code_challenge": flow.challenge,
        "code_challenge_method": "S256",
    }
    query |= {"prompt": "select_account"} if switch else {}
    query |= {"time_zone": zone} if zone and zone_of(zone).key == zone else {}
    return f"{settings.BACKEND_URL}/oauth/authorize?{urlencode(query)}"


def _callback_address() -> str:
    return f"{settings.PORTAL_URL}{url('callback')}"


@sensitive_variables()
@require_GET
def callback(request: PortalRequest) -> HttpResponse:
    """The way back. Only the browser that holds this state's flow gets further than the first line."""
    flow = cookies.find_flow(request, request.GET.get("state", ""))
    if flow is None or request.GET.get("iss") != settings.BACKEND_URL:
        return render_message(request, _FOREIGN if request.COOKIES else _WITHOUT_COOKIE, secret_address=True)
    if flow.is_done and request.visitor.has_tokens:
        return _go_on(flow)
    if "error" in request.GET:
        return _declined(request, flow)
    if flow.is_done:
        return _try_again(request, flow, "sign_in_decided")
    try:
        tokens = _redeem(request, flow)
    except InvalidGrant as refusal:
        return _try_again(request, flow, refusal.reason)
    except PortalRefused:
        return render_message(request, REFUSED, secret_address=True)
    except BackendUnreachable:
        return render_message(request, _UNREACHABLE, secret_address=True)
    return _arrive(request, flow, tokens)


@sensitive_variables()
def _redeem(request: PortalRequest, flow: cookies.Flow) -> cookies.Tokens:
    caller = request.visitor.caller
    if settings.PORTAL_HANDOFF == "code":
        code = request.GET.get("code", "")
        return client.redeem_code(code=code, redirect_uri=_callback_address(), verifier=flow.verifier, caller=caller)
    refresh_token = request.GET.get("rt", "")
    if not cookies.is_refresh_token(refresh_token):
        raise InvalidGrant("sign_in_expired")
    return client.refresh_tokens(refresh_token=refresh_token, verifier=flow.verifier, caller=caller)


@sensitive_variables()
def _arrive(request: PortalRequest, flow: cookies.Flow, tokens: cookies.Tokens) -> HttpResponse:
    visitor, former = request.visitor, request.visitor.refresh_token
    visitor.arrive(tokens)
    if former and former != tokens.refresh:
        _end_former_session(former, visitor.caller)
    response = _go_on(flow)
    cookies.finish_flow(request, response, flow)
    return response


def _go_on(flow: cookies.Flow) -> HttpResponse:
    response = SeeOther(flow.next)
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
    return _try_again(request, flow, reason if request.GET.get("error") == "access_denied" else "")


def _try_again(request: PortalRequest, flow: cookies.Flow, reason: str) -> HttpResponse:
    query = {"next": flow.next}
    if reason in {"account_pending", "account_suspended"}:
        known = MESSAGES[reason]
        message = replace(known, query={**known.query, **query})
    else:
        text = _REASONS.get(reason, _TOO_LATE)
        message = Message(400, "The sign-in was not completed", text, route="login", query=query, icon="person")
    response = render_message(request, message, secret_address=True)
    cookies.finish_flow(request, response, flow)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def logout(request: PortalRequest) -> HttpResponse:
    """Ask, then end the session at the backend and forget it here; the latter also when it cannot be reached."""
    if request.method != "POST":
        context = {"is_signed_in": True}
        has_tokens = request.visitor.has_tokens
        return render_page(request, "sign_out", context, me=None) if has_tokens else redirect_to("home")
    token, reason = request.visitor.refresh_token or request.visitor.access_token, "logout"
    try:
        if token:
            client.revoke_token(token=token, caller=request.visitor.caller)
    except BackendUnreachable:
        reason = "unconfirmed"
    request.visitor.forget()
    return redirect_to("signed_out", reason=reason)


@require_safe
def signed_out(request: PortalRequest) -> HttpResponse:
    """Says that the session has ended, and returns to the page wanted.

    The cookies go only if they are the ones that were refused: another tab may have signed in meanwhile.
    """
    visitor, next_path = request.visitor, local_path(request.GET.get("next"))
    if request.GET.get("was", "") == visitor.fingerprint:
        visitor.forget()
    elif visitor.has_tokens:
        return SeeOther(next_path)
    title, text, label = _SIGNED_OUT.get(request.GET.get("reason", ""), _ENDED)
    query = {"next": next_path}
    return render_message(request, Message(200, title, text, label, "login", query, icon="person"))


_WINDOW_CLOSED = (
    "This browser asked to renew a sign-in that had been renewed more than a minute before. Either that answer never "
    "reached this browser, for example because the connection broke, or somebody used a copy of the sign-in. We cannot "
    "tell which, so we have ended it. If you remember no broken connection, look at your signed-in "
    "devices afterwards."
)
_USED_TWICE = (
    "What this browser presented had been replaced before, so somebody may hold a copy of the sign-in. We have ended "
    "it for everybody. Look at your signed-in devices afterwards, and sign out those that you do not know."
)
_SIGNED_OUT = {
    "logout": ("You are signed out", "Every tab of this browser is signed out.", "Sign in again"),
    "left": (
        "Your account is closed",
        "You are signed out everywhere. Signing in again brings the account back.",
        "Sign in again",
    ),
    "unconfirmed": (
        "You are signed out in this browser",
        "Our service could not be reached, so the sign-in may still be alive there. End it under Signed-in devices.",
        "Sign in again",
    ),
    "window_closed": ("Your sign-in could not be renewed", _WINDOW_CLOSED, "Sign in and go on"),
    "used_twice": ("Your sign-in was used from two places", _USED_TWICE, "Sign in and go on"),
    "lost": (
        "Your sign-in was lost on our side",
        "Our service has lost the last renewal of this sign-in. Nobody is to blame; please sign in again.",
        "Sign in and go on",
    ),
    "expired": (
        "You have been signed out",
        "This sign-in is over: it was not used for a long time, or has reached its longest age.",
        "Sign in and go on",
    ),
}
_ENDED = (
    "You have been signed out",
    "Your session has ended: it was signed out elsewhere or not used for a long time.",
    "Sign in and go on",
)
