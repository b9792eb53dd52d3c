"""The two OAuth clients and what each may do. Pure; their secrets and addresses come from the settings."""

import hmac
import re
from dataclasses import dataclass, field

CLI, PORTAL = "insighta-cli", "insighta-portal"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
# Numeric addresses only, for `localhost` may be made to mean another host (RFC 8252 §8.3); a plain path, no more.
_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|\[::1\])(:(?P<port>[0-9]{1,5}))?(/[A-Za-z0-9._~/-]*)?")


@dataclass(frozen=True)
class Client:
    """An OAuth client. A confidential one has secrets, any of which authenticates it."""

    client_id: str
    name: str
    response_types: frozenset[str]
    grant_types: frozenset[str]
    redirect_uris: frozenset[str] = frozenset()
    loopback: bool = False
    asks_consent: bool = True
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def is_confidential(self) -> bool:
        return bool(self.secrets)

    def has_secret(self, presented: str) -> bool:
        """Compared in constant time with every accepted secret."""
        given = presented.encode(errors="surrogatepass")
        return any(hmac.compare_digest(given, secret.encode()) for secret in self.secrets)

    def allows_redirect_to(self, uri: str) -> bool:
        """Exactly a registered URI, or for the terminal any port on loopback (RFC 8252 §7.3)."""
        return uri in self.redirect_uris or (self.loopback and _is_loopback_callback(uri))


def _is_loopback_callback(uri: str) -> bool:
    match = _LOOPBACK.fullmatch(uri)
    return match is not None and 0 < int(match["port"] or 80) < 65_536
