import argparse

from ..access_tokens import explain_missing_account
from ..accounts import Account
from ..credentials import CredentialStore
from ..errors import UsageError
from ..settings import read_settings
from ..terminal import say, say_done

SUMMARY = "Make another person who is signed in here the one that commands act as."
EXAMPLES = """
insighta switch grace          from now on; for one command: --account grace
insighta switch                the other one, where there are two
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("account", nargs="?", help="a login name or id, as insighta status shows it")


def run(arguments: argparse.Namespace) -> None:
    from ..signin.storage import revoke_accounts

    settings = read_settings()
    store = CredentialStore(settings.home)
    with store.locked():
        account = _choose(store, settings.api, arguments.account)
        replaced = store.switch_account(settings.api, account)
    revoke_accounts(settings.api, replaced)
    say_done(f"Commands act as {account.name} at {settings.api}.")
    if settings.token:
        say("INSIGHTA_TOKEN is still set, so commands still use that token.")
    elif settings.account:
        say(f"INSIGHTA_ACCOUNT is still set, so commands still act as {settings.account}.")


def _choose(store: CredentialStore, api: str, name: str | None) -> Account:
    """Without a name the only one who is not current."""
    accounts = store.list_accounts(api)
    if accounts and not name:
        current = store.find_account(api)
        others = [one for one in accounts if current is None or one.key != current.key]
        if len(others) == 1:
            return others[0]
        raise UsageError("Say which account to use.", f"Signed in: {', '.join(one.name for one in accounts)}")
    account = store.find_account(api, name)
    if account is None:
        raise explain_missing_account(store, api, name)
    return account
