"""What happens to fresh tokens: stored before anything else, and revoked again where they cannot be."""

from .. import oauth
from ..credentials import Account, CredentialStore
from ..errors import CliError, Problem, StoreDamaged, StoreError
from ..person import read_person
from ..settings import Settings
from ..terminal import say


def prepare_store(settings: Settings) -> None:
    """Can the result be kept? Asked before the person goes anywhere. Raises StoreError; sets a damaged file aside."""
    store = CredentialStore(settings.home)
    with store.locked():
        try:
            store.prove_writable()
        except StoreDamaged as damage:
            say(damage.sentence)
            store.prove_writable()


def keep_grant(settings: Settings, grant: oauth.Grant) -> str | None:
    """Store a new sign-in in the place of the old one, which is ended; the login name. Raises StoreError."""
    try:
        previous = _replace(settings, grant.as_fields())
    except StoreError:
        revoke_quietly(settings.api, grant.refresh_token)
        raise
    login = _find_login(settings.api, grant.access_token)
    _add_login(settings, grant.access_token, login)
    if previous and previous.refresh_token:
        revoke_quietly(settings.api, previous.refresh_token)
    return login


def keep_token(settings: Settings, token: str) -> str | None:
    """Store a personal access token that the backend accepts; its owner's login, None where its scopes do not tell.

    Raises SignInNeeded when it is not accepted, StoreError, BackendUnreachable, UnexpectedAnswer.
    """
    try:
        login = read_person(settings.api, token).get("login")
    except Problem as problem:
        if problem.code != "permission_denied":
            raise
        login = None
    fields = {"access_token": token, "access_token_expires_at": None, "refresh_token": None, "retry_key": None}
    previous = _replace(settings, fields | {"login": login})
    if previous and previous.refresh_token:
        revoke_quietly(settings.api, previous.refresh_token)
    return login


def revoke_quietly(api: str, token: str) -> bool:
    """Whether the backend has ended the session."""
    try:
        oauth.revoke(api, token)
    except CliError:
        return False
    return True


def _replace(settings: Settings, fields: dict[str, str | None]) -> Account | None:
    store = CredentialStore(settings.home)
    with store.locked():
        previous = store.find_account(settings.api)
        store.replace_account(settings.api, {"login": None} | fields)
    return previous


def _find_login(api: str, access_token: str) -> str | None:
    try:
        login = read_person(api, access_token).get("login")
    except CliError:
        return None
    return login if isinstance(login, str) else None


def _add_login(settings: Settings, access_token: str, login: str | None) -> None:
    store = CredentialStore(settings.home)
    try:
        with store.locked():
            account = store.find_account(settings.api)
            if login and account and account.access_token == access_token:
                store.save_account(settings.api, login=login)
    except StoreError:
        return  # The sign-in itself is stored; its name is for display.
