from __future__ import annotations

import argparse
import os

from .. import TYPE_CHECKING
from ..accounts import Account
from ..credentials import CredentialStore
from ..errors import FAILED, SIGN_IN_NEEDED, BackendUnreachable, CliError, Problem, SignInNeeded, UnexpectedAnswer
from ..jobs import uses_job
from ..parsing import add_json_option
from ..settings import Settings, read_settings
from ..tables import show_fields
from ..terminal import paint, say, show, show_json
from ..times import format_distance, format_instant, format_time, parse_instant, read_now, read_zone_name

if TYPE_CHECKING:
    from typing import Any

SUMMARY = "Show who is signed in, where, until when and how. Exit code 4: nobody."
EXAMPLES = """
insighta status
insighta status --offline    what is stored, without asking the backend
insighta status --verbose    the access token's end too
insighta status --json
"""
# The backend may set other limits and does not tell them.
JOB = "GitHub Actions"
SESSION_END = "you sign out, or by default 30 days without use and 90 days in all"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--offline", action="store_true", help="do not ask the backend")
    parser.add_argument("-v", "--verbose", action="store_true", help="the access token's end too")
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments)
    store = CredentialStore(settings.home)
    status = _describe(settings, store)
    code = 0 if status["signed_in"] else SIGN_IN_NEEDED
    if status["signed_in"] and not arguments.offline:
        code = _ask_backend(settings, store, status)
    if arguments.json:
        show_json(status)
    else:
        _show(status, is_verbose=arguments.verbose)
    return code


def _describe(settings: Settings, store: CredentialStore) -> dict[str, Any]:
    account = None if settings.token else store.find_account(settings.api, settings.account)
    is_job = uses_job(settings)
    return {
        "signed_in": bool(settings.token or account or is_job),
        "login": account.login if account else None,
        "api": settings.api,
        "source": "INSIGHTA_TOKEN" if settings.token else JOB if is_job else store.path,
        "kind": "ci_job" if is_job else _kind(settings, account),
        "confirmed": None,
        "access_token_expires_at": _expiry(account),
        "time_zone": None,
        "problem": None,
        "accounts": _list_accounts(settings, store),
    }


def _list_accounts(settings: Settings, store: CredentialStore) -> list[dict[str, Any]]:
    """Everybody who is signed in on this machine; none where the file cannot be used and INSIGHTA_TOKEN is."""
    accounts = []
    try:
        for api in store.list_addresses():
            current = store.find_account(api)
            accounts += [(api, one, current is not None and one.key == current.key) for one in store.list_accounts(api)]
    except CliError:
        if not settings.token:
            raise
    return [
        {"api": api, "login": one.login, "id": one.person_id, "current": is_current}
        for api, one, is_current in accounts
    ]


def _kind(settings: Settings, account: Account | None) -> str | None:
    if settings.token or (account and account.refresh_token is None):
        return "personal_access_token"
    return "session" if account else None


def _expiry(account: Account | None) -> str | None:
    expires_at = account.access_token_expires_at if account else None
    return format_instant(expires_at) if expires_at else None


def _ask_backend(settings: Settings, store: CredentialStore, status: dict[str, Any]) -> int:
    from ..api import Api

    try:
        person = Api(settings).find_person()
    except SignInNeeded as error:
        status |= {"signed_in": False, "confirmed": False, "problem": error.sentence}
        return SIGN_IN_NEEDED
    except (BackendUnreachable, UnexpectedAnswer) as error:
        status |= {"problem": error.sentence}
        return FAILED
    except Problem as error:
        status |= {"confirmed": False, "problem": error.sentence}
        return FAILED
    status |= {"login": person.get("login"), "confirmed": True, "time_zone": person.get("time_zone")}
    if status["kind"] == "session":
        status["access_token_expires_at"] = _expiry(store.find_account(settings.api, settings.account))
    return 0


def _show(status: dict[str, Any], *, is_verbose: bool) -> None:
    if status["problem"]:
        say(f"insighta: {status['problem']}")
    fields = _fields(status) if status["signed_in"] else []
    if is_verbose and status["kind"] == "session":
        fields.append(("Token", _describe_expiry(status["access_token_expires_at"])))
    if not status["signed_in"]:
        show(f"Not signed in at {status['api']}.")
        say("  Sign in: insighta login")
    show_fields(fields + _list_others(status))
    if status["time_zone"]:
        from ..schedule import say_zone_difference

        say_zone_difference(status["time_zone"])


def _fields(status: dict[str, Any]) -> list[tuple[str, str]]:
    unknown = "with a token that may not read whose it is" if status["confirmed"] else "unknown"
    name = status["login"] or unknown
    asked = {True: "confirmed by the backend", None: "as stored, not confirmed", False: "not confirmed"}
    until = {"session": SESSION_END, "ci_job": "15 minutes after each command began"}.get(
        status["kind"], "the personal access token ends or is revoked"
    )
    return [
        ("Signed in", f"{paint(name, 'bold')} ({asked[status['confirmed']]})"),
        ("Where", status["api"]),
        ("Until", until),
        ("Stored", _storage(status)),
    ]


def _describe_expiry(text: str | None) -> str:
    left = parse_instant(text) - read_now() if text else None
    if text is None or left is None or left.total_seconds() <= 0:
        return "expired; the next command gets another"
    expires_at = parse_instant(text)
    return f"good until {format_time(expires_at)} ({read_zone_name(expires_at)}), {format_distance(left)}"


def _storage(status: dict[str, Any]) -> str:
    if status["source"] == "INSIGHTA_TOKEN":
        return "in the environment (INSIGHTA_TOKEN)"
    if status["source"] == JOB:
        return "nowhere: the job's own identity is exchanged for a token"
    private = " (readable by you only)" if os.name == "posix" else " (in your profile folder)"
    return f"{status['source']}{private}"


def _list_others(status: dict[str, Any]) -> list[tuple[str, str]]:
    """The rest of the sign-ins: people at this backend, then each other backend with its people."""
    people: dict[str, list[str]] = {}
    for account in status["accounts"]:
        people.setdefault(account["api"], []).append(account["login"] or account["id"] or "a token")
    here = [name for name in people.pop(status["api"], []) if name != status["login"]]
    fields = [("Also here", f"{', '.join(here)} (to act as them: insighta switch {here[0]})")] if here else []
    return fields + [("Also at", f"{api} ({', '.join(names)})") for api, names in people.items()]
