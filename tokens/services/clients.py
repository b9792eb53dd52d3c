from functools import cache

from django.conf import settings

from tokens import errors
from tokens.policies.clients import CLI, DEVICE_CODE, PORTAL, Client


@cache
def registry() -> dict[str, Client]:
    """The OAuth clients by id: settings, not a table."""
    cli = Client(
        client_id=CLI,
        name="Insighta CLI",
        response_types=frozenset({"code"}),
        grant_types=frozenset({"authorization_code", "refresh_token", DEVICE_CODE}),
        loopback=True,
    )
    portal = Client(
        client_id=PORTAL,
        name="Insighta portal",
        response_types=frozenset({"code", "handoff"}),
        grant_types=frozenset({"authorization_code", "refresh_token"}),
        redirect_uris=frozenset({settings.PORTAL_REDIRECT_URI}),
        asks_consent=False,
        secrets=tuple(settings.PORTAL_CLIENT_SECRETS),
    )
    return {client.client_id: client for client in (cli, portal)}


def find_client(client_id: str) -> Client | None:
    return registry().get(client_id)


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
    """How long an honest retry is honoured: by who makes the key (a random one on disk, a derived one, none)."""
    if not is_keyed:
        return int(settings.UNKEYED_RETRY_SECONDS)
    return int(settings.PORTAL_RETRY_SECONDS if client.is_confidential else settings.CLI_RETRY_SECONDS)
