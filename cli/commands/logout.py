import argparse

from ..accounts import Account
from ..credentials import CredentialStore
from ..errors import FAILED
from ..settings import Settings, read_settings
from ..terminal import say

SUMMARY = "Sign this terminal out: end the session at the backend and forget it here."
EXAMPLES = """
insighta logout
INSIGHTA_API=https://api.example.com insighta logout
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """It has no options."""


def run(arguments: argparse.Namespace) -> int:
    """Revoke first, then forget: a file that cannot be changed then holds a dead sign-in."""
    from ..signin.storage import revoke_accounts

    settings = read_settings(arguments)
    store = CredentialStore(settings.home)
    if store.find_account(settings.api, settings.account) is None:
        who = f"{settings.account} is" if settings.account else "You are"
        say(f"{who} not signed in at {settings.api}.")
        return 0
    with store.locked():
        account = store.find_account(settings.api, settings.account)
        is_ended = account is None or revoke_accounts(settings.api, [account])
        if account:
            store.remove_account(settings.api, account)
        following = _promote(store, settings.api)
    _report(settings, account, following)
    if not is_ended:
        say(
            "The backend could not be told, so the session lives on there. End it on the portal's sessions page,",
            "or after the next sign-in: insighta sessions revoke",
        )
    return 0 if is_ended else FAILED


def _promote(store: CredentialStore, api: str) -> Account | None:
    """Who is left, where that is one person: commands act as them from now on."""
    left = store.list_accounts(api)
    if len(left) != 1 or store.find_account(api):
        return None
    store.switch_account(api, left[0])
    return left[0]


def _report(settings: Settings, account: Account | None, following: Account | None) -> None:
    who = f", {account.login}" if account and account.login else ""
    say(f"Signed out of {settings.api}{who}.")
    if following:
        say(f"Commands act as {following.name} now.")
    if account and account.refresh_token is None:
        say("The personal access token itself still works. To end it: insighta tokens revoke")
    if settings.token:
        say("INSIGHTA_TOKEN is still set, so commands still use that token.")
