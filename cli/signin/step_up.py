import os
import sys

from .. import oauth
from ..accounts import Account
from ..credentials import CredentialStore
from ..errors import CliError, Problem, SignInNeeded
from ..settings import Settings
from ..terminal import can_ask, say
from .device import sign_in_with_code
from .loopback import DEFAULT_PORT, BrowserSignIn
from .method import choose_method
from .storage import prepare_store, revoke_quietly


def sign_in_again(settings: Settings, account: Account, problem: Problem) -> None:
    """Sign the person of `account` in anew, for what needs a recent sign-in (RFC 9470); the one before it ends.

    Raises SignInNeeded where nobody can be asked, CliError where another person signs in, and as a login does.
    """
    if not can_ask():
        raise SignInNeeded(problem.sentence, "Sign in, then run this command once more: insighta login")
    say(_explain(account, problem), "")
    prepare_store(settings)
    if choose_method(os.environ, system=sys.platform, is_interactive=True).name == "device":
        return _replace(settings, account, sign_in_with_code(settings.api))
    sign_in = BrowserSignIn(settings.api, port=DEFAULT_PORT, listens=True, prompt="select_account")
    try:
        _replace(settings, account, sign_in.run(opens_browser=settings.opens_browser))
    except BaseException:
        sign_in.close("")
        raise
    return sign_in.close(account.login)


def _explain(account: Account, problem: Problem) -> str:
    max_age = problem.document.get("max_age")
    age = f" of the last {max_age // 60} minutes" if isinstance(max_age, int) and max_age >= 60 else ""
    return f"This needs a sign-in{age}: sign in as {account.name} once more, and the command goes on."


def _replace(settings: Settings, account: Account, grant: oauth.Grant) -> None:
    """Store the new sign-in in the place of the old one, and end that. Whose it is, is looked at before."""
    new = Account(grant.as_fields())
    if new.key != account.key:
        revoke_quietly(settings.api, grant.refresh_token)
        raise CliError(
            f"Somebody else than {account.name} has signed in there, so nothing was done.",
            f"Run the command again, and choose {account.name} on GitHub's page.",
        )
    store = CredentialStore(settings.home)
    try:
        with store.locked():
            former = store.find_account(settings.api, account.key)
            if former is None:
                store.add_account(settings.api, grant.as_fields() | {"login": account.login})
            else:
                store.save_account(settings.api, account.key, **grant.as_fields())
    except CliError:
        revoke_quietly(settings.api, grant.refresh_token)
        raise
    if former and former.refresh_token:
        revoke_quietly(settings.api, former.refresh_token)
