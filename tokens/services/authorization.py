import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.errors import SignInFlowNotFound
from accounts.policies import clean_text
from accounts.services import flows, people
from tokens import errors, signals
from tokens.policies import pkce
from tokens.policies.clients import Client
from tokens.policies.scopes import parse_scope
from tokens.services.clients import find_client
from tokens.services.codes import issue_code
from tokens.services.sessions import open_session

if TYPE_CHECKING:
    from accounts.models import SignInFlow, User

_STATE = re.compile(r"[ -~]{1,512}")
_SINGLE = ("response_type", "scope", "code_challenge", "code_challenge_method", "prompt", "device_label", "state")
_PROMPTS = frozenset({"", "select_account"})


@dataclass(frozen=True)
class Target:
    """A known client and a redirect URI of its own: from here on, errors may go there (RFC 6749 §4.1.2.1)."""

    client: Client
    redirect_uri: str
    state: str


@dataclass(frozen=True)
class AuthorizationRequest:
    """A checked authorize request, as it is kept with the flow while the person is at GitHub."""

    client_id: str
    redirect_uri: str
    state: str
    response_type: str
    scope: str
    code_challenge: str
    label: str

    @property
    def client(self) -> Client:
        client = find_client(self.client_id)
        if client is None:
            raise errors.UnknownClient
        return client


def read_target(*, params: Mapping[str, list[str]]) -> Target:
    """Whom the browser may be sent back to. Raises UnknownClient or UnknownRedirectUri: a page, never a redirect."""
    client = find_client(_only(params, "client_id"))
    if client is None:
        raise errors.UnknownClient
    redirect_uri = _only(params, "redirect_uri")
    if not client.allows_redirect_to(redirect_uri):
        raise errors.UnknownRedirectUri
    state = _only(params, "state")
    return Target(client, redirect_uri, state if _STATE.fullmatch(state) else "")


def read_request(target: Target, *, params: Mapping[str, list[str]], default_label: str) -> AuthorizationRequest:
    """The request itself. Raises InvalidRequest, UnsupportedResponseType or InvalidScope, to be sent to the target."""
    for name in _SINGLE:
        if len(params.get(name, [])) > 1:
            raise errors.InvalidRequest(f"{name} is given more than once")
    if _only(params, "state") != target.state:
        raise errors.InvalidRequest("state must be 1 to 512 printable ASCII characters")
    _check_pkce(params)
    if _only(params, "prompt") not in _PROMPTS:
        raise errors.InvalidRequest("prompt must be select_account or absent")
    response_type = _only(params, "response_type")
    if response_type not in target.client.response_types:
        raise errors.UnsupportedResponseType
    scope = parse_scope(_only(params, "scope"))
    if scope is None:
        raise errors.InvalidScope
    return AuthorizationRequest(
        client_id=target.client.client_id,
        redirect_uri=target.redirect_uri,
        state=target.state,
        response_type=response_type,
        scope=" ".join(scope),
        code_challenge=_only(params, "code_challenge"),
        label=clean_text(_only(params, "device_label"), limit=100) or default_label,
    )


def describe_request(request: AuthorizationRequest) -> dict[str, object]:
    """What is kept with the sign-in flow."""
    return asdict(request)


@dataclass(frozen=True)
class ReturnedRequest:
    """An authorize request whose person is back from GitHub: who they are, or why GitHub named nobody."""

    flow: "SignInFlow"
    request: AuthorizationRequest
    refused_because: str

    @property
    def person(self) -> "User":
        """Raises SignInFlowNotFound where GitHub named nobody."""
        return flows.get_person_of(self.flow)


def get_returned_request(*, flow_id: UUID, cookie: str, now: datetime) -> ReturnedRequest:
    """The request that this browser began. Raises SignInFlowNotFound for another browser, a used flow, or too late."""
    flow = flows.get_finished_flow(flow_id=flow_id, cookie=cookie, now=now)
    if "client_id" not in flow.request:
        raise SignInFlowNotFound
    return ReturnedRequest(flow, AuthorizationRequest(**flow.request), flow.refused_because)


def grant_request(returned: ReturnedRequest, *, address: str | None, now: datetime) -> dict[str, str]:
    """Give the client what it asked for: the redirect's parameters, returned once. The flow is used up.

    Raises AccountPending, AccountSuspended or AccountInactive, and SignInFlowNotFound if another request was first.
    """
    request = returned.request
    with transaction.atomic(durable=True):
        person = people.lock_allowed_person(user_id=returned.person.pk)
        flows.take_flow(flow_id=returned.flow.id)
        if request.response_type == "handoff":
            return _hand_off(request, person, address=address, now=now)
        code = issue_code(
            person=person,
            client=request.client,
            redirect_uri=request.redirect_uri,
            code_challenge=request.code_challenge,
            scope=request.scope,
            label=request.label,
            now=now,
        )
        return {"code": code}


@transaction.atomic(durable=True)
def refuse_request(*, returned: ReturnedRequest, because: str) -> None:
    """Use the flow up without giving anything. Raises SignInFlowNotFound if another request was first."""
    flows.take_flow(flow_id=returned.flow.id)
    signals.sign_in_refused.send(None, client_id=returned.request.client_id, because=because)


def answer_parameters(request: AuthorizationRequest | Target, *, parameters: dict[str, str]) -> dict[str, str]:
    """The redirect's parameters with `state` and `iss` (RFC 9207)."""
    state = {"state": request.state} if request.state else {}
    return {**parameters, **state, "iss": settings.BACKEND_URL}


def _hand_off(request: AuthorizationRequest, person: "User", *, address: str | None, now: datetime) -> dict[str, str]:
    pair = open_session(
        person=person,
        client=request.client,
        scope=request.scope,
        label=request.label,
        address=address,
        handoff_challenge=request.code_challenge,
        now=now,
    )
    return {"at": pair.access_token, "rt": pair.refresh_token}


def _check_pkce(params: Mapping[str, list[str]]) -> None:
    if not pkce.is_challenge(_only(params, "code_challenge")):
        raise errors.InvalidRequest("code_challenge is required (RFC 7636): 43 characters of base64url")
    if _only(params, "code_challenge_method") != "S256":
        raise errors.InvalidRequest("code_challenge_method must be S256")


def _only(params: Mapping[str, list[str]], name: str) -> str:
    """The one value of a parameter; empty where it is absent or repeated."""
    values = params.get(name, [])
    return values[0] if len(values) == 1 else ""
