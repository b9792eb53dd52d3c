"""The parameters that OpenID Connect adds to an authorize request (Core §3.1.2.1)."""

import re
from collections.abc import Mapping
from datetime import datetime

from django.conf import settings

from accounts.policies import list_zones
from tokens import errors
from tokens.policies import hints
from tokens.services.id_tokens import find_hint

Parameters = Mapping[str, list[str]]
PROMPTS = ("none", "login", "select_account", "consent")
_NONCE = re.compile(r"[ -~]{1,255}")
_SECONDS = re.compile(r"[0-9]{1,9}")
# A login of GitHub's; it goes into the address of GitHub's page.
_LOGIN = re.compile(r"[A-Za-z0-9](-?[A-Za-z0-9]){0,38}")


def check_parameters(params: Parameters) -> None:
    """Raises RequestNotSupported, RequestUriNotSupported or InvalidRequest."""
    if any(params.get("request", [])):
        raise errors.RequestNotSupported
    if any(params.get("request_uri", [])):
        raise errors.RequestUriNotSupported
    if _first(params, "response_mode") not in {"", "query"}:
        raise errors.InvalidRequest("response_mode must be query or absent")
    if not _SECONDS.fullmatch(_first(params, "max_age") or "0"):
        raise errors.InvalidRequest("max_age must be a number of seconds")


def read_prompts(params: Parameters) -> frozenset[str]:
    """What `prompt` asks for, and `login` for a `max_age`: each sign-in is made anew, so that asking is the same.

    Raises InvalidRequest, and LoginRequired for `none`: nobody is signed in at a browser here.
    """
    prompts = frozenset(_first(params, "prompt").split())
    if prompts - set(PROMPTS) or ("none" in prompts and len(prompts) > 1):
        raise errors.InvalidRequest("prompt must be none, or of login, select_account and consent")
    if "none" in prompts:
        raise errors.LoginRequired
    return prompts | ({"login"} if _first(params, "max_age") else frozenset())


def selects_account(params: Parameters) -> bool:
    """Whether GitHub is to ask who it is."""
    return bool(read_prompts(params) & {"login", "select_account"})


def read_nonce(params: Parameters) -> str:
    """Raises InvalidRequest."""
    nonce = _first(params, "nonce")
    if nonce and not _NONCE.fullmatch(nonce):
        raise errors.InvalidRequest("nonce must be 1 to 255 printable ASCII characters")
    return nonce


def read_login_hint(params: Parameters) -> str:
    """The login that GitHub is to suggest; empty for what is none, as it is only a hint."""
    hint = _first(params, "login_hint")
    return hint if _LOGIN.fullmatch(hint) else ""


def read_subject(params: Parameters, *, client_id: str, now: datetime) -> str:
    """The id of the only person who may sign in: whom `id_token_hint` names. Empty where there is no hint.

    The hint is an ID token that this application was given, expired or not, or the short form of one.
    Raises InvalidRequest for any other text.
    """
    hint = _first(params, "id_token_hint")
    if not hint:
        return ""
    if kept := hints.read_hint(hint, client_id=client_id, keys=settings.TOKEN_KEYS):
        return kept
    told = find_hint(hint, now=now)
    if told is None or told.client_id != client_id:
        raise errors.InvalidRequest("id_token_hint must be an ID token that this server gave to this application")
    return str(told.user_id)


def read_time_zone(params: Parameters) -> str:
    """The zone that the browser is in, for a person who is new; an extension of ours. Empty for what is none."""
    zone = _first(params, "time_zone")
    return zone if zone in list_zones() else ""


def _first(params: Parameters, name: str) -> str:
    return next(iter(params.get(name, [])), "")
