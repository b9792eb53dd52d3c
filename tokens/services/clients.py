from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings

from tokens import errors
from tokens.policies.clients import (
    AUTHORIZATION_CODE,
    CI,
    CLI,
    DEVICE_CODE,
    GRANT_TYPES,
    PORTAL,
    REFRESH_TOKEN,
    RESPONSE_TYPES,
    TOKEN_EXCHANGE,
    Client,
    digest_secret,
    is_client_id,
)
from tokens.policies.publishers import PUBLISHER_SCOPES
from tokens.repositories import applications

if TYPE_CHECKING:
    from tokens.models import Application


@cache
def registry() -> dict[str, Client]:
    """The clients that are settings, not rows, by id: the built-in two, and the jobs of CI."""
    cli = Client(
        client_id=CLI,
        name="Insighta CLI",
        response_types=frozenset({"code"}),
        grant_types=frozenset(GRANT_TYPES),
        loopback=True,
        stores_retry_keys=True,
    )
    portal = Client(
        client_id=PORTAL,
        name="Insighta portal",
        response_types=frozenset(RESPONSE_TYPES),
        grant_types=frozenset(GRANT_TYPES) - {DEVICE_CODE},
        redirect_uris=frozenset({settings.PORTAL_REDIRECT_URI}),
        asks_consent=False,
        vouches_for_address=True,
        secret_digests=tuple(map(digest_secret, settings.PORTAL_CLIENT_SECRETS)),
    )
    ci = Client(
        client_id=CI,
        name="CI job",
        response_types=frozenset(),
        grant_types=frozenset({TOKEN_EXCHANGE}),
        scopes=PUBLISHER_SCOPES,
    )
    return {client.client_id: client for client in (cli, portal, ci)}


def find_client(client_id: str) -> Client | None:
    """A client from settings without a query, an application that is not disabled by one; None for any other."""
    if client_id in registry():
        return registry()[client_id]
    application = applications.find_enabled(client_id) if is_client_id(client_id) else None
    return client_of(application) if application else None


def client_of(application: "Application") -> Client:
    """A registered application as the OAuth client that it is."""
    return Client(
        client_id=application.client_id,
        name=application.name,
        response_types=frozenset({"code"}),
        grant_types=frozenset({AUTHORIZATION_CODE, REFRESH_TOKEN}),
        redirect_uris=frozenset(application.redirect_uris),
        scopes=tuple(application.scope.split()),
        secret_digests=tuple(map(bytes.fromhex, application.secret_digests)),
        home_page=application.home_page,
        post_logout_redirect_uris=frozenset(application.post_logout_redirect_uris),
        id_token_algorithm=application.id_token_algorithm,
    )


def authenticate_client(*, client_id: str, secret: str | None) -> Client:
    """The client that may speak with these credentials (RFC 6749 §2.3). Raises InvalidClient.

    A public client has no secret and must send none.
    """
    client = find_client(client_id)
    if client is None or (client.is_confidential and not client.has_secret(secret or "")):
        raise errors.InvalidClient
    if secret and not client.is_confidential:
        raise errors.InvalidClient("This client is public and has no secret.")
    return client


def retry_window_seconds(client: Client, *, is_keyed: bool) -> int:
    """The retry window: by whether the key is random and on disk, derived, or absent."""
    if not is_keyed:
        return int(settings.UNKEYED_RETRY_SECONDS)
    return int(settings.CLI_RETRY_SECONDS if client.stores_retry_keys else settings.PORTAL_RETRY_SECONDS)
