import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import transaction
from uuid6 import uuid7

from accounts.errors import SignInDecided, SignInFlowNotFound
from accounts.policies import APPROVED, clean_text
from accounts.services import flows, people
from tokens import errors, signals
from tokens.policies import hints, limits, pkce
from tokens.policies.authorization_codes import make_code
from tokens.policies.clients import Client
from tokens.policies.refresh_tokens import RefreshToken, make_redeemed
from tokens.policies.scopes import parse_application_scope, parse_scope
from tokens.services import consents, openid_requests
from tokens.services.clients import find_client
from tokens.services.codes import is_issued, issue_code
from tokens.services.sessions import find_first_tokens, open_session

if TYPE_CHECKING:
    from accounts.models import SignInFlow, User

_STATE = re.compile(r"[ -~]{1,512}")
# What only an application's request has.
_OPENID = {"nonce", "prompt", "subject"}
OTHER_PERSON = "other_person"


@dataclass(frozen=True)
class Target:
    """A known client and a redirect URI of its own: from here on, errors may go there (RFC 6749 §4.1.2.1)."""

    client: Client
    redirect_uri: str
    state: str


@dataclass(frozen=True)
class AuthorizationRequest:
    """A checked authorize request, as it is kept with the flow while the person is at GitHub.

    `subject` is the id of the only person who may sign in; empty for anybody.
    """

    client_id: str
    redirect_uri: str
    state: str
    response_type: str
    scope: str
    code_challenge: str
    label: str
    nonce: str = ""
    prompt: str = ""
    subject: str = ""

    @cached_property
    def client(self) -> Client:
        client = find_client(self.client_id)
        if client is None:
            raise errors.UnknownClient
        return client


def read_target(*, params: Mapping[str, list[str]]) -> Target:
    """Whom the browser may be sent back to.

    Raises UnknownClient, UnknownRedirectUri, or InvalidRequest for one of them that is too long: a page, never a
    redirect.
    """
    _check_lengths(params, ("client_id", "redirect_uri"))
    client = find_client(_only(params, "client_id"))
    if client is None:
        raise errors.UnknownClient
    redirect_uri = _only(params, "redirect_uri")
    if not client.allows_redirect_to(redirect_uri):
        raise errors.UnknownRedirectUri
    state = _only(params, "state")
    return Target(client, redirect_uri, state if _STATE.fullmatch(state) else "")


def read_request(
    target: Target, *, params: Mapping[str, list[str]], default_label: str, now: datetime
) -> AuthorizationRequest:
    """The request itself.

    Raises InvalidRequest, LoginRequired, UnsupportedResponseType or InvalidScope, to be sent to the target.
    """
    for name in limits.AUTHORIZE:
        if len(params.get(name, [])) > 1:
            raise errors.InvalidRequest(f"{name} is given more than once")
    _check_lengths(params, limits.AUTHORIZE)
    if _only(params, "state") != target.state:
        raise errors.InvalidRequest("state must be 1 to 512 printable ASCII characters")
    _check_pkce(params)
    openid_requests.check_parameters(params)
    subject = openid_requests.read_subject(params, client_id=target.client.client_id, now=now)
    prompts = openid_requests.read_prompts(params)
    response_type = _only(params, "response_type")
    if response_type not in target.client.response_types:
        raise errors.UnsupportedResponseType
    scope = _read_scope(target.client, _only(params, "scope"))
    return AuthorizationRequest(
        client_id=target.client.client_id,
        redirect_uri=target.redirect_uri,
        state=target.state,
        response_type=response_type,
        scope=" ".join(scope),
        code_challenge=_only(params, "code_challenge"),
        label=clean_text(_only(params, "device_label"), limit=100) or default_label,
        nonce="" if target.client.is_built_in else openid_requests.read_nonce(params),
        prompt="" if target.client.is_built_in else " ".join(sorted(prompts)),
        subject=subject,
    )


def known_parameters(params: Mapping[str, list[str]]) -> dict[str, str]:
    """The parameters of a request, by which it can be made again."""
    return {name: value for name in limits.AUTHORIZE if (value := _only(params, name))}


def kept_parameters(request: AuthorizationRequest, *, params: Mapping[str, list[str]]) -> dict[str, str]:
    """The same of a request that has been read, without a secret, for the database."""
    known = known_parameters(params)
    if request.subject:
        known["id_token_hint"] = hints.make_hint(
            request.subject, client_id=request.client_id, key=settings.TOKEN_KEYS[0]
        )
    return known


def describe_request(request: AuthorizationRequest) -> dict[str, object]:
    """What is kept with the sign-in flow: what is empty is left out, for a release that does not know its name."""
    return {name: value for name, value in asdict(request).items() if value or name not in _OPENID}


@dataclass(frozen=True)
class ReturnedRequest:
    """An authorize request whose person is back from GitHub: who they are, or why nobody can be signed in.

    That is GitHub's word, or `OTHER_PERSON`.
    """

    flow: "SignInFlow"
    request: AuthorizationRequest
    refused_because: str
    cookie: str = field(repr=False)

    @property
    def person(self) -> "User":
        """Raises SignInFlowNotFound where nobody can be signed in."""
        if self.refused_because:
            raise SignInFlowNotFound
        return flows.get_person_of(self.flow)

    @property
    def refusal(self) -> str:
        """Why nothing is given: `refused_because`, or an earlier decision; empty where nothing stands against it."""
        decision = self.flow.decision
        return self.refused_because or ("" if decision == APPROVED else decision)


def get_returned_request(*, flow_id: UUID, cookie: str, now: datetime) -> ReturnedRequest:
    """The request that this browser began, decided or not.

    Raises SignInFlowNotFound for another browser, SignInFlowOver for an expired flow.
    """
    flow = flows.get_finished_flow(flow_id=flow_id, cookie=cookie, now=now)
    if "client_id" not in flow.request:
        raise SignInFlowNotFound
    request = AuthorizationRequest(**flow.request)
    is_other = bool(request.subject and flow.user_id) and request.subject != str(flow.user_id)
    return ReturnedRequest(flow, request, OTHER_PERSON if is_other else flow.refused_because, cookie)


def asks_person(returned: ReturnedRequest) -> bool:
    """Whether a page asks before anything is given."""
    request = returned.request
    if request.client.is_built_in:
        return request.client.asks_consent
    return bool(request.prompt) or not consents.is_remembered(
        user_id=returned.person.pk,
        client_id=request.client_id,
        scope=request.scope,
        redirect_uri=request.redirect_uri,
    )


def grant_request(
    returned: ReturnedRequest, *, is_confirmed: bool = True, address: str | None, now: datetime
) -> dict[str, str]:
    """Give the client what it asked for: the redirect's parameters.

    The same browser's second request is given the same within a code's lifetime. `is_confirmed` says that the person
    has answered the page. Raises ConsentNeeded, with nothing changed, where they are to be asked; AccountPending or
    AccountSuspended; SignInDecided after that time and where the flow was refused; and SignInFlowNotFound if all access
    of the person has ended since GitHub's answer.
    """
    given = None if returned.flow.decided_at else _grant(returned, is_confirmed, address=address, now=now)
    return given or _repeat_grant(returned, now=now)


@transaction.atomic(durable=True)
def _grant(
    returned: ReturnedRequest, is_confirmed: bool, *, address: str | None, now: datetime
) -> dict[str, str] | None:
    """None where another request has decided."""
    request, flow, key = returned.request, returned.flow, settings.TOKEN_KEYS[0]
    person = people.admit_person(user_id=returned.person.pk, answered_at=flow.answered_at)
    first = _first_token(returned, session_id=uuid7(), key=key)
    if not flows.decide_flow(flow_id=flow.id, decision=APPROVED, given_id=first.session_id, now=now):
        return None
    if not is_confirmed and asks_person(returned):
        raise errors.ConsentNeeded
    if not request.client.is_built_in:
        consents.note_consent(user_id=person.pk, client_id=request.client_id, scope=request.scope, now=now)
    if request.response_type == "handoff":
        return _hand_off(request, person, first=first, address=address, auth_time=flow.answered_at, now=now)
    code = make_code(flow.id, cookie=returned.cookie, key=key)
    issue_code(
        code,
        person=person,
        client=request.client,
        redirect_uri=request.redirect_uri,
        code_challenge=request.code_challenge,
        nonce=request.nonce,
        scope=request.scope,
        label=request.label,
        auth_time=flow.answered_at,
        now=now,
    )
    return {"code": code}


def _repeat_grant(returned: ReturnedRequest, *, now: datetime) -> dict[str, str]:
    """What the first request was given, made again."""
    flow = _decided_flow(returned, decision=APPROVED, now=now)
    for key in settings.TOKEN_KEYS:
        code = make_code(flow.id, cookie=returned.cookie, key=key)
        if returned.request.response_type == "handoff" and flow.given_id:
            first = _first_token(returned, session_id=flow.given_id, key=key)
            if pair := find_first_tokens(first, now=now):
                return {"at": pair.access_token, "rt": pair.refresh_token}
        elif is_issued(code):
            return {"code": code}
    raise SignInDecided(restart_path=flow.restart_path)


def _decided_flow(returned: ReturnedRequest, *, decision: str, now: datetime) -> "SignInFlow":
    """The flow as it was decided. Raises SignInDecided where that was otherwise, or longer ago than a code lives."""
    flow = flows.get_finished_flow(flow_id=returned.flow.id, cookie=returned.cookie, now=now)
    is_recent = flow.decided_at is not None and now <= flow.decided_at + settings.AUTHORIZATION_CODE_LIFETIME
    if flow.decision != decision or not is_recent:
        raise SignInDecided(restart_path=flow.restart_path)
    return flow


def _first_token(returned: ReturnedRequest, *, session_id: UUID, key: str) -> RefreshToken:
    """The token that a hand-off's URL carries, made of the flow's code as if that were redeemed."""
    code = make_code(returned.flow.id, cookie=returned.cookie, key=key)
    return make_redeemed(session_id, code=code, retry_key=returned.cookie, key=key)


def refuse_request(*, returned: ReturnedRequest, because: str, now: datetime) -> None:
    """Decide that nothing is given. Raises SignInDecided where the flow was decided otherwise, or some time ago."""
    if not _refuse(returned, because=because, now=now):
        _decided_flow(returned, decision=because, now=now)


@transaction.atomic(durable=True)
def _refuse(returned: ReturnedRequest, *, because: str, now: datetime) -> bool:
    if not flows.decide_flow(flow_id=returned.flow.id, decision=because, now=now):
        return False
    signals.sign_in_refused.send(None, client_id=returned.request.client_id, because=because)
    return True


def answer_parameters(request: AuthorizationRequest | Target, *, parameters: dict[str, str]) -> dict[str, str]:
    """The redirect's parameters with `state` and `iss` (RFC 9207)."""
    state = {"state": request.state} if request.state else {}
    return {**parameters, **state, "iss": settings.BACKEND_URL}


def _hand_off(
    request: AuthorizationRequest,
    person: "User",
    *,
    first: RefreshToken,
    address: str | None,
    auth_time: datetime | None,
    now: datetime,
) -> dict[str, str]:
    pair = open_session(
        person=person,
        client=request.client,
        scope=request.scope,
        label=request.label,
        address=address,
        handoff_challenge=request.code_challenge,
        first=first,
        auth_time=auth_time,
        now=now,
    )
    return {"at": pair.access_token, "rt": pair.refresh_token}


def _read_scope(client: Client, value: str) -> tuple[str, ...]:
    if client.is_built_in:
        scope = parse_scope(value, allowed=client.scopes)
    else:
        scope = parse_application_scope(value, allowed=client.scopes)
    if scope is None:
        raise errors.InvalidScope
    return scope


def _check_lengths(params: Mapping[str, list[str]], names: Iterable[str]) -> None:
    for name in names:
        if excess := limits.describe_excess(limits.AUTHORIZE, name, _only(params, name)):
            raise errors.InvalidRequest(excess)


def _check_pkce(params: Mapping[str, list[str]]) -> None:
    if not pkce.is_challenge(_only(params, "code_challenge")):
        raise errors.InvalidRequest("code_challenge is required (RFC 7636): 43 characters of base64url")
    if _only(params, "code_challenge_method") != "S256":
        raise errors.InvalidRequest("code_challenge_method must be S256")


def _only(params: Mapping[str, list[str]], name: str) -> str:
    """The one value of a parameter; empty where it is absent or repeated."""
    values = params.get(name, [])
    return values[0] if len(values) == 1 else ""
