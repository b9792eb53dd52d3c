"""A token for the next request, renewed in time and without ever losing the sign-in.

The lock is held over reading, refreshing and writing. The retry key is on disk before the request is sent, so a killed
process, a lost answer or a full disk is followed by the same request with the same key, and the same successor.
"""

from __future__ import annotations

import time
from datetime import timedelta

from . import TYPE_CHECKING
from .accounts import Account, read_claims
from .credentials import CredentialStore
from .errors import BackendUnreachable, CliError, GrantRefused, SignInNeeded, StoreError, UnexpectedAnswer
from .jobs import PERMISSION, get_job_token, is_in_actions, uses_job
from .settings import Settings
from .terminal import say
from .times import read_now

if TYPE_CHECKING:
    from .oauth import Grant

# A printed token should outlive the command line it is used in.
SPARE = timedelta(seconds=60)
# How long to wait for a backend that does not answer: not long while the old token still works.
LONGEST_SECONDS = 20.0
HURRIED_SECONDS = 4.0
LONGEST_PAUSE_SECONDS = 5.0
LONGEST_LIFETIME_SECONDS = 366 * 86400
SIGN_IN = "Sign in: insighta login"
SIGN_IN_AGAIN = "Sign in again: insighta login"
SIGNS_OF_A_COPY = frozenset({"refresh token reused", "retry key mismatch"})
COPIED = (
    "It was used twice, so somebody may have a copy of it. When you are signed in again, look for sign-ins that are\n"
    "not yours: insighta sessions list"
)


def get_access_token(settings: Settings) -> str:
    """Raises SignInNeeded, StoreError, BackendUnreachable, UnexpectedAnswer."""
    if settings.token:
        return settings.token
    if uses_job(settings):
        return get_job_token(settings)
    account = get_account(settings)
    if is_fresh(account):
        return account.access_token
    return renew_access_token(settings, stale=account)


def get_account(settings: Settings) -> Account:
    """The stored sign-in that is meant. Raises SignInNeeded, StoreError, UsageError."""
    store = CredentialStore(settings.home)
    account = store.find_account(settings.api, settings.account)
    if account is None:
        raise explain_missing_account(store, settings.api, settings.account)
    return account


def explain_missing_account(store: CredentialStore, api: str, name: str | None) -> SignInNeeded:
    """Names who is signed in instead."""
    names = [one.name for one in store.list_accounts(api)]
    choose = f"Signed in there: {', '.join(names)}. Choose one: insighta switch {names[0]}\n" if names else ""
    job = f"{PERMISSION}\n" if is_in_actions() else ""
    return SignInNeeded(f"{f'{name} is' if name else 'You are'} not signed in at {api}.", job + choose + SIGN_IN)


def renew_access_token(settings: Settings, *, stale: Account, refused: bool = False) -> str:
    """A newer token than `stale`. With `refused`, the backend did not take the stale one although it looked fresh.

    While the stale token is still good, trouble on the way to a new one is no trouble yet. Raises as get_access_token.
    """
    try:
        return _renew_locked(settings, stale=stale)
    except (BackendUnreachable, UnexpectedAnswer, StoreError) as error:
        if refused or not _is_still_good(stale):
            error.advice = f"You are still signed in. {error.advice}"
            raise
        return stale.access_token


def is_fresh(account: Account) -> bool:
    """Whether the token can be used as it is, with allowance for a clock that has been set back."""
    if account.refresh_token is None:
        return True
    if account.access_token_expires_at is None:
        return False
    left = account.access_token_expires_at - read_now()
    lifetime = read_lifetime(account.access_token)
    if lifetime is None:
        return left > SPARE
    return min(SPARE, lifetime / 3) < left <= lifetime + timedelta(seconds=5)


def read_lifetime(access_token: str) -> timedelta | None:
    """How long the token lives from issue to expiry, by its own claims; None when it does not say."""
    claims = read_claims(access_token)
    try:
        seconds = claims["exp"] - claims["iat"]
        return timedelta(seconds=seconds) if 0 < seconds < LONGEST_LIFETIME_SECONDS else None
    except (TypeError, KeyError):
        return None


def _is_still_good(account: Account) -> bool:
    expires_at = account.access_token_expires_at
    lifetime = read_lifetime(account.access_token) or timedelta.max
    return expires_at is not None and timedelta(seconds=1) < expires_at - read_now() <= lifetime


def _renew_locked(settings: Settings, *, stale: Account) -> str:
    store = CredentialStore(settings.home)
    with store.locked():
        # Without an id in it, the key changes with the token, and only the current account can be meant.
        account = store.find_account(settings.api, stale.key if stale.person_id else None)
        if account is None:
            raise SignInNeeded(f"You have signed out of {settings.api} meanwhile.", SIGN_IN_AGAIN)
        if account.access_token != stale.access_token and is_fresh(account):
            return account.access_token
        seconds = HURRIED_SECONDS if _is_still_good(account) else LONGEST_SECONDS
        return _rotate(settings.api, store, account, seconds=seconds)


def _rotate(api: str, store: CredentialStore, account: Account, *, seconds: float) -> str:
    from . import oauth

    if account.refresh_token is None:
        raise SignInNeeded("The stored personal access token is no longer accepted.", SIGN_IN_AGAIN)
    retry_key = account.retry_key or oauth.make_retry_key()
    if account.retry_key is None:
        store.save_account(api, account.key, retry_key=retry_key)
    try:
        grant = _rotate_with_retry(api, account.refresh_token, retry_key, seconds)
    except GrantRefused as refusal:
        raise _end_of_sign_in(api, store, account, refusal) from None
    try:
        store.save_account(api, account.key, **grant.as_fields())
    except StoreError as error:
        say(f"Warning: {error.sentence} You are still signed in; the next command asks for the same tokens again.")
    return grant.access_token


def _rotate_with_retry(api: str, refresh_token: str, retry_key: str, seconds: float) -> Grant:
    """One more try when the answer got lost, or the backend asks for it: with the same key it is the same request."""
    from . import oauth

    try:
        return oauth.rotate(api, refresh_token=refresh_token, retry_key=retry_key, timeout=seconds)
    except BackendUnreachable as error:
        if isinstance(error.__cause__, TimeoutError):
            raise
    except GrantRefused as refusal:
        if refusal.retry_after is None or refusal.retry_after > LONGEST_PAUSE_SECONDS:
            raise
        time.sleep(refusal.retry_after)
    return oauth.rotate(api, refresh_token=refresh_token, retry_key=retry_key, timeout=seconds)


def _end_of_sign_in(api: str, store: CredentialStore, account: Account, refusal: GrantRefused) -> CliError:
    if refusal.error != "invalid_grant":
        return UnexpectedAnswer(
            f"The backend did not renew your sign-in: {refusal.sentence}.", "Try again in a moment."
        )
    from contextlib import suppress

    with suppress(StoreError):  # A dead sign-in that stays in the file is refused again next time.
        store.remove_account(api, account)
    advice = f"{COPIED}\n{SIGN_IN_AGAIN}" if refusal.sentence in SIGNS_OF_A_COPY else SIGN_IN_AGAIN
    return SignInNeeded(f"Your sign-in on this machine has ended ({refusal.sentence}).", advice)
