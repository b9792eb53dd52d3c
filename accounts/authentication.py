"""Sign-in with GitHub: the social-auth backend, strategy, storage and the one pipeline step of our own.

A flow never signs the browser in at the backend: nothing here touches `request.session` or `request.user`.
"""

import logging
import re
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
from social_core.exceptions import AuthResponseError, SocialAuthBaseException
from social_django.models import DjangoStorage
from social_django.strategy import DjangoStrategy

from accounts.errors import AccountsError, GitHubAddressUnverified, GitHubRefusesService, GitHubUnavailable
from accounts.policies import GITHUB_REFUSES_SERVICE, GitHubIdentity, clean_text, read_zone, refusal
from accounts.services import flows, people

if TYPE_CHECKING:
    from accounts.models import User

MAX_GITHUB_ID = 2**63 - 1
FLOWS_AT_ONCE = 8
# Where a flow keeps the browser's time zone, beside the library's own state.
ZONE = "insighta_time_zone"
_WEB_ADDRESS = re.compile(r"(https://|http://127\.0\.0\.1:)[!-~]{1,480}")

logger = logging.getLogger(__name__)


class SignInStrategy(DjangoStrategy):
    """Keeps the library's state in the flow's row instead of the browser's session."""

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
    """The library's nonce check. `claim_flow` has used the flow's row up before the library asks."""

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
        profile = self._ask(access_token)
        login = profile.get("login") if isinstance(profile, dict) else None
        if not isinstance(login, str) or not clean_text(login, limit=100) or not _is_github_id(profile.get("id")):
            raise AuthResponseError(self, code="malformed_response", stage="user_info")
        return {**profile, "email": self._find_email(access_token)}

    def _find_email(self, access_token: str) -> str | None:
        """The verified primary address, empty where GitHub has none; None where GitHub does not say."""
        try:
            return _primary_email(self._ask(access_token, "/emails"))
        except SocialAuthBaseException as error:
            logger.warning("sign-in goes on without GitHub's word on addresses: %s", describe_failure(error))
            return None

    def _ask(self, access_token: str, path: str = "") -> Any:
        try:
            return self._user_data(access_token, path)  # type: ignore[no-untyped-call]  # the library's, untyped
        except RecursionError as error:
            raise AuthResponseError(self, code="malformed_response", stage="user_info") from error


def describe_failure(error: SocialAuthBaseException) -> str:
    """One line for the log: GitHub's own code where it gave one, else the library's, the status and the step."""
    github = github_code(error)
    said = f"GitHub says {github}" if github else error.code
    status = f", status {error.status_code}" if error.status_code else ""
    return f"{said}{status}, at {error.stage}"


def github_code(error: SocialAuthBaseException) -> str:
    """GitHub's own `error` code; empty where it gave none, or no code but text."""
    code = str(error.provider_code or "")
    return code if re.fullmatch(r"[A-Za-z0-9_]{1,64}", code) else ""


def github_failure(error: SocialAuthBaseException) -> AccountsError:
    """What a failure at GitHub means to the person: whether trying again can help, and who else can mend it."""
    code = github_code(error)
    if code == "unverified_user_email":
        return GitHubAddressUnverified()
    # GitHub answers 404 to a client_id that it does not know.
    is_unknown_app = error.stage == "token_exchange" and error.status_code in {401, 403, 404}
    if code in GITHUB_REFUSES_SERVICE or error.code in {"invalid_setting", "tls_error"} or is_unknown_app:
        return GitHubRefusesService()
    return GitHubUnavailable()


def _is_github_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_GITHUB_ID


def _primary_email(emails: object) -> str | None:
    """The verified primary address, empty where there is none; None for what is no list of addresses."""
    if not isinstance(emails, list) or not all(isinstance(entry, dict) for entry in emails):
        return None
    verified = (entry for entry in emails if entry.get("primary") is True and entry.get("verified") is True)
    return next((_email_address(entry.get("email")) for entry in verified), "")


def _email_address(value: object) -> str:
    address = value if isinstance(value, str) else ""
    try:
        validate_email(address)
    except ValidationError:
        return ""
    return address if len(address) <= 254 else ""


def sign_in_person(
    backend: GitHubBackend, response: dict[str, Any], *args: object, **kwargs: object
) -> dict[str, object]:
    """The step in place of `get_username`, `create_user` and `associate_user`: one transaction, by GitHub's id."""
    name = response.get("name")
    identity = GitHubIdentity(
        github_id=response["id"],
        login=clean_text(response["login"], limit=100),
        name=clean_text(name if isinstance(name, str) else "", limit=100),
        email=response["email"],
        avatar_url=_web_address(response.get("avatar_url")),
    )
    zone = read_zone(backend.strategy.session_get(ZONE))
    signed_in = people.sign_in_person(identity=identity, zone=zone, now=timezone.now())
    return {"user": signed_in.person, "social": signed_in.association, "is_new": signed_in.is_new}


def _web_address(value: object) -> str | None:
    """An address that a page may load; None where GitHub gives none."""
    return value if isinstance(value, str) and _WEB_ADDRESS.fullmatch(value) else None


def begin_sign_in(
    request: HttpRequest,
    *,
    flow_request: dict[str, object],
    resume_path: str,
    restart_path: str,
    select_account: bool = False,
    login_hint: str = "",
    time_zone: str = "",
) -> HttpResponse:
    """Send the browser to GitHub. Afterwards it comes back to `resume_path?flow=…` with its flow finished.

    `login_hint` is a login that GitHub suggests to the person; any other may answer. `time_zone` is the browser's, for
    a person who is new.
    """
    # Without the request, whose parameters the library would store.
    strategy = SignInStrategy(SignInStorage)
    response = do_auth(load_github(strategy))
    (state,) = parse_qs(urlsplit(response["Location"]).query)["state"]
    if select_account:
        response["Location"] += "&prompt=select_account"
    if login_hint:
        response["Location"] += f"&login={login_hint}"
    flow, cookie = flows.begin_flow(
        state=state,
        upstream=strategy.upstream | ({ZONE: time_zone} if time_zone else {}),
        request=flow_request,
        resume_path=resume_path,
        restart_path=restart_path,
        now=timezone.now(),
    )
    set_flow_cookie(request, response, flow.id, cookie)
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
    """One cookie for each flow: two tabs do not overwrite each other's."""
    return f"{_flow_cookie_prefix()}{flow_id.hex[-12:]}"


def _flow_cookie_prefix() -> str:
    return f"{'__Host-' if settings.SESSION_COOKIE_SECURE else ''}insighta_flow_"


def set_flow_cookie(request: HttpRequest, response: HttpResponse, flow_id: UUID, value: str) -> None:
    """Bind the flow to this browser for as long as it can be begun again; the oldest of too many go."""
    for name in [name for name in request.COOKIES if name.startswith(_flow_cookie_prefix())][: -(FLOWS_AT_ONCE - 1)]:
        response.delete_cookie(name, samesite="Lax")
    response.set_cookie(
        flow_cookie_name(flow_id),
        value,
        max_age=settings.SIGN_IN_SECONDS + int(flows.RESTARTS_FOR.total_seconds()),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def flow_cookie(request: HttpRequest, flow_id: UUID) -> str:
    return request.COOKIES.get(flow_cookie_name(flow_id), "")


def sign_in_problem(
    request: HttpRequest, code: str, sentence: str, *, status: HTTPStatus, restart_path: str = "", cause: str = ""
) -> HttpResponse:
    """A page that says what went wrong with a sign-in, who can mend it and how to go on; never a redirect.

    `restart_path` begins the same sign-in again, to the same destination. `cause` is GitHub's own code.
    """
    context: dict[str, object] = {"code": code, "sentence": sentence, "cause": cause, "restart_path": restart_path}
    context |= {"portal_url": settings.PORTAL_URL, "without_cookies": not request.COOKIES, "host": request.get_host()}
    return render(request, "accounts/problem.html", context, status=status)
