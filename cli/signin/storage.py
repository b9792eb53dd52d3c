from typing import Any

from .. import oauth
from ..accounts import Account
from ..credentials import CredentialStore
from ..errors import CliError, Problem, SignInNeeded, StoreDamaged, StoreError
from ..problems import read_problem
from ..settings import Settings
from ..terminal import say
from ..transport import PREFIX, send


def prepare_store(settings: Settings) -> None:
    """Can the result be stored? Asked before the person goes anywhere. Raises StoreError; sets a damaged file aside."""
    store = CredentialStore(settings.home)
    with store.locked():
        try:
            store.prove_writable()
        except StoreDamaged as damage:
            say(damage.sentence)
            store.prove_writable()


def store_grant(settings: Settings, grant: oauth.Grant, *, is_default: bool) -> str | None:
    """Store a new sign-in as the current account and end the same person's former one; the login name.

    It is stored before anything else, and ended again where it cannot be. Raises StoreError.
    """
    try:
        replaced = _add(settings, grant.as_fields(), is_default=is_default)
    except StoreError:
        revoke_quietly(settings.api, grant.refresh_token)
        raise
    login = _find_login(settings.api, grant.access_token)
    _add_login(settings, grant.access_token, login)
    revoke_accounts(settings.api, replaced)
    return login


def store_token(settings: Settings, token: str, *, is_default: bool) -> str | None:
    """Store a personal access token that the backend accepts; its owner's login, None where its scopes do not tell.

    Raises SignInNeeded when it is not accepted, StoreError, BackendUnreachable, UnexpectedAnswer.
    """
    person = find_owner(settings.api, token)
    fields = {"access_token": token, "login": person.get("login"), "person_id": person.get("id")}
    revoke_accounts(settings.api, _add(settings, fields, is_default=is_default))
    return person.get("login")


def find_owner(api: str, token: str) -> dict[str, str]:
    """Whose a working token is; empty where it may not read that.

    Raises SignInNeeded, Problem, BackendUnreachable, UnexpectedAnswer.
    """
    try:
        return _read_person(api, token)
    except Problem as problem:
        if not problem.lacks_scope:
            raise
        return {}


def revoke_accounts(api: str, accounts: list[Account]) -> bool:
    """Whether the backend has ended the sessions. A personal access token is left as it is."""
    ended = [revoke_quietly(api, account.refresh_token) for account in accounts if account.refresh_token]
    return all(ended)


def revoke_quietly(api: str, token: str) -> bool:
    """Whether the backend has ended the session."""
    try:
        oauth.revoke(api, token)
    except CliError:
        return False
    return True


def _add(settings: Settings, fields: dict[str, str | None], *, is_default: bool) -> list[Account]:
    store = CredentialStore(settings.home)
    with store.locked():
        return store.add_account(settings.api, fields, is_default=is_default)


def _find_login(api: str, access_token: str) -> str | None:
    try:
        login = _read_person(api, access_token).get("login")
    except CliError:
        return None
    return login if isinstance(login, str) else None


def _add_login(settings: Settings, access_token: str, login: str | None) -> None:
    store = CredentialStore(settings.home)
    try:
        with store.locked():
            account = store.find_account(settings.api)
            if login and account and account.access_token == access_token:
                store.save_account(settings.api, account.key, login=login)
    except StoreError:
        return  # The sign-in itself is stored; its name is for display.


def _read_person(api: str, token: str) -> dict[str, Any]:
    answer = send("GET", api, f"{PREFIX}/me", headers={"Authorization": f"Bearer {token}"})
    if answer.status == 401:
        raise SignInNeeded(f"{api} does not accept this token.", "It may have expired or been revoked: make another.")
    if answer.status >= 400:
        raise read_problem(answer)
    return answer.read_object()
