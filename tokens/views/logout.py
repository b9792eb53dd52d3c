from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.authentication import sign_in_problem
from tokens import throttles
from tokens.errors import InvalidRequest, Throttled, TokensError
from tokens.services import logout

_PARAMETERS = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")


# Another site's form may post here: what ends is named by an ID token that only the application has.
@never_cache
@csrf_exempt
@require_http_methods(["GET", "POST"])
def end_session(request: HttpRequest) -> HttpResponse:
    """`/oauth/logout`: an application sends a browser here to end its sign-in (RP-Initiated Logout 1.0 §2)."""
    try:
        throttles.SIGN_OUT.count_address(request)
        hint, client_id, redirect_uri, state = (_parameter(request, name) for name in _PARAMETERS)
        done = logout.sign_out_of_application(
            hint=hint, client_id=client_id, redirect_uri=redirect_uri, state=state, now=timezone.now()
        )
    except Throttled as error:
        response = sign_in_problem(request, error.code, str(error), status=HTTPStatus.TOO_MANY_REQUESTS)
        response["Retry-After"] = str(error.retry_after_seconds)
        return response
    except TokensError as error:
        return sign_in_problem(request, error.code, str(error), status=HTTPStatus.BAD_REQUEST)
    if done.redirect_to:
        return HttpResponseRedirect(done.redirect_to, status=HTTPStatus.SEE_OTHER)
    context = {"done": done, "sessions_url": f"{settings.PORTAL_URL}/sessions"}
    return render(request, "tokens/signed_out.html", context)


def _parameter(request: HttpRequest, name: str) -> str:
    values = (request.POST if request.method == "POST" else request.GET).getlist(name)
    if len(values) > 1:
        raise InvalidRequest(f"{name} is given more than once")
    return values[0] if values else ""
