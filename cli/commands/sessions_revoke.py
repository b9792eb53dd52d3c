import argparse
from functools import cache
from typing import Any

from ..api import Api
from ..credentials import CredentialStore
from ..errors import UsageError
from ..sessions import name_session
from ..settings import Settings, read_settings
from ..short_ids import resolve_id
from ..terminal import say
from ..times import format_moment, parse_instant

SUMMARY = "Sign a device out: that terminal or browser is signed out at once."
EXAMPLES = """
insighta sessions revoke 019ab3f7-0c11
insighta sessions revoke --others         everywhere but here
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("session", nargs="?", help="the session's id, or its start")
    parser.add_argument("--others", action="store_true", help="every session but this one")


def run(arguments: argparse.Namespace) -> None:
    if bool(arguments.session) == arguments.others:
        raise UsageError("Say which session to end: an id, or --others.", "List them: insighta sessions list")
    settings = read_settings(arguments)
    api = Api(settings)
    if arguments.others:
        api.delete("/sessions", keep="current")
        return say("Signed out everywhere but here.")
    list_sessions = cache(lambda: api.list("/sessions"))
    session_id = resolve_id(arguments.session, "session", list_sessions, _describe)
    ended = next((session for session in list_sessions() if session["id"] == session_id), {})
    api.delete(f"/sessions/{session_id}")
    return _report(settings, ended, session_id)


def _describe(session: dict[str, Any]) -> str:
    signed_in = format_moment(parse_instant(session["created_at"]))
    return f"{name_session(session)}, signed in {signed_in}"


def _report(settings: Settings, ended: dict[str, Any], session_id: str) -> None:
    say(f"Ended: {name_session(ended) or session_id}.")
    if ended.get("current"):
        store = CredentialStore(settings.home)
        with store.locked():
            account = store.find_account(settings.api, settings.account)
            if account:
                store.remove_account(settings.api, account)
        say("That was this terminal, so you are signed out here.")
