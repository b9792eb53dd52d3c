import argparse

from ..credentials import CredentialStore
from ..errors import FAILED
from ..settings import read_settings
from ..terminal import clean, say

SUMMARY = "Sign this terminal out: end the session at the backend and forget it here."
EXAMPLES = """
insighta logout
INSIGHTA_API=https://api.example.com insighta logout
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options: there are none."""


def run(arguments: argparse.Namespace) -> int:
    """Revoke first, then forget: a file that cannot be changed then holds a dead sign-in."""
    settings = read_settings()
    store = CredentialStore(settings.home)
    if store.find_account(settings.api) is None:
        say(f"You are not signed in at {settings.api}.")
        return 0
    with store.locked():
        account = store.find_account(settings.api)
        is_ended = _end(settings.api, account.refresh_token if account else None)
        store.remove_account(settings.api)
    who = f", {clean(account.login)}" if account and account.login else ""
    say(f"Signed out of {settings.api}{who}.")
    if account and account.refresh_token is None:
        say("The personal access token itself still works. To end it: insighta tokens revoke")
    if settings.token:
        say("INSIGHTA_TOKEN is still set, so commands still use that token.")
    if not is_ended:
        say("The backend could not be told, so the session lives on there. End it on the portal's sessions page,")
        say("or after the next sign-in: insighta sessions revoke")
    return 0 if is_ended else FAILED


def _end(api: str, refresh_token: str | None) -> bool:
    from ..signin.keeping import revoke_quietly

    return refresh_token is None or revoke_quietly(api, refresh_token)
