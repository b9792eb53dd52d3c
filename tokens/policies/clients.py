"""OAuth clients and what each may do. Pure; the built-in two come from the settings, every other from its row."""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import unquote_plus

from tokens.policies.scopes import ALL_SCOPES, OFFLINE_ACCESS

CLI, PORTAL = "insighta-cli", "insighta-portal"
BUILT_IN = frozenset({CLI, PORTAL})
RESERVED_PREFIX = "insighta-"
"""No application has an id with it."""
CI = "insighta-ci"
"""The jobs of trusted publishers: a public client whose only grant is the exchange of an ID token."""
# The admin in the list of a person's sign-ins; not an OAuth client.
STAFF = "insighta-admin"
AUTHORIZATION_CODE, REFRESH_TOKEN = "authorization_code", "refresh_token"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  # a URN, not a password
OLD_SECRET, OVERLAP, UNUSED = timedelta(days=365), timedelta(days=7), timedelta(days=180)
GRANT_TYPES = (AUTHORIZATION_CODE, REFRESH_TOKEN, DEVICE_CODE)
"""The grants of `/oauth/token`; each has its handler in `tokens/views/token.py`."""
RESPONSE_TYPES = ("code", "handoff")
BASIC = "basic "
# Numeric addresses only, for `localhost` may be made to mean another host (RFC 8252 §8.3); a plain path, no more.
_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|\[::1\])(:(?P<port>[0-9]{1,5}))?(/[A-Za-z0-9._~/-]*)?")
_CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Client:
    """An OAuth client. A confidential one has secrets, kept as SHA-256, any of which authenticates it.

    `scopes` are those it may be given. `loopback`: any port and plain path on loopback is a redirect URI, too.
    `vouches_for_address`: its `X-Forwarded-For` is believed. `stores_retry_keys`: they are random and on disk before
    they are sent, so that a copy of the tokens has none.
    """

    client_id: str
    name: str
    response_types: frozenset[str]
    grant_types: frozenset[str]
    redirect_uris: frozenset[str] = frozenset()
    loopback: bool = False
    asks_consent: bool = True
    vouches_for_address: bool = False
    stores_retry_keys: bool = False
    scopes: tuple[str, ...] = ALL_SCOPES
    secret_digests: tuple[bytes, ...] = field(default=(), repr=False)
    home_page: str = ""
    post_logout_redirect_uris: frozenset[str] = frozenset()
    id_token_algorithm: str = ""

    @property
    def is_built_in(self) -> bool:
        """Whether it is a part of Insighta: whatever makes credentials or shows other sign-ins is for these only."""
        return self.client_id in BUILT_IN

    @property
    def is_confidential(self) -> bool:
        return bool(self.secret_digests)

    def gives_refresh_token(self, scope: str) -> bool:
        """Whether a sign-in with this scope can be refreshed (OpenID Connect Core §11)."""
        return self.is_built_in or OFFLINE_ACCESS in scope.split()

    def has_secret(self, presented: str) -> bool:
        """Compared in constant time with every accepted secret."""
        given = digest_secret(presented)
        return any(hmac.compare_digest(given, accepted) for accepted in self.secret_digests)

    def allows_redirect_to(self, uri: str) -> bool:
        """Exactly a registered URI, or for the terminal any port on loopback (RFC 8252 §7.3)."""
        return uri in self.redirect_uris or (self.loopback and _is_loopback_callback(uri))


def read_basic(header: str) -> tuple[str, str] | None:
    """Id and secret of an Authorization header of the Basic scheme (RFC 6749 §2.3.1); None where it is malformed."""
    try:
        decoded = base64.b64decode(header[len(BASIC) :], validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    client_id, colon, secret = decoded.partition(":")
    return (unquote_plus(client_id), unquote_plus(secret)) if colon else None


def is_basic(header: str) -> bool:
    return header[: len(BASIC)].lower() == BASIC


def digest_secret(secret: str) -> bytes:
    """What is kept of a client's secret. It has enough entropy to need no salt and no stretching."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


def list_age_warnings(
    *, secrets: int, secret_made_at: datetime, last_sign_in_at: datetime | None, created_at: datetime, now: datetime
) -> list[str]:
    """What the time since a registration makes unwise of it. A public client has no `secrets`."""
    found = []
    days = (now - secret_made_at).days
    if secrets and days > OLD_SECRET.days:
        found.append(f"Its secret is {days} days old: rotate_client_secret makes another.")
    if secrets > 1 and days > OVERLAP.days:
        found.append(f"Two secrets are valid for {days} days: drop the earlier one with --drop-old.")
    if now - (last_sign_in_at or created_at) > UNUSED:
        found.append(f"Nobody has signed in for {UNUSED.days} days: disable_client refuses it.")
    return found


def is_client_id(value: str) -> bool:
    """Whether a client may be called so: what is not costs no query."""
    return bool(_CLIENT_ID.fullmatch(value))


def _is_loopback_callback(uri: str) -> bool:
    match = _LOOPBACK.fullmatch(uri)
    return match is not None and 0 < int(match["port"] or 80) < 65_536
