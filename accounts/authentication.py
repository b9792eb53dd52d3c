"""Sign-in with GitHub: the social-auth backend, strategy, storage and the one pipeline step of our own.

A flow never signs the browser in at the backend: nothing here touches `request.session` or `request.user`.
"""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, urljoin, urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from social_core.actions import do_auth
from social_core.backends.base import BaseAuth
from social_core.backends.github import GithubOAuth2
from social_core.backends.oauth import BaseOAuth2PKCE
from social_core.exceptions import AuthResponseError
from social_django.models import DjangoStorage
from social_django.strategy import DjangoStrategy

from accounts.policies import GitHubIdentity, clean_text, refusal
from accounts.services import flows, people

if TYPE_CHECKING:
    from accounts.models import User

MAX_GITHUB_ID = 2**63 - 1


class SignInStrategy(DjangoStrategy):
    """Keeps the library's state in the flow's row instead of the browser's session, one row per trip to GitHub."""

    def __init__(self, storage: Any, request: HttpRequest | None = None, tpl: Any = None) -> None:
        super().__init__(storage, None, tpl)
        self.request = request
        self.upstream: dict[str, Any] = {}

    def session_get(self, name: str, default: Any = None) -> Any:
        return self.upstream.get(name, default)

    def session_set(self, name: str, value: Any) -> None:
        self.upstream[name] = value

    def session_pop(self, name: str) -> Any:
        return self.upstream.pop(name, None)

    def session_setdefault(self, name: str, value: Any) -> Any:
        return self.upstream.setdefault(name, value)

    def build_absolute_uri(self, path: str | None = None) -> str:
        """The configured address, never the request's Host header."""
        return urljoin(settings.BACKEND_URL, path or "/")


class StaffBackend(ModelBackend):
    """Staff with a password, for the admin. A suspension ends their admin session at the next request."""

    def user_can_authenticate(self, user: Any) -> bool:
        return refusal(is_active=user.is_active, standing=user.standing) is None


class FlowNonce:
    """The library's single-use check. The flow's row is the nonce: `claim_flow` took it before the library asks."""

    @classmethod
    def use(cls, server_url: str, timestamp: int, salt: str) -> bool:
        return True

    @classmethod
    def consume(cls, server_url: str, timestamp: int, salt: str) -> bool:
        return True


class SignInStorage(DjangoStorage):
    nonce = FlowNonce  # type: ignore[assignment]  # the library asks for these two methods only


class GitHubBackend(BaseOAuth2PKCE[HttpResponse], GithubOAuth2[HttpResponse]):
    """GitHub, GitHub Enterprise or the stand-in, by `GITHUB_URL` and `GITHUB_API_URL`; with PKCE (RFC 7636)."""

    def authorization_url(self) -> str:
        return f"{settings.GITHUB_URL.rstrip('/')}/login/oauth/authorize"

    def access_token_url(self) -> str:
        return f"{settings.GITHUB_URL.rstrip('/')}/login/oauth/access_token"

    def api_url(self) -> str:
        return f"{settings.GITHUB_API_URL.rstrip('/')}/"

    def user_data(self, access_token: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The person's profile. Raises AuthResponseError when GitHub's answer is not one."""
        profile: Any = self._user_data(access_token)  # type: ignore[no-untyped-call]  # the library's, untyped
        if not isinstance(profile, dict) or not _is_github_id(profile.get("id")) or not profile.get("login"):
            raise AuthResponseError(self, code="malformed_response", stage="user_info")
        emails: Any = self._user_data(access_token, "/emails")  # type: ignore[no-untyped-call]  # the library's, untyped
        return {**profile, "email": _primary_email(emails)}


def _is_github_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_GITHUB_ID


def _primary_email(emails: object) -> str:
    """The verified primary address; empty where GitHub gives none."""
    for entry in emails if isinstance(emails, list) else []:
        if isinstance(entry, dict) and entry.get("primary") is True and entry.get("verified") is True:
            return _email_address(entry.get("email"))
    return ""


def _email_address(value: object) -> str:
    address = str(value or "")
    try:
        validate_email(address)
    except ValidationError:
        return ""
    return address if len(address) <= 254 else ""


def sign_in_person(
    backend: GitHubBackend, response: dict[str, Any], *args: object, **kwargs: object
) -> dict[str, object]:
    """The step in place of `get_username`, `create_user` and `associate_user`: one transaction, by GitHub's id."""
    identity = GitHubIdentity(
        github_id=response["id"],
        login=clean_text(str(response["login"]), limit=100),
        name=clean_text(str(response.get("name") or ""), limit=100),
        email=str(response.get("email") or ""),
        avatar_url=_web_address(response.get("avatar_url")),
    )
    signed_in = people.sign_in_person(identity=identity, now=timezone.now())
    return {"user": signed_in.person, "social": signed_in.association, "is_new": signed_in.is_new}


def _web_address(value: object) -> str:
    address = str(value or "")
    return address if address.startswith(("https://", "http://127.0.0.1:")) and len(address) <= 500 else ""


def begin_sign_in(
    request: HttpRequest,
    *,
    flow_request: dict[str, object],
    resume_path: str,
    restart_path: str,
    select_account: bool = False,
) -> HttpResponse:
    """Send the browser to GitHub. Afterwards it comes back to `resume_path?flow=…` with its flow finished."""
    strategy = SignInStrategy(SignInStorage, request)
    response = do_auth(load_github(strategy))
    (state,) = parse_qs(urlsplit(response["Location"]).query)["state"]
    if select_account:
        response["Location"] += "&prompt=select_account"
    flow, cookie = flows.begin_flow(
        state=state,
        upstream=strategy.upstream,
        request=flow_request,
        resume_path=resume_path,
        restart_path=restart_path,
        now=timezone.now(),
    )
    set_flow_cookie(response, flow.id, cookie)
    return response


def complete_sign_in(request: HttpRequest, upstream: dict[str, Any]) -> "User":
    """The person GitHub names in this answer, upserted. Raises AuthCanceled and other social-auth exceptions."""
    strategy = SignInStrategy(SignInStorage, request)
    strategy.upstream = upstream
    return cast("User", load_github(strategy).complete(user=None))


def load_github(strategy: SignInStrategy) -> BaseAuth[HttpResponse]:
    """The GitHub backend over one flow's state."""
    return strategy.get_backend("github", redirect_uri=reverse("accounts:complete"))


def flow_cookie_name(flow_id: UUID) -> str:
    """A cookie of its own for each flow, so that two tabs never overwrite each other's."""
    prefix = "__Host-" if settings.SESSION_COOKIE_SECURE else ""
    return f"{prefix}insighta_flow_{flow_id.hex[-12:]}"


def set_flow_cookie(response: HttpResponse, flow_id: UUID, value: str) -> None:
    response.set_cookie(
        flow_cookie_name(flow_id),
        value,
        max_age=settings.SIGN_IN_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def forget_flow_cookie(response: HttpResponse, flow_id: UUID) -> None:
    set_flow_cookie(response, flow_id, "")
    response.cookies[flow_cookie_name(flow_id)]["max-age"] = 0


def flow_cookie(request: HttpRequest, flow_id: UUID) -> str:
    return request.COOKIES.get(flow_cookie_name(flow_id), "")


def sign_in_problem(
    request: HttpRequest, code: str, sentence: str, *, status: HTTPStatus, restart_path: str = ""
) -> HttpResponse:
    """A page that says what went wrong with a sign-in and what to do next; never a redirect."""
    context = {"code": code, "sentence": sentence, "restart_path": restart_path, "portal_url": settings.PORTAL_URL}
    return render(request, "accounts/problem.html", context, status=status)
