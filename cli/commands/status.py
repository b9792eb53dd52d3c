from __future__ import annotations

import argparse
import os

from .. import clock
from ..credentials import Account, CredentialStore, format_instant
from ..errors import FAILED, SIGN_IN_NEEDED, BackendUnreachable, CliError, SignInNeeded, UnexpectedAnswer
from ..parsing import add_json_option
from ..settings import Settings, read_settings
from ..terminal import clean, paint, say, show, show_json

TYPE_CHECKING = False  # Importing it from typing would cost a fifth of the start.
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
SESSION_END = "you sign out, or by default 30 days without use and 90 days in all"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--offline", action="store_true", help="do not ask the backend")
    parser.add_argument("-v", "--verbose", action="store_true", help="the access token's end too")
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """What the backend says goes before what is stored."""
    settings = read_settings()
    store = CredentialStore(settings.home)
    status = _describe(settings, store)
    code = 0 if status["signed_in"] else SIGN_IN_NEEDED
    if status["signed_in"] and not arguments.offline:
        code = _ask_backend(settings, store, status)
    if arguments.json:
        show_json(status)
    else:
        _show(status, store, is_verbose=arguments.verbose)
    return code


def _describe(settings: Settings, store: CredentialStore) -> dict[str, Any]:
    account = None if settings.token else store.find_account(settings.api)
    return {
        "signed_in": bool(settings.token or account),
        "login": account.login if account else None,
        "api": settings.api,
        "source": "INSIGHTA_TOKEN" if settings.token else store.path,
        "kind": _kind(settings, account),
        "confirmed": None,
        "access_token_expires_at": _expiry(account),
        "time_zone": None,
        "problem": None,
    }


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
        person = Api(settings).get("/me")
    except SignInNeeded as error:
        status |= {"signed_in": False, "confirmed": False, "problem": error.sentence}
        return SIGN_IN_NEEDED
    except (BackendUnreachable, UnexpectedAnswer) as error:
        status |= {"problem": error.sentence}
        return FAILED
    except CliError as error:
        status |= {"confirmed": False, "problem": error.sentence}
        return FAILED
    status |= {"login": person.get("login"), "confirmed": True, "time_zone": person.get("time_zone")}
    if not settings.token:
        status["access_token_expires_at"] = _expiry(store.find_account(settings.api))
    return 0


def _show(status: dict[str, Any], store: CredentialStore, *, is_verbose: bool) -> None:
    if status["problem"]:
        say(f"insighta: {status['problem']}")
    lines = _lines(status) if status["signed_in"] else []
    if is_verbose and status["kind"] == "session":
        lines.append(("Token", _describe_expiry(status["access_token_expires_at"])))
    others = _other_addresses(store, status["api"])
    if others:
        lines.append(("Also at", ", ".join(others)))
    if not status["signed_in"]:
        show(f"Not signed in at {status['api']}.")
        say("  Sign in: insighta login")
    for label, value in lines:
        show(paint(f"{label:<11}", "dim") + value)
    if status["time_zone"]:
        _say_zone(status["time_zone"])


def _say_zone(account_zone: str) -> None:
    from ..times import describe_zone_difference

    difference = describe_zone_difference(account_zone, clock.read_now())
    if difference:
        say(difference)


def _lines(status: dict[str, Any]) -> list[tuple[str, str]]:
    name = clean(status["login"] or "unknown")
    asked = {True: "confirmed by the backend", None: "as stored, not confirmed", False: "not confirmed"}
    until = SESSION_END if status["kind"] == "session" else "the personal access token ends or is revoked"
    return [
        ("Signed in", f"{paint(name, 'bold')} ({asked[status['confirmed']]})"),
        ("Where", status["api"]),
        ("Until", until),
        ("Stored", _storage(status)),
    ]


def _describe_expiry(text: str | None) -> str:
    from ..times import format_distance, format_time, parse_instant, read_zone_name

    left = parse_instant(text) - clock.read_now() if text else None
    if text is None or left is None or left.total_seconds() <= 0:
        return "expired; the next command gets another"
    expires_at = parse_instant(text)
    return f"good until {format_time(expires_at)} ({read_zone_name(expires_at)}), {format_distance(left)}"


def _storage(status: dict[str, Any]) -> str:
    if status["source"] == "INSIGHTA_TOKEN":
        return "in the environment (INSIGHTA_TOKEN)"
    private = " (readable by you only)" if os.name == "posix" else " (in your profile folder)"
    return f"{status['source']}{private}"


def _other_addresses(store: CredentialStore, api: str) -> list[str]:
    try:
        return [clean(address) for address in store.list_addresses() if address != api]
    except CliError:
        return []
