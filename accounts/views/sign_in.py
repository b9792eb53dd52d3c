import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from social_core.exceptions import AuthCanceled, SocialAuthBaseException

from accounts.authentication import (
    complete_sign_in,
    describe_failure,
    flow_cookie,
    github_code,
    github_failure,
    sign_in_problem,
)
from accounts.errors import (
    GitHubAddressUnverified,
    GitHubRefusesService,
    GitHubUnavailable,
    SignInFlowNotFound,
    SignInFlowOver,
)
from accounts.policies import GITHUB_CODES
from accounts.services import flows

if TYPE_CHECKING:
    from accounts.models import SignInFlow

logger = logging.getLogger(__name__)


@never_cache
@require_GET
def complete(request: HttpRequest) -> HttpResponse:
    """The redirect URI at GitHub (RFC 6749 §4.1.2): finishes the flow and returns to where it was begun."""
    state = request.GET.get("state", "")
    try:
        waiting = flows.find_flow_by_state(state=state)
        cookie = flow_cookie(request, waiting.id) if waiting else ""
        flow = flows.claim_flow(state=state, cookie=cookie, now=timezone.now())
    except SignInFlowOver as error:
        return _begin_again(request, error)
    except SignInFlowNotFound as error:
        return sign_in_problem(request, error.code, str(error), status=HTTPStatus.BAD_REQUEST)
    if not flows.is_finished(flow):
        try:
            _finish(request, flow)
        except SocialAuthBaseException as error:
            return _github_failed(request, error, flow.restart_path)
    return HttpResponseRedirect(f"{flow.resume_path}?flow={flow.id}")


def _finish(request: HttpRequest, flow: "SignInFlow") -> None:
    try:
        person = complete_sign_in(request, flow.upstream)
    except AuthCanceled:
        flows.finish_flow(flow_id=flow.id, refused_because="github_denied")
    else:
        flows.finish_flow(flow_id=flow.id, user_id=person.id)


def _begin_again(request: HttpRequest, over: SignInFlowOver) -> HttpResponse:
    """Who has just agreed at GitHub goes there again for the same destination; anybody else gets a page."""
    if "code" in request.GET:
        return HttpResponseRedirect(over.restart_path)
    return sign_in_problem(request, over.code, str(over), status=HTTPStatus.BAD_REQUEST, restart_path=over.restart_path)


# How the failures are told apart in the metrics: config/observability/metrics/counters.py.
_STATUS: dict[type, HTTPStatus] = {
    GitHubUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    GitHubRefusesService: HTTPStatus.BAD_GATEWAY,
    GitHubAddressUnverified: HTTPStatus.FORBIDDEN,
}


def _github_failed(request: HttpRequest, error: SocialAuthBaseException, restart_path: str) -> HttpResponse:
    """The page for a GitHub that is away, invalid in its answer, or refuses; the log names GitHub's own code."""
    failure = github_failure(error)
    level = logging.ERROR if isinstance(failure, GitHubRefusesService) else logging.WARNING
    logger.log(level, "sign-in with GitHub failed: %s (docs/github-app.md)", describe_failure(error))
    cause = github_code(error)
    return sign_in_problem(
        request,
        failure.code,
        str(failure),
        status=_STATUS[type(failure)],
        restart_path=restart_path,
        cause=cause if cause in GITHUB_CODES else "",
    )
