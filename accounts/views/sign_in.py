import logging
from datetime import datetime
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from social_core.exceptions import AuthCanceled, SocialAuthBaseException

from accounts.authentication import complete_sign_in, flow_cookie, sign_in_problem
from accounts.errors import SignInFlowNotFound
from accounts.services import flows

logger = logging.getLogger(__name__)


@never_cache
@require_GET
def complete(request: HttpRequest) -> HttpResponse:
    """Where GitHub sends the browser back to (RFC 6749 §4.1.2): finish the flow and go on where it was begun."""
    now = timezone.now()
    state = request.GET.get("state", "")
    try:
        waiting = flows.find_flow_by_state(state=state, now=now)
        cookie = flow_cookie(request, waiting.id) if waiting else ""
        flow = flows.claim_flow(state=state, cookie=cookie, now=now)
    except SignInFlowNotFound:
        return _begin_again(request, state, now=now)
    try:
        person = complete_sign_in(request, flow.upstream)
    except AuthCanceled:
        flows.finish_flow(flow_id=flow.id, refused_because="github_denied")
    except SocialAuthBaseException as error:
        logger.warning("sign-in with GitHub failed: %s at %s", error.code, error.stage)
        return github_problem(request, flow.restart_path)
    else:
        flows.finish_flow(flow_id=flow.id, user_id=person.id)
    return HttpResponseRedirect(f"{flow.resume_path}?flow={flow.id}")


def _begin_again(request: HttpRequest, state: str, *, now: datetime) -> HttpResponse:
    """Where a claimed flow was never finished, its browser that reloads the address begins again, once; else a page."""
    unfinished = flows.find_unfinished_flow(state=state, now=now)
    cookie = flow_cookie(request, unfinished.id) if unfinished else ""
    try:
        return HttpResponseRedirect(flows.take_unfinished_flow(state=state, cookie=cookie, now=now))
    except SignInFlowNotFound as error:
        return sign_in_problem(request, error.code, str(error), status=HTTPStatus.BAD_REQUEST)


def github_problem(request: HttpRequest, restart_path: str) -> HttpResponse:
    """GitHub was slow, unreachable or answered nonsense: a page that offers to try again."""
    sentence = "GitHub did not answer as it should. Nothing has been changed. Try again in a moment."
    return sign_in_problem(
        request, "github_unavailable", sentence, status=HTTPStatus.SERVICE_UNAVAILABLE, restart_path=restart_path
    )
